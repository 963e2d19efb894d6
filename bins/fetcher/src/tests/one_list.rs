//! The slots that letters and counters tell of are those that are filled, no more and no fewer, and none is forgotten when a fetcher ends.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use config::CatchUp;
use domain::{BatchId, Fetched, Schedule, Slot, endpoint, wire};
use ports::store::{BatchKey, BatchRecord, Course, FetchedSlot, Paid};
use ports::{Ledger, QueueName, Schedules, Store, StoreError};
use simulator::{KeyPolicy, Options, PlannedFault, Simulator};

use super::schedule::load;
use super::*;
use crate::Tables;
use crate::testing::KEY;

const HERE: &str = "2026-11-22T14:00:00Z";

/// Hourly, 100 coins: a gap is one call.
fn lab() -> Lab {
    let mut lab = Lab::new(100, 100);
    lab.settings.catch_up = CatchUp::All;
    lab
}

async fn simulator(lab: &Lab) -> Simulator {
    lab.simulator(Options { keys: KeyPolicy::OneOf(vec![KEY.to_owned()]), ..Options::default() }).await
}

fn announced(lab: &Lab, of: &str) -> Vec<String> {
    let mut slots = Vec::new();
    for message in lab.queue.messages(QueueName::Rows) {
        if let Ok(wire::RowsMessage::Fetched(fetched)) = wire::decode(&message.body)
            && fetched.endpoint == of
        {
            slots.push(fetched.slot.to_string());
        }
    }
    slots.sort_unstable();
    slots
}

fn filled(lab: &Lab) -> Vec<String> {
    announced(lab, endpoint::HISTORY)
}

fn snapshots(lab: &Lab) -> usize {
    announced(lab, endpoint::LISTINGS).len()
}

fn calls(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|seen| seen.path.contains("historical")).count()
}

fn missed(lab: &Lab) -> String {
    let metrics = lab.metrics.render();
    let line = metrics.lines().find_map(|line| line.strip_prefix("coinpipe_slots_missed_total "));
    line.expect("it is shown").to_owned()
}

/// A slot that somebody filled, as the ledger knows it.
async fn fill_by_hand(lab: &Lab, slot: &str) {
    let (slot, convert) = (Slot::at(instant(slot)), vec!["USD".to_owned()]);
    let fetched = Fetched {
        batch: BatchId::new(slot, endpoint::HISTORY, &convert),
        slot,
        endpoint: endpoint::HISTORY.to_owned(),
        api_version: domain::ApiVersion::V1,
        convert,
        fetched_at: slot.starts_at(),
        pages: 1,
        credits: 1,
        simulated: false,
        verdict: None,
    };
    lab.store.record_fetched(&fetched).await.unwrap();
}

#[tokio::test]
async fn what_was_fetched_by_hand_is_neither_told_nor_filled() {
    let lab = lab();
    let simulator = simulator(&lab).await;
    run_until(&lab.fetcher_with_store(&simulator), "a snapshot", || snapshots(&lab) == 1).await;
    // Two snapshots by hand, and an hour that somebody filled.
    for slot in ["2026-11-22T15:20:00Z", "2026-11-22T18:20:00Z"] {
        load(&lab, slot).await;
    }
    fill_by_hand(&lab, "2026-11-22T16:00:00Z").await;
    lab.clock.0.set(instant("2026-11-22T20:10:00Z"));
    run_until(&lab.fetcher_with_store(&simulator), "the gap", || filled(&lab).len() >= 2).await;
    run_idle(&lab.fetcher_with_store(&simulator)).await;
    assert_eq!(incidents(&lab), ["slot_missed/2026-11-22T17:00:00Z/listings/USD..2026-11-22T19:00:00Z"]);
    assert!(reasons(&lab)[0].contains("2 snapshots of slots"), "{:?}", reasons(&lab));
    assert_eq!(filled(&lab), ["2026-11-22T17:00:00Z", "2026-11-22T19:00:00Z"]);
    assert_eq!(missed(&lab), "2");
}

/// The API is down for the whole slot; then the fetcher ends, and starts again.
#[tokio::test]
async fn a_slot_that_was_given_up_is_filled_after_a_restart_once() {
    let lab = lab();
    let simulator = simulator(&lab).await;
    simulator.set_faults(["status=500".parse::<PlannedFault>().unwrap()]);
    let given_up = || incidents(&lab).iter().any(|letter| letter.ends_with("/given-up"));
    run_until(&lab.fetcher_at(&simulator), "a slot given up", given_up).await;
    simulator.set_faults([]);
    lab.clock.0.set(instant("2026-11-22T15:00:00Z"));
    run_until(&lab.fetcher_at(&simulator), "the slot", || filled(&lab).len() == 1).await;
    assert_eq!((filled(&lab), missed(&lab)), (vec![HERE.to_owned()], "1".to_owned()));
    let paid = calls(&simulator);
    lab.clock.0.set(instant("2026-11-22T16:00:00Z"));
    run_idle(&lab.fetcher_at(&simulator)).await;
    assert_eq!((filled(&lab).len(), calls(&simulator), snapshots(&lab)), (1, paid, 2));
}

