//! The simulator over its socket, as clients meet it.

mod beside;
mod client;
mod faults;
mod history;
mod listing;
mod market;
mod recordings;

use std::sync::Arc;

use simulator::{Options, Simulator};
use testkit::clock::ManualClock;

/// A simulator on a free port, and its clock: 2026-11-22 14:00 UTC, standing still.
async fn start(options: Options) -> (Simulator, ManualClock) {
    let clock = ManualClock::default();
    let address = "127.0.0.1:0".parse().unwrap();
    (Simulator::start(address, options, Arc::new(clock.clone())).await.unwrap(), clock)
}

/// A market of a few coins, for tests that do not look at the coins.
fn small() -> Options {
    Options { coins: 250, ..Options::default() }
}
