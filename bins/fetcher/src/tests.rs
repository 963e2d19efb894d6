//! The whole fetcher, from the API to the queue: snapshots, schedules, outages and crashes.

mod again;
mod backfill;
mod beside;
mod catch_up;
mod crashes;
mod credits;
mod currencies;
mod drift;
mod ids;
mod judged;
mod keyless;
mod leader;
mod market;
mod missed;
mod one_list;
mod outages;
mod pace;
mod past_currencies;
mod past_doubts;
mod past_sets;
mod schedule;
mod simulated;
mod snapshots;
mod spool;
mod windows;

use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{DeadLetter, timestamp};
use ports::{Clock, QueueName};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::testing::{Fetcher, Lab, until};
use crate::{ProgressObserver, Step};

const PAGE_1: &str = "2026-11-22T14:00:00Z/listings/USD/p1";
const PAGE_2: &str = "2026-11-22T14:00:00Z/listings/USD/p2";
const FETCHED: &str = "2026-11-22T14:00:00Z/listings/USD/fetched";
const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl ProgressObserver for Seen {
    fn step(&self, step: Step<'_>) {
        self.0.lock().unwrap().push(step.to_string());
    }
}

fn instant(text: &str) -> DateTime<Utc> {
    timestamp::from_text(text).unwrap()
}

/// Runs the schedule without clokwerk until `holds`, then stops it and waits for its end.
async fn run_until(fetcher: &Fetcher, what: &str, holds: impl FnMut() -> bool) {
    let (_bell, rung) = mpsc::channel(1);
    run_with(fetcher, rung, what, holds).await;
}

/// Runs the schedule until it has nothing to do: a bell is heard only after what was due before is done.
async fn run_idle(fetcher: &Fetcher) {
    let (bell, rung) = mpsc::channel(1);
    bell.try_send(()).unwrap();
    run_with(fetcher, rung, "a heard bell", || bell.capacity() == 1).await;
}

async fn run_with(fetcher: &Fetcher, rung: mpsc::Receiver<()>, what: &str, holds: impl FnMut() -> bool) {
    let stop = CancellationToken::new();
    let watched = async {
        until(what, holds).await;
        stop.cancel();
    };
    let running = tokio::time::timeout(DEADLINE, fetcher.run_on(rung, stop.clone()));
    let (result, ()) = tokio::join!(running, watched);
    result.expect("the fetcher stops when asked to").unwrap();
}

/// Code and occasion of each letter on the dead queue.
fn incidents(lab: &Lab) -> Vec<String> {
    lab.ids(QueueName::Dead).iter().map(|id| id.trim_start_matches("incident/fetcher/").to_owned()).collect()
}

fn reasons(lab: &Lab) -> Vec<String> {
    let letters = lab.queue.messages(QueueName::Dead).into_iter();
    letters.map(|message| DeadLetter::from_message(message, lab.clock.now()).reason).collect()
}

/// Runs until `moment` and drops the run there, as a power cut would.
async fn crash(fetcher: &Fetcher, moment: impl Future<Output = ()>) {
    let (_bell, rung) = mpsc::channel(1);
    tokio::select! {
        result = fetcher.run_on(rung, CancellationToken::new()) => panic!("it ended: {result:?}"),
        moment = tokio::time::timeout(DEADLINE, moment) => moment.expect("it never came to that"),
    }
}
