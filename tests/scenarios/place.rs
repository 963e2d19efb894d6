//! Where the workers of a scenario meet: a queue and a store, in a file or on servers of the test's own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::Origin;
use mysql::MysqlStore;
use ports::memory::Tables;
use ports::store::BatchRecord;
use ports::{Clock, Queue, QueueName, SystemClock};
use rabbitmq::RabbitQueue;
use sqlite::{Database, QueueOptions, SqliteQueue, SqliteStore};
use tempfile::TempDir;

use crate::pipeline::AnyStore;
use crate::{market, oracle};

/// The deadline for everything to be loaded. Long, because a loaded machine is slow.
const DEADLINE: Duration = Duration::from_mins(1);

/// Silence after which a worker counts as dead, in seconds; short, so that scenarios are.
pub const HEARTBEAT: u64 = 2;

/// A queue and a store, and the folder that workers run in.
pub struct Place {
    pub folder: TempDir,
    /// What the workers are told; a proxy may stand before it.
    pub queue_url: String,
    pub store_url: String,
    /// Deliveries without an answer after which a message is dead; the queues are declared with it.
    pub delivery_limit: u32,
    /// The servers, where there are any.
    pub broker: Option<lab::RabbitMq>,
    pub database: Option<lab::MySql>,
    pub queue: Arc<dyn Queue>,
    pub store: AnyStore,
}

impl Place {
    /// One SQLite file.
    pub async fn embedded(delivery_limit: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let url = format!("sqlite://{}", folder.path().join("coinpipe.db").display());
        let database = Database::open_url(&url).await.expect("the file opens");
        let lease = Duration::from_secs(HEARTBEAT);
        let options = QueueOptions { lease, delivery_limit, ..QueueOptions::default() };
        let queue = SqliteQueue::open(database.clone(), options, clock.clone()).await.expect("a queue");
        let store = SqliteStore::open(database, clock).await.expect("a store");
        Self {
            folder,
            queue_url: url.clone(),
            store_url: url,
            delivery_limit,
            broker: None,
            database: None,
            queue: Arc::new(queue),
            store: AnyStore::Sqlite(Arc::new(store)),
        }
    }

    /// A RabbitMQ and a MySQL (or MariaDB) of this test's own; `None`, and said so, where they are not
    /// installed.
    pub async fn servers(delivery_limit: u32) -> Option<Self> {
        let servers = tokio::task::spawn_blocking(|| {
            Some((lab::RabbitMq::start_or_skip()?, lab::MySql::start_or_skip()?))
        });
        let (broker, database) = servers.await.expect("the servers start")?;
        let queue_url = format!("{}?heartbeat={HEARTBEAT}", broker.url());
        let store_url = database.url();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut options = rabbitmq::Options::from_url(&queue_url).expect("a good URL");
        options.delivery_limit = delivery_limit;
        let queue = RabbitQueue::new(options, clock.clone()).expect("a queue");
        let options = mysql::Options::new(&store_url).expect("a good URL");
        let store = MysqlStore::open(&options, clock).await.expect("a store");
        Some(Self {
            folder: tempfile::tempdir().expect("a folder"),
            queue_url,
            store_url,
            delivery_limit,
            broker: Some(broker),
            database: Some(database),
            queue: Arc::new(queue),
            store: AnyStore::Mysql(Arc::new(store)),
        })
    }

    /// The broker of a place that has one.
    pub fn broker(&mut self) -> &mut lab::RabbitMq {
        self.broker.as_mut().expect("a place with servers")
    }

    /// The database server of a place that has one.
    pub fn database(&mut self) -> &mut lab::MySql {
        self.database.as_mut().expect("a place with servers")
    }

