//! Where the workers of a scenario meet: a queue and a store, in a file or on servers of the test's own.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::Origin;
use ports::store::BatchRecord;
use ports::{Archive, Clock, Queue, QueueName, SystemClock};
use rabbitmq::RabbitQueue;
use sqlite::{Database, QueueOptions, SqliteQueue};
use tempfile::TempDir;
use testkit::tables::Tables;

use crate::any_store::AnyStore;
use crate::{market, oracle};

/// The deadline for everything to be loaded. Long, because a loaded machine is slow.
const DEADLINE: Duration = Duration::from_mins(1);

/// Silence after which a worker counts as dead, in seconds; short, so that scenarios are.
pub(crate) const HEARTBEAT: u64 = 2;

/// A RabbitMQ and a MySQL (or MariaDB) of the test's own.
pub(crate) struct Servers {
    pub broker: lab::RabbitMq,
    pub database: lab::MySql,
}

impl Servers {
    /// `None`, and said so, where they are not installed.
    pub(crate) async fn start() -> Option<Self> {
        let servers = tokio::task::spawn_blocking(|| {
            Some(Self { broker: lab::RabbitMq::start_or_skip()?, database: lab::MySql::start_or_skip()? })
        });
        servers.await.expect("the servers start")
    }
}

/// A queue and a store, and the folder that workers run in.
pub(crate) struct Place {
    pub folder: TempDir,
    /// What the workers are told; a proxy may stand before the server.
    pub queue_url: String,
    pub store_url: String,
    /// Deliveries without an answer after which a message is dead; the queues are declared with it.
    pub delivery_limit: u32,
    pub queue: Arc<dyn Queue>,
    pub archive: Arc<dyn Archive>,
    pub store: AnyStore,
}

impl Place {
    /// One SQLite file.
    pub(crate) async fn embedded(delivery_limit: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_owned();
        Self { folder, ..Self::embedded_in(&path, delivery_limit).await }
    }

    /// One SQLite file in `folder`; the workers run elsewhere.
    pub(crate) async fn embedded_in(folder: &Path, delivery_limit: u32) -> Self {
        let url = format!("sqlite://{}", folder.join("coinpipe.db").display());
        let folder = tempfile::tempdir().expect("a folder");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = Database::open_url(&url).await.expect("the file opens");
        let lease = Duration::from_secs(HEARTBEAT);
        let options = QueueOptions { lease, delivery_limit, ..QueueOptions::default() };
        let queue = SqliteQueue::open(database.clone(), options, clock.clone()).await.expect("a queue");
        let queue = Arc::new(queue);
        let store = AnyStore::on_sqlite(database, clock).await;
        Self {
            folder,
            queue_url: url.clone(),
            store_url: url,
            delivery_limit,
            archive: queue.clone(),
            queue,
            store,
        }
    }

