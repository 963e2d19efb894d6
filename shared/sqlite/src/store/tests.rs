//! The contract on SQLite, and what only a file can show: views, several processes, reopening.

mod beside;
mod plans;
mod readme;
mod upgrade;

use std::path::Path;

use domain::{Chunk, CoinRow, Measure};
use ports::{BatchRecord, Ledger, Letters, Outbox, Quotes};
use sqlx::AssertSqlSafe;
use testkit::clock::ManualClock;
use testkit::contract::store::StoreLab;
use testkit::contract::store::rows::numbered_chunks;
use testkit::contract::store::sample::{Dice, at, batch, chunk, chunk_of, fetched, letter, quote, row};
use testkit::memory::{MemoryStore, Tables};

use super::*;

struct File {
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
    store: Arc<SqliteStore>,
}

async fn setup() -> File {
    let directory = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(open(directory.path(), clock.clone()).await);
    File { directory, clock, store }
}

/// As another process does: with connections of its own.
async fn open(directory: &Path, clock: Arc<ManualClock>) -> SqliteStore {
    let database = Database::open(directory.join("coinpipe.db")).await.expect("the file opens");
    SqliteStore::open(database, clock).await.expect("the store opens")
}

async fn execute(store: &SqliteStore, sql: &str) {
    let mut transaction = store.database.begin().await.expect("begins");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await.expect(sql);
    transaction.commit().await.expect("commits");
}

#[async_trait]
impl StoreLab for File {
    type Store = SqliteStore;

    fn store(&self) -> Arc<SqliteStore> {
        Arc::clone(&self.store)
    }

    async fn beside(&self) -> Arc<SqliteStore> {
        Arc::new(open(self.directory.path(), self.clock.clone()).await)
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    async fn tables(&self) -> Tables {
        self.store.tables().await.expect("the tables can be read")
    }

    async fn resolve(&self, fingerprint: &str) {
        let sql = format!("UPDATE alert_groups SET state = 'resolved' WHERE fingerprint = '{fingerprint}'");
        execute(&self.store, &sql).await;
    }
}

testkit::store_contract!(setup);

#[tokio::test]
async fn the_view_coin_changes_tells_each_rename_once() {
    let lab = setup().await;
    for (symbol, name, fetched_at) in
        [("POL", "Polygon", 30), ("MATIC", "Matic", 10), ("MATIC", "Polygon", 20)]
    {
        let mut row = row(3890, 1.0, at(0));
        row.coin.symbol = symbol.to_owned();
        row.coin.name = name.to_owned();
        lab.store.load(&chunk_of(row, at(fetched_at))).await.unwrap();
    }
    lab.store.load(&chunk(&[1])).await.unwrap();
    let sql = "SELECT coin_id, field, old_value, new_value, changed_at FROM coin_changes ORDER BY changed_at";
    let changes: Vec<(u32, String, String, String, String)> =
        sqlx::query_as(sql).fetch_all(lab.store.database.readers()).await.unwrap();
    let change = |field: &str, old: &str, new: &str, at: DateTime<Utc>| {
        (3890, field.to_owned(), old.to_owned(), new.to_owned(), timestamp::to_text(at))
    };
    assert_eq!(
        changes,
        [change("name", "Matic", "Polygon", at(20)), change("symbol", "MATIC", "POL", at(30))]
    );
}

#[tokio::test]
async fn the_view_cryptocurrencies_has_one_row_per_coin_in_usd_if_there_is_one() {
    let lab = setup().await;
    let quotes =
        |currencies: &[&str]| currencies.iter().map(|currency| quote(currency, 1.5, at(0))).collect();
    let rows = vec![
        CoinRow { quotes: quotes(&["EUR", "USD", "AUD"]), ..row(1, 0.0, at(0)) },
        CoinRow { quotes: quotes(&["EUR", "CHF"]), ..row(2, 0.0, at(0)) },
    ];
    lab.store.load(&Chunk { rows, ..chunk(&[]) }).await.unwrap();
    let sql = "SELECT id, symbol, currency, price FROM cryptocurrencies ORDER BY id";
    let read: Vec<(u32, String, String, f64)> =
        sqlx::query_as(sql).fetch_all(lab.store.database.readers()).await.unwrap();
    let line = |id: u32, currency: &str| (id, format!("C{id}"), currency.to_owned(), 1.5);
    assert_eq!(read, [line(1, "USD"), line(2, "CHF")]);
}

#[tokio::test]
async fn the_tables_have_a_column_for_every_measure_of_its_kind() {
    let lab = setup().await;
    for table in ["quotes_latest", "quotes_history"] {
        let sql = "SELECT name, type FROM pragma_table_info(?) ORDER BY cid";
        let columns: Vec<(String, String)> =
            sqlx::query_as(sql).bind(table).fetch_all(lab.store.database.readers()).await.unwrap();
        let names: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, tables::columns::quotes());
        for measure in Measure::ALL {
            let expected = if measure.kind() == domain::Kind::Count { "INTEGER" } else { "REAL" };
            assert!(columns.contains(&(measure.column().to_owned(), expected.to_owned())), "{measure:?}");
        }
    }
}

