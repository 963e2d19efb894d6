use domain::{Headers, Message, MessageId};
use ports::{Clock, Consumer, Settlement};
use testkit::clock::ManualClock;
use testkit::memory::MemoryQueue;

use super::*;

struct Bench {
    clock: Arc<ManualClock>,
    queue: Arc<MemoryQueue>,
    stuck: StuckQueue,
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let queue = Arc::new(MemoryQueue::new(clock.clone()));
        let stuck = StuckQueue::new(queue.clone(), QueueName::Rows, Duration::from_mins(10));
        Self { clock, queue, stuck }
    }

    async fn publish(&self, id: &str) {
        let message = Message { id: MessageId::new(id), headers: Headers::new(), body: b"x"[..].into() };
        self.queue.publish(QueueName::Rows, &[message]).await.unwrap();
    }

    /// Looks each 15 seconds for so many minutes; what the last look found.
    async fn watch(&self, minutes: u64) -> Look {
        let mut look = Look::Unsure;
        for _ in 0..minutes * 4 {
            self.clock.advance(Duration::from_secs(15));
            look = self.stuck.look(self.clock.now()).await.unwrap();
        }
        look
    }

    async fn settle_one(&self, consumer: &mut dyn Consumer) {
        consumer.next().await.unwrap().settle(Settlement::Done).await.unwrap();
    }
}

#[tokio::test]
async fn a_queue_that_grows_while_nothing_leaves_it_is_stuck_until_something_does() {
    let bench = Bench::new();
    assert_eq!(bench.watch(60).await, Look::Fine, "it is empty");
    for minute in 0..10 {
        bench.publish(&format!("m{minute}")).await;
        assert_eq!(bench.watch(1).await, Look::Unsure, "minute {minute}");
    }
    let Look::Wrong(Finding { reason, .. }) = bench.watch(1).await else { panic!("it is stuck") };
    assert!(reason.contains("queue rows") && reason.contains("wait in it: 10; is a loader"), "{reason}");

    let mut consumer = bench.queue.consume(QueueName::Rows, 1).await.unwrap();
    bench.settle_one(&mut *consumer).await;
    bench.clock.advance(Duration::from_secs(15));
    assert_eq!(bench.stuck.look(bench.clock.now()).await.unwrap(), Look::Fine);
}

/// Who holds a message and settles nothing is alive, and stuck.
#[tokio::test]
async fn a_consumer_that_settles_nothing_is_told_too_and_one_that_is_slow_is_not() {
    let bench = Bench::new();
    let mut consumer = bench.queue.consume(QueueName::Rows, 1).await.unwrap();
    for minute in 0..30 {
        bench.publish(&format!("{minute}/a")).await;
        bench.publish(&format!("{minute}/b")).await;
        bench.watch(1).await;
        bench.settle_one(&mut *consumer).await;
        bench.clock.advance(Duration::from_secs(15));
        let look = bench.stuck.look(bench.clock.now()).await.unwrap();
        assert_eq!(look, Look::Fine, "it grows, and something leaves it");
    }
    let held = consumer.next().await.unwrap();
    assert!(matches!(bench.watch(11).await, Look::Wrong(_)));
    held.settle(Settlement::Done).await.unwrap();
}

#[tokio::test]
async fn a_machine_that_slept_has_seen_nothing() {
    let bench = Bench::new();
    bench.publish("m").await;
    bench.watch(1).await;
    bench.clock.advance(Duration::from_hours(8));
    assert_eq!(bench.stuck.look(bench.clock.now()).await.unwrap(), Look::Unsure);
    bench.queue.set_available(false);
    assert_eq!(bench.watch(30).await, Look::Unsure);
}