/// Its fetcher never comes back: another one fills what the note says.
#[tokio::test]
async fn a_slot_that_one_fetcher_gave_up_is_filled_by_another() {
    let lab = lab();
    let simulator = simulator(&lab).await;
    simulator.set_faults(["status=500".parse::<PlannedFault>().unwrap()]);
    let fetcher = lab.fetcher_at(&simulator);
    let (bell, rung) = mpsc::channel(1);
    let mut is_rung = false;
    // The bell is heard when the note is written.
    run_with(&fetcher, rung, "a slot given up", || {
        let is_over = incidents(&lab).iter().any(|letter| letter.ends_with("/given-up"));
        if is_over && !is_rung {
            bell.try_send(()).unwrap();
            is_rung = true;
        }
        is_rung && bell.capacity() == 1
    })
    .await;
    drop(fetcher);
    simulator.set_faults([]);
    let mut other = leader::another(&lab, "other");
    other.settings.catch_up = CatchUp::All;
    other.clock.0.set(instant("2026-11-22T15:00:00Z"));
    run_until(&other.fetcher_at(&simulator), "the slot", || filled(&lab).len() == 1).await;
    assert_eq!(filled(&lab), [HERE]);
}

/// Their letters are others: what the API said.
#[tokio::test]
async fn slots_that_were_skipped_are_filled() {
    let lab = lab();
    lab.clock.0.set(instant("2026-11-22T22:00:00Z"));
    let simulator = simulator(&lab).await;
    simulator.set_faults(["error=1009:1".parse::<PlannedFault>().unwrap()]);
    let fetcher = lab.fetcher_at(&simulator);
    let (bell, rung) = mpsc::channel(1);
    run_with(&fetcher, rung, "a snapshot of the next day, and the two before it", || {
        let asked = !simulator.requests().is_empty();
        if asked && bell.capacity() == 1 && lab.clock.now() < instant("2026-11-23T00:00:00Z") {
            lab.clock.0.advance(Duration::from_hours(1));
            bell.try_send(()).unwrap();
        }
        filled(&lab).len() == 2
    })
    .await;
    assert_eq!(filled(&lab), ["2026-11-22T22:00:00Z", "2026-11-22T23:00:00Z"]);
    assert_eq!((incidents(&lab), missed(&lab)), (vec!["api_1009/2026-11-22".to_owned()], "2".to_owned()));
}

/// A schedule of other slots was in force: what is told is what is filled.
#[tokio::test]
async fn slots_that_passed_before_a_change_are_filled_as_they_were_due() {
    let mut lab = lab();
    let simulator = simulator(&lab).await;
    run_until(&lab.fetcher_at(&simulator), "a snapshot", || snapshots(&lab) == 1).await;
    lab.settings.every = Duration::from_hours(24);
    lab.clock.0.set(instant("2026-11-23T02:30:00Z"));
    run_until(&lab.fetcher_with_store(&simulator), "the gap", || filled(&lab).len() >= 11).await;
    run_idle(&lab.fetcher_with_store(&simulator)).await;
    assert_eq!(incidents(&lab), ["slot_missed/2026-11-22T15:00:00Z/listings/USD..2026-11-23T02:00:00Z"]);
    // The slot of midnight is fetched now.
    let expected: Vec<_> = (1..=12)
        .filter(|hours| *hours != 10)
        .map(|hours| Slot::at(instant(HERE) + TimeDelta::hours(hours)).to_string())
        .collect();
    assert_eq!((filled(&lab), missed(&lab)), (expected, "11".to_owned()));
}

/// Tables that do not answer.
struct Silent;

fn away<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable { reason: "the database is away".to_owned() })
}

#[async_trait]
impl Ledger for Silent {
    async fn batches(&self, _: u32) -> Result<Vec<BatchRecord>, StoreError> {
        away()
    }

    async fn batch(&self, _: &BatchId) -> Result<Option<BatchRecord>, StoreError> {
        away()
    }

    async fn batches_of(&self, _: &[BatchId]) -> Result<Vec<BatchRecord>, StoreError> {
        away()
    }

    async fn paid_since(&self, _: DateTime<Utc>) -> Result<Vec<Paid>, StoreError> {
        away()
    }

    async fn batches_before(&self, _: BatchKey<'_>, _: u32) -> Result<Vec<BatchRecord>, StoreError> {
        away()
    }

    async fn courses(&self, _: DateTime<Utc>, _: DateTime<Utc>, _: u32) -> Result<Vec<Course>, StoreError> {
        away()
    }
}

#[async_trait]
impl Schedules for Silent {
    async fn schedules(&self, _: &str, _: DateTime<Utc>) -> Result<Vec<Schedule>, StoreError> {
        away()
    }

    async fn fetched_slots(
        &self,
        _: DateTime<Utc>,
        _: DateTime<Utc>,
    ) -> Result<Vec<FetchedSlot>, StoreError> {
        away()
    }
}

/// What is there would be paid for again.
#[tokio::test]
async fn nothing_is_filled_while_the_tables_do_not_say_what_is_there() {
    let lab = lab();
    let simulator = simulator(&lab).await;
    run_until(&lab.fetcher_at(&simulator), "a snapshot", || snapshots(&lab) == 1).await;
    load(&lab, "2026-11-22T15:00:00Z").await;
    lab.clock.0.set(instant("2026-11-22T17:10:00Z"));
    let blind = lab.fetcher_seeing(&simulator, Tables::of(Arc::new(Silent)));
    run_until(&blind, "the next snapshot", || snapshots(&lab) == 2).await;
    drop(blind);
    assert_eq!(calls(&simulator), 0);
    lab.clock.0.set(instant("2026-11-22T18:10:00Z") + TimeDelta::minutes(1));
    run_until(&lab.fetcher_with_store(&simulator), "the gap", || filled(&lab).len() == 1).await;
    assert_eq!(filled(&lab), ["2026-11-22T16:00:00Z"]);
}