#[tokio::test]
async fn only_the_quotes_that_the_database_refuses_are_left_out() {
    let lab = setup().await;
    let mut rows: Vec<_> = (1..=300).map(|id| row(id, 1.0, at(0))).collect();
    for row in &mut rows {
        row.quotes.push(quote("EUR", 2.0, at(0)));
        row.quotes.push(quote("BTC", 3.0, at(0)));
    }
    // A rank that is not whole does not fit its column.
    rows[122].quotes[1].numbers[Measure::CmcRank as usize] = Some(1.5);
    // Of a coin without any good quote nothing stays behind.
    rows.push(row(301, 1.0, at(0)));
    rows[300].quotes[0].numbers[Measure::NumMarketPairs as usize] = Some(0.5);
    let loaded = lab.store.load(&Chunk { rows, ..chunk(&[]) }).await.unwrap();
    assert_eq!((loaded.written, loaded.unchanged, loaded.stale), (899, 0, 0));
    let ids: Vec<_> = loaded.refused.iter().map(|refused| refused.coin_id).collect();
    assert_eq!(ids, [123, 301]);
    assert!(loaded.refused[0].reason.contains("cmc_rank"), "{:?}", loaded.refused);
    assert!(loaded.refused[1].reason.contains("num_market_pairs"), "{:?}", loaded.refused);
    let tables = lab.tables().await;
    assert_eq!((tables.coins.len(), tables.latest.len(), tables.history.len()), (300, 899, 899));
    assert_eq!(tables.identities.len(), 300);
}

#[tokio::test]
async fn rows_and_ledger_line_are_written_together_or_not_at_all() {
    let lab = setup().await;
    execute(&lab.store, "ALTER TABLE batch_chunks RENAME TO hidden").await;
    let error = lab.store.load(&chunk(&[1, 2])).await.unwrap_err();
    assert!(!error.is_transient() && error.to_string().contains("batch_chunks"), "{error}");
    assert_eq!(lab.tables().await, Tables::default());
    execute(&lab.store, "ALTER TABLE hidden RENAME TO batch_chunks").await;
    assert_eq!(lab.store.batches(9).await.unwrap(), []);
    assert_eq!(lab.store.load(&chunk(&[1, 2])).await.unwrap().written, 2);
}

#[tokio::test]
async fn what_cannot_be_read_names_the_column() {
    let lab = setup().await;
    lab.store.load(&chunk(&[1])).await.unwrap();
    execute(&lab.store, "UPDATE quotes_latest SET last_updated = 'yesterday'").await;
    let error = lab.store.top("USD", 1).await.unwrap_err().to_string();
    assert!(error.contains("last_updated") && error.contains("yesterday"), "{error}");
    assert!(error.contains("coinpipe.db"), "{error}");
}

/// Three processes race through the same chunks, each in its own order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_loading_the_same_chunks_give_the_tables_of_one() {
    let lab = setup().await;
    let oracle = MemoryStore::new(lab.clock.clone());
    let mut loads = 0;
    let mut processes = Vec::new();
    for round in 0..3 {
        let store = open(lab.directory.path(), lab.clock.clone()).await;
        let chunks = Dice::new(round).shuffle_with_repeats(&numbered_chunks(0));
        loads += chunks.len();
        processes.push(tokio::spawn(async move {
            for chunk in &chunks {
                store.load(chunk).await.expect("loads");
            }
        }));
    }
    for chunk in numbered_chunks(0) {
        oracle.load(&chunk).await.unwrap();
    }
    for process in processes {
        process.await.unwrap();
    }
    assert_eq!(lab.tables().await, oracle.tables());
    let counted: i64 = sqlx::query_scalar("SELECT sum(loads) FROM batch_chunks")
        .fetch_one(lab.store.database.readers())
        .await
        .unwrap();
    assert_eq!(counted, i64::try_from(loads).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_may_open_an_empty_file_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let openers = (1..=4).map(|id| {
        let (path, clock) = (directory.path().to_owned(), clock.clone());
        tokio::spawn(async move { open(&path, clock).await.load(&chunk(&[id])).await })
    });
    for opener in openers.collect::<Vec<_>>() {
        assert_eq!(opener.await.unwrap().unwrap().written, 1);
    }
    assert_eq!(open(directory.path(), clock).await.totals().await.unwrap().coins, 4);
}

