//! A broker that tells nothing of what others hold, as RabbitMQ, and a clock on which waiting takes no time.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{DeadLetter, Message, StageName};
use ports::{Consumer, Letters, Queue, Store};
use service::{Queues, Stores};
use testkit::clock::ManualClock;
use testkit::contract::store::sample::{at, batch, chunk};
use testkit::memory::{MemoryQueue, MemoryStore};

use super::*;

/// Sleeping moves it.
#[derive(Clone, Default, Debug)]
struct LeapingClock(ManualClock);

#[async_trait]
impl Clock for LeapingClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.advance(duration);
        tokio::task::yield_now().await;
    }
}

struct Reticent(MemoryQueue);

#[async_trait]
impl Queue for Reticent {
    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), QueueError> {
        self.0.publish(to, messages).await
    }

    async fn consume(&self, from: QueueName, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        self.0.consume(from, prefetch).await
    }

    async fn depth(&self, queue: QueueName) -> Result<Depth, QueueError> {
        Ok(Depth { unsettled: 0, ..self.0.depth(queue).await? })
    }
}

struct Bench {
    clock: LeapingClock,
    queue: MemoryQueue,
    store: Arc<MemoryStore>,
    adapters: Adapters,
    stop: CancellationToken,
    snapshot: FetchedBatch,
}

impl Bench {
    /// A snapshot of one page was published.
    fn new() -> Self {
        let clock = LeapingClock::default();
        let queue = MemoryQueue::new(Arc::new(clock.clone()));
        let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
        let queues = Queues {
            queue: Arc::new(Reticent(queue.clone())),
            archive: Arc::new(queue.clone()),
            leadership: Arc::new(queue.clone()),
        };
        let stores = Stores::of(store.clone());
        let snapshot = FetchedBatch {
            batch: batch(0),
            pages: 1,
            coins: 1,
            coins_again: 0,
            credits: 1,
            simulated: false,
            verdict: None,
            fetched_at: at(1),
        };
        let (adapters, stop) = (Adapters { queues, stores }, CancellationToken::new());
        Self { clock, queue, store, adapters, stop, snapshot }
    }

    async fn wait(&self) -> Arrival {
        let progress = Progress::start();
        wait(&self.clock, &self.stop, &self.adapters, &self.snapshot, &progress).await.unwrap()
    }

    /// Waits, and does `what` after `seconds`; how it ended, and after how many seconds.
    async fn wait_while(&self, seconds: i64, what: impl AsyncFnOnce()) -> (Arrival, i64) {
        let happening = async {
            while self.clock.now() < at(seconds) {
                tokio::task::yield_now().await;
            }
            what().await;
        };
        let (arrival, ()) = tokio::join!(self.wait(), happening);
        (arrival, (self.clock.now() - at(0)).num_seconds())
    }
}

#[tokio::test]
async fn what_another_worker_holds_is_waited_for_however_empty_the_queues_look() {
    let bench = Bench::new();
    let (arrival, seconds) =
        bench.wait_while(540, async || bench.store.load(&chunk(&[1])).await.map(drop).unwrap()).await;
    assert!(matches!(arrival, Arrival::Proved) && (540..545).contains(&seconds), "after {seconds} s");
}

#[tokio::test]
async fn what_died_is_not_waited_for() {
    let bench = Bench::new();
    let file = async || {
        let id = batch(0).page_id(1);
        let message = Message { id, headers: domain::Headers::new(), body: domain::Bytes::new() };
        let letter = DeadLetter::for_message(
            &message,
            StageName::Transformer,
            domain::Class::Poison,
            "bad_json",
            "no",
            at(60),
        );
        bench.store.file(&letter, "group").await.map(drop).unwrap();
    };
    let (arrival, seconds) = bench.wait_while(60, file).await;
    assert!(matches!(arrival, Arrival::Proved) && (60..65).contains(&seconds), "after {seconds} s");
}

#[tokio::test]
async fn when_nothing_happens_for_long_it_is_said_what_is_missing() {
    let bench = Bench::new();
    let (arrival, seconds) = bench.wait_while(0, async || {}).await;
    let Arrival::Late(why) = arrival else { panic!("it ended well") };
    assert!((600..605).contains(&seconds), "after {seconds} s");
    assert!(why.contains("missing page 1 of batch 2026-11-22T14:00:00Z/listings/USD"), "{why}");
    assert!(why.contains("another worker may hold it"), "{why}");
}

#[tokio::test]
async fn whoever_stops_it_is_told_what_is_missing() {
    let bench = Bench::new();
    let (arrival, seconds) = bench.wait_while(30, async || bench.stop.cancel()).await;
    let Arrival::Stopped(missing) = arrival else { panic!("it was stopped") };
    assert!(missing.contains("missing page 1 of batch") && (30..33).contains(&seconds), "{missing}");
}

#[tokio::test]
async fn a_store_or_a_queue_that_is_away_is_waited_for() {
    let bench = Bench::new();
    bench.store.set_available(false);
    let back = async || {
        bench.store.set_available(true);
        bench.store.load(&chunk(&[1])).await.map(drop).unwrap();
    };
    let (arrival, _) = bench.wait_while(300, back).await;
    assert!(matches!(arrival, Arrival::Proved));

    let bench = Bench::new();
    bench.queue.set_available(false);
    bench.store.load(&chunk(&[1])).await.unwrap();
    let (arrival, seconds) = bench.wait_while(300, async || bench.queue.set_available(true)).await;
    assert!(matches!(arrival, Arrival::Proved) && seconds >= 300);
}

/// Others may publish all day.
#[tokio::test]
async fn what_others_left_is_waited_for_and_not_for_ever() {
    let bench = Bench::new();
    bench.store.load(&chunk(&[1])).await.unwrap();
    let other = Message {
        id: domain::MessageId::new("other"),
        headers: domain::Headers::new(),
        body: domain::Bytes::new(),
    };
    bench.queue.publish(QueueName::Raw, &[other]).await.unwrap();
    let (arrival, seconds) = bench.wait_while(0, async || {}).await;
    assert!(matches!(arrival, Arrival::Proved) && (30..33).contains(&seconds), "after {seconds} s");
}
