//! The SQLite queue keeps the contract; and what only a file can do.

mod bodies;
mod groups;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use domain::timestamp::later;
use ports::{Delivery, Settlement};
use tempfile::TempDir;
use testkit::clock::ManualClock;
use testkit::contract::leader::LeaderLab;
use testkit::contract::queue::{self as contract, QueueLab, message};

use super::*;

/// Only a failing test waits this long.
const DEADLINE: Duration = Duration::from_secs(30);

struct Lab {
    directory: TempDir,
    options: QueueOptions,
    /// Those that crashed, and last the one that runs now.
    processes: Mutex<Vec<(Arc<SqliteQueue>, ManualClock)>>,
}

impl Lab {
    async fn new(options: QueueOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let lab = Self { directory, options, processes: Mutex::default() };
        lab.start(ManualClock::default()).await;
        lab
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("queue.db")
    }

    /// Another process opens the file.
    async fn start(&self, clock: ManualClock) {
        let database = Database::open(self.path()).await.unwrap();
        let queue = SqliteQueue::open(database, self.options, Arc::new(clock.clone())).await.unwrap();
        self.processes.lock().unwrap().push((Arc::new(queue), clock));
    }

    fn process(&self) -> (Arc<SqliteQueue>, ManualClock) {
        self.processes.lock().unwrap().last().unwrap().clone()
    }
}

#[async_trait]
impl QueueLab for Lab {
    fn queue(&self) -> Arc<dyn Queue> {
        self.process().0
    }

    fn archive(&self) -> Arc<dyn Archive> {
        self.process().0
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.process().1)
    }

    async fn pass(&self, duration: Duration) {
        self.process().1.advance(duration);
    }

    async fn crash(&self) {
        let frozen = self.process().1;
        self.start(ManualClock::starting_at(later(frozen.now(), self.options.lease))).await;
    }

    fn lease(&self) -> Duration {
        self.options.lease
    }

    fn delivery_limit(&self) -> u32 {
        self.options.delivery_limit
    }

    fn retry_delay(&self) -> Duration {
        Duration::from_mins(1)
    }
}

async fn lab() -> Lab {
    Lab::new(QueueOptions { delivery_limit: 3, ..QueueOptions::default() }).await
}

testkit::queue_contract!(lab);

impl LeaderLab for Lab {
    fn leadership(&self) -> Arc<dyn Leadership> {
        self.process().0
    }
}

mod leader {
    testkit::leader_contract!(super::lab);
}

async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
    tokio::time::timeout(DEADLINE, consumer.next()).await.expect("nothing was delivered").unwrap()
}

async fn first(queue: &SqliteQueue) -> Delivery {
    next(&mut queue.consume(QueueName::Raw, 1).await.unwrap()).await
}

#[tokio::test]
async fn the_archive_keeps_its_retention() {
    let keep = Duration::from_hours(1);
    let by_age = Lab::new(QueueOptions { archive_keep: keep, ..QueueOptions::default() }).await;
    contract::the_archive_drops_old_pages(&by_age, keep).await;
    let by_size = Lab::new(QueueOptions { archive_max_bytes: 3000, ..QueueOptions::default() }).await;
    contract::the_archive_drops_what_is_too_much(&by_size, 3000).await;
}

#[tokio::test]
async fn messages_retries_and_pages_survive_a_restart() {
    let lab = lab().await;
    let (queue, clock) = lab.process();
    let mut page = message("page");
    page.headers.set(domain::header::ORIGIN, domain::Origin::Live);
    queue.publish(QueueName::Raw, &[message("retried"), page.clone()]).await.unwrap();
    let delay = Duration::from_mins(1);
    first(&queue).await.settle(Settlement::RetryAfter { delay, attempt: 2 }).await.unwrap();
    queue.file.database.close().await;

    lab.start(clock.clone()).await;
    let (queue, _) = lab.process();
    let depth = queue.depth(QueueName::Raw).await.unwrap();
    assert_eq!((depth.ready, depth.delayed, depth.oldest_at), (1, 1, Some(clock.now())));
    assert_eq!(queue.read(0, 10).await.unwrap()[0].message, page);
    first(&queue).await.settle(Settlement::Done).await.unwrap();
    clock.advance(delay);
    assert_eq!(first(&queue).await.message().attempt(), 2);
}

/// What a kill leaves behind: the process is gone, its leases are in the file.
#[tokio::test]
async fn a_killed_process_loses_its_message_after_the_lease_and_not_before() {
    let lab = lab().await;
    let (queue, clock) = lab.process();
    queue.publish(QueueName::Raw, &[message("held")]).await.unwrap();
    std::mem::forget(first(&queue).await);
    queue.file.database.close().await;

    let clock = ManualClock::starting_at(clock.now());
    lab.start(clock.clone()).await;
    let (queue, _) = lab.process();
    clock.advance(lab.lease().checked_sub(Duration::from_millis(1)).unwrap());
    assert_eq!(queue.depth(QueueName::Raw).await.unwrap().unsettled, 1);
    clock.advance(Duration::from_millis(1));
    assert_eq!(queue.depth(QueueName::Raw).await.unwrap().ready, 1);
    assert_eq!(first(&queue).await.message(), &message("held"));
}

