//! The memory queue keeps the contract; and what only it can do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ports::{Archive, Clock, Queue, QueueError, QueueName, Settlement};

use crate::clock::ManualClock;
use crate::contract::leader::LeaderLab;
use crate::contract::queue::{self as contract, QueueLab, message};
use crate::memory::{MemoryQueue, Options};
use domain::timestamp::later;
use ports::Leadership;

struct Lab {
    options: Options,
    /// The process that lives now, and its clock.
    process: Mutex<(MemoryQueue, ManualClock)>,
}

impl Lab {
    fn new(options: Options) -> Self {
        let clock = ManualClock::default();
        let queue = MemoryQueue::with_options(options, Arc::new(clock.clone()));
        Self { options, process: Mutex::new((queue, clock)) }
    }

    fn process(&self) -> (MemoryQueue, ManualClock) {
        self.process.lock().unwrap().clone()
    }
}

#[async_trait]
impl QueueLab for Lab {
    fn queue(&self) -> Arc<dyn Queue> {
        Arc::new(self.process().0)
    }

    fn archive(&self) -> Arc<dyn Archive> {
        Arc::new(self.process().0)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.process().1)
    }

    async fn pass(&self, duration: Duration) {
        self.process().1.advance(duration);
    }

    async fn crash(&self) {
        let (queue, frozen) = self.process();
        let clock = ManualClock::starting_at(later(frozen.now(), self.options.lease));
        *self.process.lock().unwrap() = (queue.another_process(Arc::new(clock.clone())), clock);
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
    Lab::new(Options::default())
}

crate::queue_contract!(lab);

impl LeaderLab for Lab {
    fn leadership(&self) -> Arc<dyn Leadership> {
        Arc::new(self.process().0)
    }
}

mod leader {
    crate::leader_contract!(super::lab);
}

#[tokio::test]
async fn the_archive_keeps_its_retention() {
    let keep = Duration::from_hours(1);
    let by_age = Lab::new(Options { archive_keep: keep, ..Options::default() });
    contract::the_archive_drops_old_pages(&by_age, keep).await;
    let by_size = Lab::new(Options { archive_max_bytes: 3000, ..Options::default() });
    contract::the_archive_drops_what_is_too_much(&by_size, 3000).await;
}

#[tokio::test]
async fn an_outage_fails_every_call_and_loses_nothing() {
    let queue = MemoryQueue::new(Arc::new(ManualClock::default()));
    queue.publish(QueueName::Raw, &[message("held"), message("waiting")]).await.unwrap();
    let mut consumer = queue.consume(QueueName::Raw, 1).await.unwrap();
    let held = consumer.next().await.unwrap();
    queue.set_available(false);
    let away = |outcome: Result<(), QueueError>| assert!(outcome.unwrap_err().is_transient());
    away(queue.publish(QueueName::Raw, &[message("new")]).await);
    away(queue.depth(QueueName::Raw).await.map(drop));
    away(queue.read(0, 1).await.map(drop));
    away(queue.consume(QueueName::Raw, 1).await.map(drop));
    away(held.settle(Settlement::Done).await);
    away(consumer.next().await.map(drop));
    queue.set_available(true);
    assert_eq!(queue.messages(QueueName::Raw), [message("held"), message("waiting")]);
    assert_eq!(queue.depth(QueueName::Raw).await.unwrap().ready, 2);
}

#[tokio::test]
async fn an_outage_ends_a_wait() {
    let queue = MemoryQueue::new(Arc::new(ManualClock::default()));
    let mut consumer = queue.consume(QueueName::Raw, 1).await.unwrap();
    let (outcome, ()) = tokio::join!(consumer.next(), async { queue.set_available(false) });
    assert!(outcome.unwrap_err().is_transient());
}
