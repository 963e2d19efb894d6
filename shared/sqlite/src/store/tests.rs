//! The contract on SQLite, and what only a file can show: views, several processes, reopening.

mod documented;
mod plans;
mod upgrade;

use std::path::Path;

use domain::{Chunk, Measure};
use ports::{BatchRecord, Ledger, Letters, Outbox, Quotes};
use sqlkit::Client;
use sqlkit::contract::SqlLab;
use sqlx::AssertSqlSafe;
use testkit::clock::ManualClock;
use testkit::contents::Contents;
use testkit::contract::store::StoreLab;
use testkit::contract::store::rows::numbered_chunks;
use testkit::contract::store::sample::{at, batch, chunk, fetched, letter, quote, row};
use testkit::tables::Tables;

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

    fn contents(&self) -> Arc<dyn Contents> {
        Arc::new(self.client())
    }
}

impl SqlLab for File {
    fn client(&self) -> Client {
        client(self.directory.path())
    }
}

fn client(directory: &Path) -> Client {
    Client::Sqlite(directory.join("coinpipe.db"))
}

testkit::store_contract!(setup);
sqlkit::sql_contract!(setup);

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

/// A description that says nothing new costs no row: the newest quotes tell when the coin was seen.
#[tokio::test]
async fn coins_that_were_only_seen_again_are_not_written_anew() {
    let lab = setup().await;
    let of_page = |fetched_at| {
        let mut chunk = chunk(&[1, 2, 3]);
        chunk.page.fetched_at = at(fetched_at);
        chunk
    };
    lab.store.load(&of_page(10)).await.unwrap();
    let forbid = |table: &str| {
        format!(
            "CREATE TRIGGER {table}_anew BEFORE UPDATE ON {table} \
             BEGIN SELECT RAISE(ABORT, 'written anew'); END;"
        )
    };
    lab.client().execute(&format!("{}{}", forbid("coin_descriptions"), forbid("coin_names"))).await;
    let loaded = lab.store.load(&of_page(20)).await.unwrap();
    assert!(loaded.refused.is_empty(), "{loaded:?}");
    let tables = lab.tables().await;
    assert!(tables.coins.iter().all(|coin| coin.last_seen_at == at(20)), "{:?}", tables.coins);
    let mut renamed = of_page(30);
    "another".clone_into(&mut renamed.rows[0].coin.name);
    let refused = lab.store.load(&renamed).await.unwrap().refused;
    assert_eq!(refused.len(), 1, "the trigger is there: {refused:?}");
}

#[tokio::test]
async fn what_cannot_be_read_names_the_column() {
    let lab = setup().await;
    lab.store.load(&chunk(&[1])).await.unwrap();
    lab.client().execute("UPDATE quotes_latest SET last_updated = 'yesterday'").await;
    let error = lab.store.top("USD", 1).await.unwrap_err().to_string();
    assert!(error.contains("last_updated") && error.contains("yesterday"), "{error}");
    assert!(error.contains("coinpipe.db"), "{error}");
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
    let plan = |_: &ports::OutboxState| {
        let mail = ports::Mail::plain("m", "s", "b", at(0));
        Some(ports::Posting { mail, covered: Vec::new(), copies: Vec::new() })
    };
    lab.store.post(at(0), &plan).await.unwrap().expect("it is posted");
    let before = everything(lab.directory.path(), &lab.store).await;
    lab.store.database.close().await;
    let again = open(lab.directory.path(), lab.clock.clone()).await;
    assert_eq!(everything(lab.directory.path(), &again).await, before);
}

type Everything =
    (Tables, Vec<BatchRecord>, Option<BatchRecord>, Vec<ports::LetterSummary>, ports::MailTrouble);

async fn everything(directory: &Path, store: &SqliteStore) -> Everything {
    (
        client(directory).tables().await,
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
    lab.client()
        .execute(
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
    assert_eq!((death.replay.as_str(), &death.reason, death.filed_at), ("", &known.reason, filed.filed_at));
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
        "SELECT * FROM alert_groups WHERE state = 'resolved' AND told_at IS NOT NULL",
        "SELECT * FROM alert_groups WHERE state = 'resolved' AND told_at IS NULL AND unsent > 0 AND flaps >= 3",
        "SELECT id FROM mail_outbox WHERE sent_at IS NULL AND refused_at IS NULL AND (due_at <= 'a' OR due_at > 'b')",
        "SELECT id FROM mail_outbox WHERE posted_at >= 'a'",
        tables::read::letters::COUNT_FILED,
        tables::read::outbox::IS_POSTED,
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
