//! The contract of the queue ports: one test for each promise in the documentation of [`Queue`],
//! [`Consumer`], [`Delivery`] and [`Archive`].
//!
//! An adapter implements [`QueueLab`] and writes `testkit::queue_contract!(lab);` in a test module, where
//! `async fn lab() -> impl QueueLab` sets up an empty queue. Time may be real or the test's own: the lab lets it pass.
//! Tests wait only for a state, with a deadline.

mod archive;
mod crash;
mod deliver;
mod settle;
mod share;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Headers, Message, MessageId};

use ports::{Archive, Clock, Consumer, Delivery, Depth, Queue, QueueName};

pub use archive::*;
pub use crash::*;
pub use deliver::*;
pub use settle::*;
pub use share::*;

/// What an adapter brings to the tests: an empty queue of its own, and control of time and processes.
#[async_trait]
pub trait QueueLab: Send + Sync {
    /// The queue, as the process sees it that lives now.
    fn queue(&self) -> Arc<dyn Queue>;

    /// Its archive.
    fn archive(&self) -> Arc<dyn Archive>;

    /// The clock of the process that lives now.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Lets `duration` pass, for processes that live.
    async fn pass(&self, duration: Duration);

    /// Freezes the process that lives now and starts another. Returns once the messages that the first one
    /// holds may be delivered again. The frozen one does nothing more by itself, but calls that a test makes
    /// on it reach the queue, late.
    async fn crash(&self);

    /// How long a process may be silent.
    fn lease(&self) -> Duration;

    /// How often a message is handed out to processes that die.
    fn delivery_limit(&self) -> u32;

    /// A delay that the queue can keep exactly.
    fn retry_delay(&self) -> Duration;
}

/// What `$lab` of [`queue_contract`](crate::queue_contract) returns: a lab, or `None` where there is no server
/// to test with. An adapter that returns `None` has printed that the test is skipped.
pub trait Setup {
    /// The lab.
    type Lab: QueueLab;

    /// The lab, if there is one.
    fn lab(self) -> Option<Self::Lab>;
}

impl<L: QueueLab> Setup for L {
    type Lab = L;

    fn lab(self) -> Option<L> {
        Some(self)
    }
}

impl<L: QueueLab> Setup for Option<L> {
    type Lab = L;

    fn lab(self) -> Self {
        self
    }
}

/// Makes a test of each promise; `$lab` is an async function that returns a new [`QueueLab`], or `None`.
#[macro_export]
macro_rules! queue_contract {
    ($lab:path) => {
        $crate::queue_contract! {
            $lab:
            what_is_published_is_delivered_until_it_is_done
            a_waiting_consumer_gets_what_is_published_later
            each_queue_is_its_own
            messages_arrive_as_they_were_published
            a_page_of_six_megabytes_arrives_whole
            nothing_to_publish_is_fine
            a_wait_that_is_given_up_loses_nothing
            a_flush_waits_for_what_was_given_up
            an_unsettled_delivery_is_delivered_again
            a_delivery_outlives_its_consumer
            a_retry_comes_back_in_time_and_counts
            a_retry_that_is_not_the_messages_fault_counts_nothing
            a_dead_letter_moves_with_its_reason
            depth_tells_what_waits_and_what_is_in_work
            a_dead_process_loses_its_messages_to_another
            a_late_ack_returns_lost
            a_slow_holder_keeps_its_message
            a_message_that_kills_its_holders_goes_to_the_dead_letters
            a_retry_starts_the_count_of_deliveries_anew
            a_letter_is_delivered_however_often_its_holders_die
            giving_back_does_not_count_towards_the_limit
            prefetch_bounds_what_is_unsettled
            consumers_share_the_work
            publishers_at_once_lose_nothing
            the_archive_holds_live_pages_once_as_published
            a_page_that_is_published_again_is_archived_once
            the_archive_can_be_read_in_parts
            a_range_of_the_archive_begins_at_a_time
        }
    };
    ($lab:path: $($promise:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                if let Some(lab) = $crate::contract::queue::Setup::lab($lab().await) {
                    $crate::contract::queue::$promise(&lab).await;
                }
            }
        )+
    };
}

/// How long any level may take to be reached; only a failing test waits for it.
const DEADLINE: Duration = Duration::from_secs(30);

/// A message without headers.
pub fn message(id: impl std::fmt::Display) -> Message {
    let id = id.to_string();
    Message { body: id.clone().into_bytes().into(), id: MessageId::new(id), headers: Headers::new() }
}

/// The next delivery.
async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
    let next = tokio::time::timeout(DEADLINE, consumer.next()).await;
    next.expect("nothing was delivered in 30 s").expect("consuming failed")
}

/// A new consumer's first delivery.
async fn first(queue: &Arc<dyn Queue>, from: QueueName) -> Delivery {
    next(&mut consume(queue, from).await).await
}

async fn consume(queue: &Arc<dyn Queue>, from: QueueName) -> Box<dyn Consumer> {
    queue.consume(from, 1).await.expect("cannot consume")
}

async fn publish(queue: &Arc<dyn Queue>, to: QueueName, messages: &[Message]) {
    queue.publish(to, messages).await.expect("cannot publish");
}

/// Waits until the depth of `queue` is (ready, delayed, unsettled).
async fn until_depth(queue: &Arc<dyn Queue>, name: QueueName, expected: (u64, u64, u64)) -> Depth {
    let mut seen = Depth::default();
    let reached = async {
        let mut look = tokio::time::interval(Duration::from_millis(10));
        loop {
            look.tick().await;
            seen = queue.depth(name).await.expect("no depth");
            if (seen.ready, seen.delayed, seen.unsettled) == expected {
                return seen;
            }
        }
    };
    let Ok(depth) = tokio::time::timeout(DEADLINE, reached).await else {
        panic!("{name} should have (ready, delayed, unsettled) {expected:?}, has {seen:?}");
    };
    depth
}

async fn until_empty(queue: &Arc<dyn Queue>, name: QueueName) {
    until_depth(queue, name, (0, 0, 0)).await;
}