    /// On these servers.
    pub(crate) async fn on(servers: &Servers, delivery_limit: u32) -> Self {
        let queue_url = format!("{}?heartbeat={HEARTBEAT}", servers.broker.url());
        let store_url = servers.database.url();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut options = rabbitmq::Options::from_url(&queue_url).expect("a good URL");
        options.delivery_limit = delivery_limit;
        let queue = Arc::new(RabbitQueue::new(options, clock.clone()).expect("a queue"));
        let store = AnyStore::on_mysql(&store_url, clock).await;
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            queue_url,
            store_url,
            delivery_limit,
            archive: queue.clone(),
            queue,
            store,
        }
    }

    /// The same queue with another store, which is empty.
    pub(crate) async fn with_empty_store(&self, servers: Option<&Servers>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (store_url, store) = if let Some(servers) = servers {
            servers.database.query("CREATE DATABASE empty").expect("a database");
            let url = servers.database.url().replace("/coinpipe", "/empty");
            let store = AnyStore::on_mysql(&url, clock).await;
            (url, store)
        } else {
            let url = format!("sqlite://{}", folder.path().join("empty.db").display());
            let database = Database::open_url(&url).await.expect("the file opens");
            (url, AnyStore::on_sqlite(database, clock).await)
        };
        Self {
            folder,
            queue_url: self.queue_url.clone(),
            store_url,
            delivery_limit: self.delivery_limit,
            queue: Arc::clone(&self.queue),
            archive: Arc::clone(&self.archive),
            store,
        }
    }

    /// Whether all is in one file.
    pub(crate) fn is_embedded(&self) -> bool {
        self.store.is_embedded()
    }

    /// Publishes these snapshots of `coins` coins, each with its announcement, as a fetcher does: whatever is
    /// refused is published again.
    pub(crate) async fn publish(&self, batches: impl IntoIterator<Item = u32>, coins: u32) {
        for batch in batches {
            let page = market::page_of(batch, coins, Origin::Live);
            for (queue, message) in [(QueueName::Raw, page), (QueueName::Rows, market::announcement(batch))] {
                self.publish_one(queue, message).await;
            }
        }
    }

    /// Publishes `message` until it is taken.
    pub(crate) async fn publish_one(&self, queue: QueueName, message: domain::Message) {
        let publishing = async {
            let mut backoff = outage::Backoff::default();
            while self.queue.publish(queue, std::slice::from_ref(&message)).await.is_err() {
                tokio::time::sleep(backoff.next_wait()).await;
            }
        };
        let published = tokio::time::timeout(DEADLINE, publishing).await;
        published.unwrap_or_else(|_| panic!("{} could not be published", message.id));
    }

    /// Whether something can be written right now: an announcement, which says nothing new.
    pub(crate) async fn can_write(&self) -> bool {
        let known = [market::announcement(0)];
        let writing = self.queue.publish(QueueName::Rows, &known);
        tokio::time::timeout(Duration::from_millis(500), writing).await.is_ok_and(|written| written.is_ok())
    }

    /// Waits until the ledger has this many complete batches.
    pub(crate) async fn until_complete(&self, batches: usize) {
        self.until_complete_within(batches, DEADLINE).await;
    }

    /// Waits that long until the ledger has this many complete batches, announced ones.
    pub(crate) async fn until_complete_within(&self, batches: usize, deadline: Duration) {
        let is_done = |record: &BatchRecord| record.is_complete() && record.credits.is_some();
        self.until_done(batches, deadline, is_done).await;
    }

    /// Waits until the ledger has this many complete batches, of which it may know no more.
    pub(crate) async fn until_loaded(&self, batches: usize) {
        self.until_replayed(batches, 0, DEADLINE).await;
    }

    /// Waits that long until the ledger has this many complete batches, each replayed at least so many times.
    pub(crate) async fn until_replayed(&self, batches: usize, times: u32, deadline: Duration) {
        let is_done = |record: &BatchRecord| record.is_complete() && record.replays >= times;
        self.until_done(batches, deadline, is_done).await;
    }

    async fn until_done(&self, batches: usize, deadline: Duration, is_done: impl Fn(&BatchRecord) -> bool) {
        let mut seen = "the ledger could not be read".to_owned();
        let complete = async {
            let mut look = tokio::time::interval(Duration::from_millis(100));
            loop {
                look.tick().await;
                // While the store is away there is nothing to see.
                let Ok(records) = self.store.ledger().batches(1000).await else { continue };
                if records.iter().filter(|record| is_done(record)).count() >= batches {
                    return;
                }
                seen = incomplete(&records, &is_done);
            }
        };
        let complete = tokio::time::timeout(deadline, complete).await.is_ok();
        assert!(complete, "not complete after {deadline:?}: {seen}\n{}", self.dump().await);
    }

    /// What is in the queues and on the desk, and what the workers said last.
    pub(crate) async fn dump(&self) -> String {
        let (depths, letters) = (self.depths().await, self.letters().await);
        format!("queues: {depths}\nletters: {letters:?}\n{}", tails(self.folder.path()))
    }

    /// Everything is loaded, once: the ledger is complete, the tables are the oracle's, no letter was written,
    /// nothing is left in the queues.
    pub(crate) async fn check(&self, batches: u32, coins: u32) {
        self.until_complete(batches as usize).await;
        self.check_tables(batches, coins).await;
    }

    /// Nothing is on its way any more, the tables are the oracle's, no letter was written.
    pub(crate) async fn check_tables(&self, batches: u32, coins: u32) {
        compare(&self.store.tables().await, &oracle::tables(0..batches, coins).await);
        assert_eq!(self.letters().await, Vec::<String>::new(), "{}", tails(self.folder.path()));
        self.until_empty().await;
    }

    /// Waits until nothing is in the queues: what was done twice is settled, too.
    pub(crate) async fn until_empty(&self) {
        self.until_empty_within(DEADLINE).await;
    }

    /// Waits that long, for each queue, until nothing is in it.
    pub(crate) async fn until_empty_within(&self, deadline: Duration) {
        for queue in QueueName::ALL {
            self.until_empty_of_within(queue, deadline).await;
        }
    }

    /// Whether nothing is in the queues, as far as that can be seen right now.
    pub(crate) async fn is_empty(&self) -> bool {
        for queue in QueueName::ALL {
            if self.queue.depth(queue).await.ok().is_none_or(|depth| depth.total() > 0) {
                return false;
            }
        }
        true
    }

    /// Waits until so many messages of `queue` wait for somebody.
    pub(crate) async fn until_waiting(&self, queue: QueueName, messages: u64) {
        let waiting = async {
            let mut look = tokio::time::interval(Duration::from_millis(100));
            while self.queue.depth(queue).await.ok().is_none_or(|depth| depth.ready < messages) {
                look.tick().await;
            }
        };
        let waiting = tokio::time::timeout(DEADLINE, waiting).await.is_ok();
        assert!(waiting, "{queue} has less: {}\n{}", self.depths().await, tails(self.folder.path()));
    }

    /// Waits until nothing is in `queue`.
    pub(crate) async fn until_empty_of(&self, queue: QueueName) {
        self.until_empty_of_within(queue, DEADLINE).await;
    }

    /// Waits that long until nothing is in `queue`.
    pub(crate) async fn until_empty_of_within(&self, queue: QueueName, deadline: Duration) {
        let empty = async {
            let mut look = tokio::time::interval(Duration::from_millis(100));
            while self.queue.depth(queue).await.ok().is_none_or(|depth| depth.total() > 0) {
                look.tick().await;
            }
        };
        let emptied = tokio::time::timeout(deadline, empty).await.is_ok();
        assert!(emptied, "{queue} is not empty: {}\n{}", self.depths().await, tails(self.folder.path()));
    }

    /// Ids and causes of the letters on the desk.
    pub(crate) async fn letters(&self) -> Vec<String> {
        let letters = self.store.letters().letters(None, 1000).await.expect("the desk can be read");
        letters.iter().map(|letter| format!("{} {}", letter.code, letter.id)).collect()
    }

    /// Waits that long until a letter with this code, about the message `id`, is on the desk.
    pub(crate) async fn until_filed(&self, code: &str, id: &str, deadline: Duration) {
        let filed = async {
            let mut look = tokio::time::interval(Duration::from_millis(100));
            let is_it = |letter: &String| letter.starts_with(code) && letter.contains(id);
            while !self.letters().await.iter().any(is_it) {
                look.tick().await;
            }
        };
        if tokio::time::timeout(deadline, filed).await.is_err() {
            let (depths, letters) = (self.depths().await, self.letters().await);
            panic!("no letter {code} about {id} in {letters:?}: {depths}\n{}", tails(self.folder.path()));
        }
    }

    async fn depths(&self) -> String {
        let mut text = String::new();
        for queue in QueueName::ALL {
            let _ = write!(text, "{queue}: {:?}; ", self.queue.depth(queue).await);
        }
        text
    }
}