    /// Publishes these snapshots of `coins` coins, each with its announcement, as a fetcher does: whatever is
    /// refused is published again.
    pub async fn publish(&self, batches: impl IntoIterator<Item = u32>, coins: u32) {
        for batch in batches {
            let page = market::page_of(batch, coins, Origin::Live);
            for (queue, message) in [(QueueName::Raw, page), (QueueName::Rows, market::announcement(batch))] {
                let publishing = async {
                    let mut backoff = stage::Backoff::default();
                    while self.queue.publish(queue, std::slice::from_ref(&message)).await.is_err() {
                        tokio::time::sleep(backoff.next_wait()).await;
                    }
                };
                let published = tokio::time::timeout(DEADLINE, publishing).await;
                published.unwrap_or_else(|_| panic!("{} could not be published", message.id));
            }
        }
    }

    /// Whether something can be written right now: an announcement, which says nothing new.
    pub async fn can_write(&self) -> bool {
        let known = [market::announcement(0)];
        let writing = self.queue.publish(QueueName::Rows, &known);
        tokio::time::timeout(Duration::from_millis(500), writing).await.is_ok_and(|written| written.is_ok())
    }

    /// Waits until the ledger has this many complete batches.
    pub async fn until_complete(&self, batches: usize) {
        let mut seen = "the ledger could not be read".to_owned();
        let complete = async {
            let mut look = tokio::time::interval(Duration::from_millis(100));
            loop {
                look.tick().await;
                // While the store is away there is nothing to see.
                let Ok(records) = self.store.ledger().batches(1000).await else { continue };
                let complete =
                    records.iter().filter(|record| record.is_complete() && record.credits.is_some());
                if complete.count() == batches {
                    return;
                }
                seen = incomplete(&records);
            }
        };
        if tokio::time::timeout(DEADLINE, complete).await.is_err() {
            let depths = self.depths().await;
            let letters = self.letters().await;
            panic!(
                "not complete after {DEADLINE:?}: {seen}\nqueues: {depths}\nletters: {letters:?}\n{}",
                tails(self.folder.path())
            );
        }
    }

    /// Everything is loaded, once: the ledger is complete, the tables are the oracle's, no letter was written,
    /// nothing is left in the queues.
    pub async fn check(&self, batches: u32, coins: u32) {
        self.until_complete(batches as usize).await;
        compare(&self.store.tables().await, &oracle::tables(0..batches, coins).await);
        assert_eq!(self.letters().await, Vec::<String>::new(), "{}", tails(self.folder.path()));
        self.until_empty().await;
    }

    /// Waits until nothing is in the queues: what was done twice is settled, too.
    pub async fn until_empty(&self) {
        let empty = async {
            let mut look = tokio::time::interval(Duration::from_millis(100));
            loop {
                look.tick().await;
                let mut total = Some(0);
                for queue in QueueName::ALL {
                    let depth = self.queue.depth(queue).await.ok();
                    total = total.zip(depth).map(|(total, depth)| total + depth.total());
                }
                if total == Some(0) {
                    return;
                }
            }
        };
        let emptied = tokio::time::timeout(DEADLINE, empty).await.is_ok();
        assert!(emptied, "not empty: {}\n{}", self.depths().await, tails(self.folder.path()));
    }

    /// Ids and causes of the letters on the desk.
    pub async fn letters(&self) -> Vec<String> {
        let filed = self.store.letters().letters(None, 1000).await.expect("the desk can be read");
        filed.iter().map(|filed| format!("{} {}", filed.letter.code, filed.letter.id)).collect()
    }

    async fn depths(&self) -> String {
        let mut text = String::new();
        for queue in QueueName::ALL {
            text.push_str(&format!("{queue}: {:?}; ", self.queue.depth(queue).await));
        }
        text
    }
}

fn incomplete(records: &[BatchRecord]) -> String {
    let missing = records.iter().filter(|record| !record.is_complete() || record.credits.is_none());
    let missing = missing.take(5).map(|record| format!("{} lacks {:?}", record.id, record.missing));
    format!("{} batches known; {}", records.len(), missing.collect::<Vec<_>>().join("; "))
}

/// Fails with the first rows that differ, not with all.
fn compare(tables: &Tables, oracle: &Tables) {
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
            text.push_str(&format!("== {}\n{}\n", path.display(), tail.join("\n")));
        }
    }
    text
}