/// Two processes: neither wakes the other, both poll.
#[tokio::test]
async fn what_another_process_publishes_arrives() {
    let lab = lab().await;
    let (one, clock) = lab.process();
    lab.start(clock).await;
    let (other, _) = lab.process();
    let mut consumer = other.consume(QueueName::Raw, 1).await.unwrap();
    for n in 0..3 {
        let messages = [message(n)];
        let (delivery, published) = tokio::join!(next(&mut consumer), one.publish(QueueName::Raw, &messages));
        published.unwrap();
        assert_eq!(delivery.message(), &messages[0]);
        delivery.settle(Settlement::Done).await.unwrap();
    }
}

/// The renewals of a live process reach the file in time, so that no other process takes the message.
#[tokio::test]
async fn a_live_process_keeps_its_message_from_others() {
    let lab = lab().await;
    let (holder, holders_clock) = lab.process();
    holder.publish(QueueName::Raw, &[message("slow")]).await.unwrap();
    let slow = first(&holder).await;
    let start = holders_clock.now();
    lab.start(ManualClock::starting_at(start)).await;
    let (other, others_clock) = lab.process();
    for third in 1..=9_u32 {
        let now = later(start, lab.lease() / 3 * third);
        holders_clock.set(now);
        let renewed = async {
            let mut look = tokio::time::interval(Duration::from_millis(5));
            while holder.file.held().renewed_at() < now {
                look.tick().await;
            }
        };
        tokio::time::timeout(DEADLINE, renewed).await.expect("the lease was not renewed");
        others_clock.set(now);
        assert_eq!(other.depth(QueueName::Raw).await.unwrap().unsettled, 1, "after {third} thirds");
    }
    slow.settle(Settlement::Done).await.unwrap();
}

/// When the clock jumps past the lease, a claim may come before the renewal.
#[tokio::test]
async fn a_late_renewal_does_not_make_a_process_take_its_own_message_again() {
    let lab = lab().await;
    let (queue, clock) = lab.process();
    queue.publish(QueueName::Raw, &[message("slow")]).await.unwrap();
    let slow = first(&queue).await;
    queue.renewal.abort();
    clock.advance(lab.lease() * 3);
    queue.publish(QueueName::Raw, &[message("other")]).await.unwrap();
    let other = first(&queue).await;
    assert_eq!(other.message(), &message("other"));
    slow.settle(Settlement::Done).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_may_start_at_once_on_an_empty_file() {
    let directory = tempfile::tempdir().unwrap();
    let starts = (0..6).map(|n| {
        let path = directory.path().join("queue.db");
        tokio::spawn(async move {
            let database = Database::open(path).await.unwrap();
            let clock = Arc::new(ManualClock::default());
            let queue = SqliteQueue::open(database, QueueOptions::default(), clock).await.unwrap();
            queue.publish(QueueName::Raw, &[message(n)]).await.unwrap();
            queue
        })
    });
    let mut queues = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        queues.push(start.await.unwrap());
    }
    assert_eq!(queues[0].depth(QueueName::Raw).await.unwrap().ready, 6);
}

/// A new message must not wait for the clock, which may have been set back.
#[tokio::test]
async fn a_clock_that_is_set_back_does_not_hold_up_new_messages() {
    let lab = lab().await;
    let (queue, clock) = lab.process();
    queue.publish(QueueName::Raw, &[message("m")]).await.unwrap();
    clock.set(later(DateTime::UNIX_EPOCH, Duration::from_secs(1)));
    first(&queue).await.settle(Settlement::Done).await.unwrap();
}

