//! Which schedule is in force, and the slots of it that nobody fetched, against the simulator.

use std::time::Duration;

use domain::Schedule;
use simulator::{KeyPolicy, Options, PlannedFault, Simulator};

use super::schedule::load;
use super::*;
use crate::testing::KEY;

async fn simulator(lab: &Lab) -> Simulator {
    lab.simulator(Options { keys: KeyPolicy::OneOf(vec![KEY.to_owned()]), ..Options::default() }).await
}

fn batches(lab: &Lab) -> usize {
    lab.ids(QueueName::Rows).len()
}

fn missed(lab: &Lab) -> String {
    let metrics = lab.metrics.render();
    let line = metrics.lines().find_map(|line| line.strip_prefix("coinpipe_slots_missed_total "));
    line.expect("it is shown").to_owned()
}

/// Runs a fetcher until it has told of `schedules` in all and fetched `snapshots`.
async fn run_until_told(lab: &Lab, simulator: &Simulator, snapshots: usize, schedules: usize) {
    let fetcher = lab.fetcher_at(simulator);
    run_until(&fetcher, "told", || (batches(lab), lab.schedules().len()) == (snapshots, schedules)).await;
    run_idle(&fetcher).await;
    assert_eq!((batches(lab), lab.schedules().len()), (snapshots, schedules));
}

#[tokio::test]
async fn the_ledger_is_told_of_a_schedule_when_it_begins_when_it_changes_and_once_a_day() {
    let mut lab = Lab::new(100, 100);
    lab.clock.0.set(instant("2026-11-22T13:50:07Z"));
    let simulator = simulator(&lab).await;
    run_until_told(&lab, &simulator, 1, 1).await;
    let first = lab.schedules().remove(0);
    let expected = Schedule {
        series: Schedule::QUOTES.to_owned(),
        endpoint: "listings".to_owned(),
        convert: vec!["USD".to_owned()],
        every: Duration::from_hours(1),
        coins: 100,
        since: instant("2026-11-22T13:50:07Z"),
        simulated: true,
        confirmed_at: first.confirmed_at,
    };
    assert_eq!(first, expected);

    // A restart, and another fetcher, go on with it.
    lab.clock.0.set(instant("2026-11-22T14:00:00Z"));
    run_until_told(&lab, &simulator, 2, 1).await;
    lab.clock.0.set(instant("2026-11-22T15:00:00Z"));
    let other = leader::another(&lab, "other");
    run_until_told(&other, &simulator, 3, 1).await;
    lab.clock.0.set(instant("2026-11-23T14:00:00Z"));
    run_until_told(&lab, &simulator, 4, 2).await;
    let again = lab.schedules().remove(1);
    assert_eq!(again, Schedule { confirmed_at: again.confirmed_at, ..expected });
    assert!(again.confirmed_at >= instant("2026-11-23T14:00:00Z"));

    lab.settings.every = Duration::from_mins(30);
    lab.clock.0.set(instant("2026-11-23T14:10:00Z"));
    // There is nothing to fetch now: what the API says of the key tells whether it is a simulator.
    let fetcher = lab.fetcher_at(&simulator);
    fetcher.know_credits().await;
    run_until(&fetcher, "told", || lab.schedules().len() == 3).await;
    assert_eq!(batches(&lab), 4);
    let changed = lab.schedules().remove(2);
    assert_eq!((changed.every, changed.since), (lab.settings.every, instant("2026-11-23T14:10:00Z")));
}

/// A stop does not end a schedule. Each slot is told once.
#[tokio::test]
async fn slots_that_passed_while_nobody_led_are_one_letter_and_counted() {
    let lab = Lab::new(100, 100);
    let simulator = simulator(&lab).await;
    run_until_told(&lab, &simulator, 1, 1).await;
    assert_eq!((incidents(&lab), missed(&lab)), (vec![], "0".to_owned()));

    // Somebody took a snapshot by hand.
    load(&lab, "2026-11-22T17:20:00Z").await;
    lab.clock.0.set(instant("2026-11-22T18:10:00Z"));
    let by_hand = lab.fetcher_with_store(&simulator);
    run_until(&by_hand, "a batch", || batches(&lab) == 2).await;
    drop(by_hand);
    assert_eq!(incidents(&lab), ["slot_missed/2026-11-22T15:00:00Z/listings/USD..2026-11-22T16:00:00Z"]);
    assert_eq!(missed(&lab), "2");
    let reason = reasons(&lab).remove(0);
    for part in [
        "2 snapshots of slots from 2026-11-22T15:00:00Z to 2026-11-22T16:00:00Z are missing",
        "`coinpipe backfill --from 2026-11-22T15:00:00Z --to 2026-11-22T17:00:00.000Z`",
    ] {
        assert!(reason.contains(part), "{part} is not in {reason}");
    }
    for time in ["2026-11-22T18:20:00Z", "2026-11-22T19:00:00Z"] {
        lab.clock.0.set(instant(time));
        run_idle(&lab.fetcher_at(&simulator)).await;
    }
    assert_eq!((incidents(&lab).len(), missed(&lab).as_str()), (1, "2"));
    lab.clock.0.set(instant("2026-11-22T21:30:00Z"));
    run_idle(&lab.fetcher_at(&simulator)).await;
    assert_eq!(incidents(&lab)[1..], ["slot_missed/2026-11-22T20:00:00Z/listings/USD"]);
    assert_eq!(missed(&lab), "3");
}

/// They are of the schedule that was in force.
#[tokio::test]
async fn slots_that_passed_before_a_change_are_told_too() {
    let mut lab = Lab::new(100, 100);
    let simulator = simulator(&lab).await;
    run_until_told(&lab, &simulator, 1, 1).await;
    lab.settings.every = Duration::from_hours(24);
    lab.clock.0.set(instant("2026-11-23T02:30:00Z"));
    run_idle(&lab.fetcher_at(&simulator)).await;
    // The slot of midnight is fetched now.
    assert_eq!(incidents(&lab), ["slot_missed/2026-11-22T15:00:00Z/listings/USD..2026-11-23T02:00:00Z"]);
    assert_eq!((batches(&lab), missed(&lab).as_str()), (2, "11"));
}

/// Their letters are others: what the API said.
#[tokio::test]
async fn slots_that_were_given_up_or_skipped_are_counted() {
    let lab = Lab::new(100, 100);
    lab.clock.0.set(instant("2026-11-22T22:00:00Z"));
    let simulator = simulator(&lab).await;
    simulator.set_faults(["error=1009:1".parse::<PlannedFault>().unwrap()]);
    let fetcher = lab.fetcher_at(&simulator);
    let (bell, rung) = mpsc::channel(1);
    run_with(&fetcher, rung, "a snapshot of the next day", || {
        let asked = !simulator.requests().is_empty();
        if asked && bell.capacity() == 1 && lab.clock.now() < instant("2026-11-23T00:00:00Z") {
            lab.clock.0.advance(Duration::from_hours(1));
            bell.try_send(()).unwrap();
        }
        batches(&lab) == 1
    })
    .await;
    assert_eq!((incidents(&lab), missed(&lab)), (vec!["api_1009/2026-11-22".to_owned()], "2".to_owned()));
}
