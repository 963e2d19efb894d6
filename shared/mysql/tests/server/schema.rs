//! Opening: many at once, half done, of another version; and what the tables look like to users.

use std::sync::Arc;

use domain::Origin;
use mysql::MysqlStore;
use ports::{Freshness, Ledger, LetterFilter, LetterKey, LetterState, Letters, Quotes, Store, StoreError};
use sqlkit::contract::SqlLab;
use sqlkit::contract::snapshot::snapshot;
use sqlx::Row;
use tables::desk::lists::Dialect;
use tables::write::Parameter;
use testkit::clock::ManualClock;
use testkit::contract::store::sample::{at, chunk, letter};

use crate::database::{Database, setup, steps};

async fn refused(database: &Database) -> String {
    match MysqlStore::open(&database.options(), Arc::new(ManualClock::default())).await {
        Err(StoreError::Misconfigured { reason }) => reason,
        other => panic!("not misconfigured: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn six_processes_may_open_an_empty_database_at_once() {
    let database = Arc::new(Database::create().await);
    let openers = (1..=6).map(|id| {
        let database = Arc::clone(&database);
        tokio::spawn(async move { database.open().await.load(&chunk(&[id])).await })
    });
    for opener in openers.collect::<Vec<_>>() {
        assert_eq!(opener.await.unwrap().unwrap().written, 1);
    }
    assert_eq!(database.open().await.totals().await.unwrap().coins, 6);
    let lines = database.rows("SELECT version FROM store_migrations WHERE success = 1").await;
    assert_eq!(lines.len(), steps());
}

#[tokio::test]
async fn a_schema_that_a_crash_left_half_done_is_finished() {
    let database = Database::create().await;
    database.open().await.close().await;
    for sql in [
        "DROP TABLE mail_outbox",
        "UPDATE store_migrations SET success = 0 WHERE version IN (3, 5)",
        "DROP TABLE mail_covers",
        "DROP TABLE chunk_replays",
        "UPDATE store_migrations SET success = 0 WHERE version = 6",
        "DROP VIEW cryptocurrencies",
        "DELETE FROM store_migrations WHERE version = 1",
    ] {
        database.execute(sql).await;
    }
    let store = database.open().await;
    store.load(&chunk(&[1])).await.unwrap();
    assert_eq!(database.rows("SELECT 1 FROM cryptocurrencies").await.len(), 1);
    assert_eq!(database.rows("SELECT 1 FROM mail_outbox").await.len(), 0);
}

/// What an earlier version loaded is fresh, listed, and of its kind.
#[tokio::test]
async fn what_was_loaded_before_migration_6_is_found_by_what_is_new() {
    let lab = setup().await;
    lab.store.load(&snapshot(0, &["USD"], 3)).await.unwrap();
    let mut newest = snapshot(3600, &["EUR"], 2);
    newest.page.origin = Origin::Replay;
    lab.store.load(&newest).await.unwrap();
    let (batches, freshness) = (lab.store.batches(9).await.unwrap(), lab.store.freshness().await.unwrap());
    lab.client().back_to_step_6().await;
    for sql in [
        "ALTER TABLE batch_chunks DROP COLUMN fetched_at, DROP COLUMN chunk_coins, DROP COLUMN newest_quote_at, \
             DROP COLUMN newest_fetch_at",
        "DROP TABLE chunk_replays, data_origin",
        "DROP VIEW cryptocurrencies",
        "DELETE FROM store_migrations WHERE version = 6",
    ] {
        lab.database.execute(sql).await;
    }
    let store = lab.database.open().await;
    assert_eq!(store.freshness().await.unwrap(), freshness);
    assert_eq!(freshness, Freshness { newest_quote_at: Some(at(3600)), newest_fetch_at: Some(at(3601)) });
    assert_eq!(store.batches(9).await.unwrap(), batches);
    assert_eq!(batches[0].page_replays.len(), 1);
    let sql = "SELECT id, currency, listed FROM cryptocurrencies ORDER BY id";
    let rows = lab.client().found(sql, &["id", "currency", "listed"]).await;
    assert_eq!(rows, ["1 EUR 1", "2 EUR 1", "3 USD 0"]);
    let mut simulated = chunk(&[1]);
    simulated.page.simulated = true;
    assert!(matches!(store.load(&simulated).await, Err(StoreError::Mixed { simulated: true })));
}

#[tokio::test]
async fn a_database_with_somebody_elses_tables_is_refused_and_left_alone() {
    for (made, names) in [
        ("CREATE TABLE coins (symbol VARCHAR(20), price DOUBLE)", "`coins`"),
        ("CREATE TABLE mail_covers (id INT)", "`mail_covers`"),
        ("CREATE TABLE cryptocurrencies (symbol VARCHAR(20))", "`cryptocurrencies`"),
        ("CREATE VIEW batches AS SELECT 1 AS one", "`batches`"),
        ("CREATE TABLE history (what TEXT)", "`history`"),
    ] {
        let database = Database::create().await;
        database.execute(made).await;
        database.execute("CREATE TABLE something_else (n INT)").await;
        let looked = match MysqlStore::pending(&database.options()).await {
            Err(StoreError::Misconfigured { reason }) => reason,
            other => panic!("not misconfigured: {other:?}"),
        };
        for said in [refused(&database).await, looked] {
            assert!(said.contains(&format!("table or view {names} that is not coinpipe's")), "{said}");
            assert!(said.contains("a database of its own") && said.contains(&database.name), "{said}");
        }
        assert_eq!(database.rows("SHOW TABLES").await.len(), 2, "{made}");
    }
    // Beside other names there is no reason to refuse.
    let database = Database::create().await;
    database.execute("CREATE TABLE prices (symbol VARCHAR(20), price DOUBLE)").await;
    database.open().await.load(&chunk(&[1])).await.unwrap();
}

#[tokio::test]
async fn a_table_where_a_view_of_ours_belongs_is_left_alone() {
    let database = Database::create().await;
    // Of an older program: what was never coinpipe's is refused earlier.
    database.open().await.close().await;
    database.client().back_to_step_6().await;
    database.execute("DROP VIEW cryptocurrencies").await;
    database.execute("DROP TABLE chunk_replays, data_origin").await;
    database.execute("DELETE FROM store_migrations WHERE version = 6").await;
    database.execute("CREATE TABLE cryptocurrencies (symbol VARCHAR(20), price DOUBLE)").await;
    database.execute("INSERT INTO cryptocurrencies VALUES ('BTC', 1.5)").await;
    let said = refused(&database).await;
    // MariaDB says "is not of type 'VIEW'", MySQL "is not VIEW".
    assert!(said.contains("cryptocurrencies' is not "), "{said}");
    assert!(said.contains("rename the table that has the name of coinpipe's view"), "{said}");
    assert_eq!(database.rows("SELECT * FROM cryptocurrencies").await.len(), 1);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused_and_left_alone() {
    let database = Database::create().await;
    database.open().await.close().await;
    database.execute("INSERT INTO store_migrations VALUES (99, 'later', NOW(), TRUE, 'x', 1)").await;
    let said = refused(&database).await;
    assert!(said.contains(&format!("newer coinpipe (schema 99, this one knows {})", steps())), "{said}");
    assert!(said.contains(&database.name), "{said}");
    database.execute("DELETE FROM store_migrations WHERE version = 99").await;
    database.open().await;
    database.execute("UPDATE store_migrations SET checksum = 'x' WHERE version = 2").await;
    let said = refused(&database).await;
    assert!(said.contains("step 2 is another one"), "{said}");
}

/// What the version before wrote: letters become first deaths, which are not filed again; and so do letters that a
/// program of the version before files beside this one.
#[tokio::test]
async fn letters_of_an_older_program_have_died_once() {
    let lab = setup().await;
    let (known, beside) = (letter("a", at(0)), letter("b", at(0)));
    lab.store.file(&known, "one").await.unwrap();
    lab.store.file(&beside, "one").await.unwrap();
    for sql in [
        "DROP TABLE letter_deaths",
        "DROP TABLE mail_covers",
        "DROP TABLE installation",
        "ALTER TABLE alert_groups DROP KEY alert_groups_untold",
        "ALTER TABLE mail_outbox DROP KEY mail_outbox_waiting, DROP COLUMN claims, DROP COLUMN claimed_at, \
             DROP COLUMN claimed_until, DROP COLUMN failure",
        "DELETE FROM store_migrations WHERE version = 5",
    ] {
        lab.database.execute(sql).await;
    }
    let store = lab.database.open().await;
    let deaths = format!("DELETE FROM letter_deaths WHERE letter_id = '{}'", beside.id);
    lab.database.execute(&deaths).await;
    for letter in [&known, &beside] {
        assert_eq!(store.letter(letter.id.as_str()).await.unwrap().expect("is there").deaths.len(), 1);
        assert!(!store.file(letter, "one").await.unwrap());
        let filed = store.letter(letter.id.as_str()).await.unwrap().expect("is there");
        let [death] = &filed.deaths[..] else { panic!("{filed:?}") };
        assert_eq!(
            (death.replay.as_str(), &death.reason, death.filed_at),
            ("", &letter.reason, filed.filed_at)
        );
    }
}

/// Lists and the mailer's looks use an index, however many letters and mails there are; only the letters of one group
/// are sorted: group, time and id are too long for one key.
#[tokio::test]
async fn what_is_asked_all_the_time_reads_no_whole_table() {
    let lab = setup().await;
    let numbers = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT";
    for sql in [
        format!(
            "INSERT INTO dead_letters (id, fingerprint, class, code, reason, attempt, first_seen_at, filed_at, headers, body) \
             {numbers} CONCAT('l', i), CONCAT('f', i MOD 9), 'poison', 'c', 'r', 1, '2026-11-22', \
                 TIMESTAMPADD(SECOND, i, '2026-11-22'), '{{}}', REPEAT('b', 4000) FROM n"
        ),
        format!(
            "INSERT INTO mail_outbox (id, subject, body, posted_at, attempts, due_at, sent_at) \
             {numbers} CONCAT('m', i), 's', 'b', TIMESTAMPADD(SECOND, i, '2026-11-22'), 1, '2026-11-22', '2026-11-23' \
             FROM n"
        ),
        "ANALYZE TABLE dead_letters, mail_outbox".to_owned(),
    ] {
        lab.database.execute(&sql).await;
    }
    for sql in [
        "SELECT id, OCTET_LENGTH(body) FROM dead_letters ORDER BY filed_at DESC, id DESC LIMIT 50",
        "SELECT id, OCTET_LENGTH(body) FROM dead_letters WHERE fingerprint = 'f3' ORDER BY filed_at DESC, id DESC LIMIT 50",
        "SELECT id FROM dead_letters WHERE id IN ('l1', 'l2')",
        "SELECT id FROM mail_outbox WHERE sent_at IS NULL AND refused_at IS NULL AND due_at <= '2026-11-23'",
        "SELECT id FROM mail_outbox WHERE posted_at >= '2026-11-22 00:14:30'",
    ] {
        for row in lab.database.rows(&format!("EXPLAIN FORMAT=TRADITIONAL {sql}")).await {
            let [key, extra] =
                ["key", "Extra"].map(|name| row.try_get_unchecked::<Option<String>, _>(name).expect(name));
            assert!(key.is_some(), "{sql}: no index");
            let sorts = extra.unwrap_or_default().contains("filesort");
            assert!(!sorts || sql.contains("fingerprint"), "{sql}: sorts");
        }
    }
}

/// A page of letters is as quick to find among a million as among a hundred: it is read in the order of an index, and nothing is
/// sorted.
#[tokio::test]
async fn a_page_of_letters_is_read_in_the_order_of_an_index() {
    let lab = setup().await;
    let numbers = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT";
    let filled = format!(
        "INSERT INTO dead_letters (id, fingerprint, class, code, reason, attempt, first_seen_at, filed_at, headers, state, batch, body) \
         {numbers} CONCAT('l', i), CONCAT('f', i MOD 9), 'poison', 'c', 'r', 1, '2026-11-22', \
             TIMESTAMPADD(SECOND, i, '2026-11-22'), '{{}}', IF(i MOD 3, 'resolved', 'open'), CONCAT('b', i MOD 7), REPEAT('b', 4000) FROM n"
    );
    lab.database.execute(&filled).await;
    lab.database.execute("ANALYZE TABLE dead_letters").await;
    let (none, group) = (LetterFilter::default, || Some("f3".to_owned()));
    let open = || LetterFilter { state: Some(LetterState::Open), ..none() };
    let key = LetterKey { filed_at: at(0), id: "l7".to_owned() };
    for filter in [
        none(),
        open(),
        LetterFilter { group: group(), ..open() },
        LetterFilter { batch: Some(domain::BatchId::from_stored("b3")), ..none() },
    ] {
        for after in [None, Some(&key)] {
            let (body_bytes, force_index) = ("octet_length(body)", Some("FORCE INDEX"));
            let dialect = Dialect { body_bytes, force_index, hour: "NULL" };
            let (sql, values) = tables::desk::lists::list(&dialect, &filter, after, 50);
            let literal = |value: &Parameter<'_>| match value {
                Parameter::Text(Some(text)) => format!("'{text}'"),
                Parameter::Count(Some(count)) => count.to_string(),
                Parameter::Instant(Some(at)) => format!("'{}'", at.format("%F %T%.3f")),
                other => panic!("{other:?}"),
            };
            let sql = values.iter().fold(sql, |sql, value| sql.replacen('?', &literal(value), 1));
            for row in lab.database.rows(&format!("EXPLAIN FORMAT=TRADITIONAL {sql}")).await {
                let [table, kind, key, extra] = ["table", "type", "key", "Extra"]
                    .map(|name| row.try_get_unchecked::<Option<String>, _>(name).expect(name));
                assert!(key.is_some(), "{sql}: no index");
                // A group or a batch, time and id are too long for one key: few letters, which may be sorted.
                let may_sort = filter.group.is_some() || filter.batch.is_some();
                assert!(may_sort || !extra.unwrap_or_default().contains("filesort"), "{sql}: sorts");
                let is_page_of_letters = kind.as_deref() == Some("range") || after.is_none();
                assert!(
                    may_sort || table.as_deref() != Some("dead_letters") || is_page_of_letters,
                    "{sql}: reads all that is newer"
                );
            }
        }
    }
}