#[tokio::test]
async fn a_row_with_unreadable_headers_is_delivered() {
    let lab = lab().await;
    let (queue, _) = lab.process();
    for spoiled in [r#"{"x-page": 1}"#, "[1]", "null"] {
        queue.publish(QueueName::Raw, &[message("spoiled"), message("good")]).await.unwrap();
        let mut transaction = queue.file.database.begin().await.unwrap();
        let spoil = sqlx::query("UPDATE queue_messages SET headers = ? WHERE id = 'spoiled'").bind(spoiled);
        spoil.execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        for id in ["spoiled", "good"] {
            let delivery = first(&queue).await;
            let Message { id: delivered, headers, body } = delivery.message();
            assert_eq!((delivered.as_str(), &body[..]), (id, id.as_bytes()));
            let unreadable = (id == "spoiled").then_some(spoiled);
            assert_eq!(headers.get(domain::header::UNREADABLE), unreadable);
            delivery.settle(Settlement::Done).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_that_is_damaged_later_is_an_error_that_names_it() {
    let lab = lab().await;
    let (queue, _) = lab.process();
    let messages: Vec<Message> = (0..200).map(|n| message("x".repeat(n + 100))).collect();
    queue.publish(QueueName::Raw, &messages).await.unwrap();
    queue.file.database.close().await;
    let mut bytes = std::fs::read(lab.path()).unwrap();
    bytes[4096..].fill(0x5a);
    std::fs::write(lab.path(), bytes).unwrap();
    let database = Database::open(lab.path()).await;
    let outcome = match database {
        Ok(database) => {
            let clock = Arc::new(ManualClock::default());
            SqliteQueue::open(database, QueueOptions::default(), clock).await.map(drop)
        }
        Err(error) => Err(error),
    };
    let error = outcome.unwrap_err();
    assert!(!outage::Away::is_away(&error) && error.to_string().contains("queue.db"), "{error}");
}

/// A live page, and its id.
fn live(id: &str) -> Message {
    let mut page = message(id);
    page.headers.set(domain::header::ORIGIN, domain::Origin::Live);
    page
}

/// The ids on the raw queue and in the archive.
async fn raw_and_archived(queue: &SqliteQueue) -> [Vec<String>; 2] {
    let readers = queue.file.database.readers();
    let raw = sqlx::query_scalar("SELECT id FROM queue_messages WHERE queue = 'raw' ORDER BY seq");
    let archived = sqlx::query_scalar("SELECT id FROM queue_archive ORDER BY position");
    [raw.fetch_all(readers).await.unwrap(), archived.fetch_all(readers).await.unwrap()]
}

/// The queue is purged; pages that are published again are on it again, and in the archive once.
#[tokio::test]
async fn purging_the_queue_costs_the_archive_nothing() {
    let lab = lab().await;
    let (queue, _) = lab.process();
    let mut all = Vec::new();
    for round in 0..5 {
        let pages = [live(&format!("{round}-a")), live(&format!("{round}-b"))];
        all.extend(pages.iter().map(|page| page.id.to_string()));
        for _ in 0..2 {
            queue.publish(QueueName::Raw, &pages).await.unwrap();
            let [raw, archived] = raw_and_archived(&queue).await;
            assert_eq!((&raw[..], &archived), (&all[all.len() - 2..], &all));
            let mut transaction = queue.file.database.begin().await.unwrap();
            let delete = sqlx::query("DELETE FROM queue_messages WHERE queue = 'raw'");
            delete.execute(&mut *transaction).await.unwrap();
            transaction.commit().await.unwrap();
        }
    }
}

/// A page of the past that lacked coins is asked for again: the archive has the newer one. Published again, it is the same.
#[tokio::test]
async fn a_page_of_the_past_that_came_again_takes_the_place_of_the_older_one() {
    let lab = lab().await;
    let (queue, _) = lab.process();
    let received = |hour: u32, body: &str| {
        let mut page = live("past");
        page.headers.set(domain::header::RECEIVED_AT, format!("2026-11-22T{hour}:00:00.000Z"));
        page.body = body.as_bytes().to_vec().into();
        page
    };
    let pages = [received(14, "few"), received(15, "all"), received(15, "other"), received(14, "few")];
    for page in pages {
        queue.publish(QueueName::Raw, &[page]).await.unwrap();
    }
    let archived = archive::read(queue.file.database.readers(), 0, 9).await.unwrap();
    let bodies: Vec<_> = archived.iter().map(|page| &page.message.body[..]).collect();
    assert_eq!(bodies, [b"all"]);
}

/// A full file takes neither the message nor the page, each time, and both when it has room.
#[tokio::test]
async fn a_full_file_takes_nothing_and_loses_nothing() {
    let lab = lab().await;
    let (queue, _) = lab.process();
    queue.publish(QueueName::Raw, &[live("before")]).await.unwrap();
    let limit = async |pages: &str| {
        let mut transaction = queue.file.database.begin().await.unwrap();
        let sql = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
        let limit: i64 = sqlx::query_scalar(sql).fetch_one(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        limit
    };
    let large = Message { body: vec![7; 200_000].into(), ..live("large") };
    let mut full = 0;
    for _ in 0..10 {
        // Fewer pages than it has, so it is full. A connection that met a full disk is replaced, so set it each time.
        full = limit("1").await;
        let error = queue.publish(QueueName::Raw, &[live("small"), large.clone()]).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert_eq!(raw_and_archived(&queue).await, [["before"], ["before"]]);
    }
    assert!(limit("1000000").await > full);
    queue.publish(QueueName::Raw, &[live("small"), large.clone()]).await.unwrap();
    assert_eq!(raw_and_archived(&queue).await, [["before", "small", "large"]; 2]);
}