fn incomplete(records: &[BatchRecord], is_done: impl Fn(&BatchRecord) -> bool) -> String {
    let missing = records.iter().filter(|record| !is_done(record));
    let missing = missing.take(5).map(|record| format!("{} lacks {:?}", record.id, record.missing));
    format!("{} batches known; {}", records.len(), missing.collect::<Vec<_>>().join("; "))
}

/// Fails with the first rows that differ, not with all.
pub(crate) fn compare(tables: &Tables, oracle: &Tables) {
    fn rows<T: PartialEq + std::fmt::Debug>(name: &str, found: &[T], expected: &[T]) {
        let differs = found.iter().zip(expected).find(|(found, expected)| found != expected);
        assert!(differs.is_none(), "{name} differs from the oracle: {differs:#?}");
        assert_eq!(found.len(), expected.len(), "rows in {name}");
    }
    rows("coins", &tables.coins, &oracle.coins);
    rows("coin_identities", &tables.identities, &oracle.identities);
    rows("quotes_latest", &tables.latest, &oracle.latest);
    rows("quotes_history", &tables.history, &oracle.history);
}

/// The last lines of every log in `folder`.
fn tails(folder: &Path) -> String {
    let mut text = String::new();
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.extension().is_some_and(|extension| extension == "log") {
            let log = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(8)..];
            let _ = write!(text, "== {}\n{}\n", path.display(), tail.join("\n"));
        }
    }
    text
}
