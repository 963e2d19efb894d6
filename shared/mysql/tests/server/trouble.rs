//! A server that is away, mute, or loses answers; calls that are given up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mysql::{MysqlStore, Options};
use ports::{Ledger, Letters, Quotes, Store, StoreError};
use sqlx::{Executor, Row};
use testkit::clock::ManualClock;
use testkit::contract::store::StoreLab;
use testkit::contract::store::sample::{at, chunk, letter};
use testkit::memory::MemoryStore;
use testkit::tables::Tables;
use url::Url;

use crate::database::{Database, setup};
use crate::proxy::Proxy;

async fn open(url: &Url) -> MysqlStore {
    let mut options = Options::new(url.as_str()).unwrap();
    options.max_connections = 2;
    options.statement_timeout = Duration::from_secs(1);
    MysqlStore::open(&options, Arc::new(ManualClock::default())).await.expect("the store opens")
}

fn check_away<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    let error = outcome.expect_err("the server is away");
    assert!(error.is_transient(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_waited_for_from_the_start() {
    let database = Database::create().await;
    let mut proxy = Proxy::to(&database.url).await;
    let store = open(&proxy.url).await;
    let reason = store.ready().await.expect_err("the server is away").to_string();
    assert!(reason.contains("refused"), "why is not said: {reason}");
    proxy.up();
    store.ready().await.unwrap();
    assert_eq!(store.load(&chunk(&[1])).await.unwrap().written, 1);
    // And when it goes and comes back.
    proxy.down().await;
    check_away(store.load(&chunk(&[1, 2])).await);
    check_away(store.totals().await);
    proxy.up();
    assert_eq!(store.load(&chunk(&[1, 2])).await.unwrap().written, 1);
    assert_eq!(store.totals().await.unwrap().coins, 2);
}

/// A loader between two snapshots: the server ends connections that are silent for as long as a statement may take.
#[tokio::test]
async fn an_idle_store_closes_its_connections_before_the_server_does() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = {
        let log = Arc::clone(&log);
        tracing_subscriber::fmt().with_writer(move || Written(Arc::clone(&log))).finish()
    };
    let _guard = tracing::subscriber::set_default(lines);
    let database = Database::create().await;
    let store = open(&database.url).await;
    store.ready().await.unwrap();
    database.deserted().await;
    store.ready().await.unwrap();
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    assert!(!log.contains("idle connection"), "{log}");
}

/// Writes into memory.
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lost_answer_to_a_commit_does_no_harm() {
    let lab = setup().await;
    let mut proxy = Proxy::to(&lab.database.url_with(|url| url.set_query(Some("ssl-mode=disabled")))).await;
    proxy.up();
    let store = open(&proxy.url).await;
    // That of the batch's number, which is made before.
    proxy.lose_commit();
    check_away(store.load(&chunk(&[1, 2])).await);
    assert_eq!(lab.database.rows("SELECT 1 FROM batch_numbers").await.len(), 1, "it was committed");
    assert_eq!(lab.tables().await, Tables::default());
    // It is asked for before anything else is written.
    store.ready().await.unwrap();
    proxy.lose_commit();
    check_away(store.load(&chunk(&[1, 2])).await);
    let oracle = MemoryStore::new(lab.clock.clone());
    oracle.load(&chunk(&[1, 2])).await.unwrap();
    assert_eq!(lab.tables().await, oracle.tables(), "it was committed");
    assert_eq!(store.load(&chunk(&[1, 2])).await.unwrap().unchanged, 2);
    assert_eq!(lab.tables().await, oracle.tables());
    let record = store.batches(1).await.unwrap().remove(0);
    assert_eq!((record.written, record.unchanged, record.loads), (2, 0, 2));

    proxy.lose_commit();
    check_away(store.file(&letter("a", at(0)), "one").await);
    assert!(!store.file(&letter("a", at(0)), "one").await.unwrap());
    assert_eq!(store.groups(None).await.unwrap()[0].total, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_server_is_given_up_in_time() {
    let lab = setup().await;
    let mut proxy = Proxy::to(&lab.database.url).await;
    proxy.up();
    let store = open(&proxy.url).await;
    store.load(&chunk(&[1])).await.unwrap();
    proxy.mute(true);
    let next = chunk(&[2]);
    let call = tokio::time::timeout(Duration::from_secs(20), store.load(&next));
    check_away(call.await.expect("ends by itself"));
    proxy.down().await;
    proxy.mute(false);
    proxy.up();
    store.load(&chunk(&[2])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_transient() {
    let lab = setup().await;
    let store = open(&lab.database.url).await;
    let mut other = lab.database.connect().await;
    other.execute("LOCK TABLES coin_descriptions WRITE").await.unwrap();
    check_away(store.load(&chunk(&[1])).await);
    other.execute("UNLOCK TABLES").await.unwrap();
    store.load(&chunk(&[1])).await.unwrap();
}

/// What its connection was in the middle of is undone, and the next call does not see it.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_leaves_nothing() {
    let lab = setup().await;
    lab.store.load(&chunk(&[5])).await.unwrap();
    let before = lab.tables().await;
    let mut options = lab.database.options();
    options.max_connections = 1;
    let store = Arc::new(MysqlStore::open(&options, lab.clock.clone()).await.unwrap());
    let mut other = lab.database.connect().await;
    other.execute("BEGIN; UPDATE coin_descriptions SET name = name WHERE id = 5").await.unwrap();
    let loading = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.load(&chunk(&[1, 5])).await }
    });
    lab.database.lock_wait(None).await;
    loading.abort();
    assert!(loading.await.unwrap_err().is_cancelled());
    assert_eq!(store.totals().await.unwrap().coins, 1);
    other.execute("COMMIT").await.unwrap();
    assert_eq!(lab.tables().await, before);
    assert_eq!(store.load(&chunk(&[1, 5])).await.unwrap().written, 1);
}

/// Its host hangs, or the network swallowed it: the server does not hear that it is gone.
#[tokio::test(flavor = "multi_thread")]
async fn who_falls_silent_in_a_transaction_holds_the_others_up_for_a_moment_only() {
    let lab = setup().await;
    lab.store.load(&chunk(&[5])).await.unwrap();
    let mut proxy = Proxy::to(&lab.database.url).await;
    proxy.up();
    let store = open(&proxy.url).await;
    store.ready().await.unwrap();
    let mut other = lab.database.connect().await;
    other.execute("BEGIN; UPDATE coin_descriptions SET name = name WHERE id = 5").await.unwrap();
    let silent = tokio::spawn(async move { store.load(&chunk(&[1, 5])).await });
    lab.database.lock_wait(None).await;
    proxy.mute(true);
    other.execute("COMMIT").await.unwrap();
    // It waits for the locks that the silent one holds.
    assert_eq!(lab.store.load(&chunk(&[1, 5])).await.unwrap().written, 1);
    assert!(!silent.is_finished(), "the locks were held until it gave up");
    silent.abort();
}

#[tokio::test]
async fn a_closed_store_is_away() {
    let lab = setup().await;
    lab.store.load(&chunk(&[1])).await.unwrap();
    lab.store.close().await;
    check_away(lab.store.load(&chunk(&[1])).await);
}

/// Waiting would not help: it is said, before the server cuts the connection in the middle.
#[tokio::test]
async fn a_letter_that_the_server_does_not_take_is_told_from_an_outage() {
    let lab = setup().await;
    let limit: u64 = lab.database.rows("SELECT CAST(@@max_allowed_packet AS UNSIGNED)").await[0].get(0);
    let mut long = letter("long", at(0));
    long.body = vec![7; usize::try_from(limit).unwrap()].into();
    let error = lab.store.file(&long, "one").await.unwrap_err();
    assert!(!error.is_transient() && error.to_string().contains("max_allowed_packet"), "{error}");
    long.body.truncate(2 << 20);
    assert!(lab.store.file(&long, "one").await.unwrap());
    assert_eq!(lab.store.letter(long.id.as_str()).await.unwrap().unwrap().letter, long);
}