#[tokio::test]
async fn a_reopened_file_has_everything() {
    let lab = setup().await;
    for chunk in numbered_chunks(1) {
        lab.store.load(&chunk).await.unwrap();
    }
    lab.store.record_fetched(&fetched(1)).await.unwrap();
    lab.store.file(&letter("a", at(0)), "one").await.unwrap();
    let plan = |_: &ports::Standing| {
        let (id, subject, body) = ("m".to_owned(), "s".to_owned(), "b".to_owned());
        let mail = ports::Mail { id, subject, body, posted_at: at(0), attempts: 0 };
        Some(ports::Posting { mail, covered: Vec::new() })
    };
    lab.store.post(at(0), &plan).await.unwrap().expect("it is posted");
    let before = everything(&lab.store).await;
    lab.store.database.close().await;
    let again = open(lab.directory.path(), lab.clock.clone()).await;
    assert_eq!(everything(&again).await, before);
}

type Everything =
    (Tables, Vec<BatchRecord>, Option<BatchRecord>, Vec<ports::LetterSummary>, ports::MailTrouble);

async fn everything(store: &SqliteStore) -> Everything {
    (
        store.tables().await.unwrap(),
        store.batches(100).await.unwrap(),
        store.batch(&batch(0)).await.unwrap(),
        store.letters(None, 100).await.unwrap(),
        store.trouble().await.unwrap(),
    )
}

/// What the version before wrote: letters become first deaths, which are not filed again.
#[tokio::test]
async fn letters_of_an_older_file_have_died_once() {
    let lab = setup().await;
    let known = letter("a", at(0));
    lab.store.file(&known, "one").await.unwrap();
    execute(
        &lab.store,
        "DROP TABLE letter_deaths; DROP TABLE mail_covers; DROP TABLE installation; \
         DROP INDEX alert_groups_untold; DROP INDEX mail_outbox_waiting; \
         ALTER TABLE mail_outbox DROP COLUMN claims; ALTER TABLE mail_outbox DROP COLUMN claimed_at; \
         ALTER TABLE mail_outbox DROP COLUMN claimed_until; ALTER TABLE mail_outbox DROP COLUMN failure; \
         DELETE FROM store_migrations WHERE version = 5",
    )
    .await;
    let again = open(lab.directory.path(), lab.clock.clone()).await;
    assert!(!again.file(&known, "one").await.unwrap());
    let filed = again.letter(known.id.as_str()).await.unwrap().expect("is there");
    let [death] = &filed.deaths[..] else { panic!("{filed:?}") };
    assert_eq!((death.life.as_str(), &death.reason, death.filed_at), ("", &known.reason, filed.filed_at));
}

/// Lists and the mailer's looks use an index, however many letters and mails there are.
#[tokio::test]
async fn what_is_asked_all_the_time_reads_no_whole_table() {
    let lab = setup().await;
    for sql in [
        "SELECT id, length(body) FROM dead_letters ORDER BY filed_at DESC, id DESC LIMIT 50",
        "SELECT id, length(body) FROM dead_letters WHERE fingerprint = 'a' ORDER BY filed_at DESC, id DESC LIMIT 50",
        "SELECT count(*) FROM letter_deaths WHERE letter_id = 'a'",
        "SELECT id FROM dead_letters WHERE id IN (SELECT value FROM json_each('[]'))",
        "SELECT * FROM alert_groups WHERE state = 'open' AND unsent > 0",
        "SELECT id FROM mail_outbox WHERE sent_at IS NULL AND refused_at IS NULL AND (due_at <= 'a' OR due_at > 'b')",
        "SELECT id FROM mail_outbox WHERE posted_at >= 'a'",
        "SELECT refused_at FROM mail_outbox WHERE sent_at IS NULL AND refused_at IS NOT NULL \
         ORDER BY refused_at DESC LIMIT 1",
    ] {
        let explain = format!("EXPLAIN QUERY PLAN {sql}");
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(AssertSqlSafe(explain)).fetch_all(lab.store.database.readers()).await.unwrap();
        for (_, _, _, step) in plan {
            let reads_all =
                step.starts_with("SCAN") && !step.contains("INDEX") && !step.contains("json_each");
            assert!(!reads_all && !step.contains("TEMP B-TREE"), "{sql}: {step}");
        }
    }
}

/// Two installations are told apart by their mails.
#[tokio::test]
async fn each_file_is_an_installation_of_its_own() {
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let lab = setup().await;
        let sql = "SELECT id FROM installation";
        names.insert(
            sqlx::query_scalar::<_, String>(sql).fetch_one(lab.store.database.readers()).await.unwrap(),
        );
    }
    assert_eq!(names.len(), 3, "{names:?}");
}
