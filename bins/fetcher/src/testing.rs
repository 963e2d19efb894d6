//! What the tests stand around a fetcher: a server that says what a script says, a queue that can hang,
//! a clock on which waiting takes no time.

mod clock;
mod lab;
mod lines;
mod queues;
mod simulated;

use std::time::Duration;

pub(crate) use crate::collect::server::{KEY, Reply, Server, api_error, page, page_body, reply};
pub(crate) use clock::{LeapingClock, WatchedClock};
pub(crate) use lab::{Fetcher, Lab};
pub(crate) use lines::Lines;
pub(crate) use queues::{HangingQueue, RefusingQueue};

/// The longest that a test waits for something that should happen.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until `holds`; fails with `what` when it does not come.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, wait).await.is_ok(), "waited {DEADLINE:?} in vain: {what}");
}
