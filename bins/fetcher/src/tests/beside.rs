//! A backfill beside a running fetcher: same key, same minute, and maybe the same slot.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use config::{CatchUp, Offset};
use domain::{Slot, endpoint};
use ports::{Clock as _, QueueName};
use simulator::{Options, Simulator};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::testing::WatchedClock;
use crate::{Backfiller, Filled, KnownCoin, OnceFailure, Past, PastCoins};

/// Five coins: an hour is one call, which costs a credit.
fn coins() -> Past {
    let coin = |id: u32| KnownCoin { id, slug: format!("coin-{id}") };
    Past::Hours(PastCoins::all([1, 52, 825, 1027, 1839].map(coin).to_vec()))
}

fn hours(from: &str, count: i64, step: i64) -> BTreeSet<Slot> {
    (0..count).map(|hour| Slot::at(instant(from) + TimeDelta::hours(hour * step))).collect()
}

async fn fill(backfiller: &Backfiller, slots: &BTreeSet<Slot>) -> Result<Filled, OnceFailure> {
    backfiller.fill(&coins(), slots, &Seen::default(), &|_| {}, &CancellationToken::new()).await
}

fn calls(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|seen| seen.path.contains("historical")).count()
}

fn batches_of(lab: &Lab, endpoint: &str) -> Vec<String> {
    let mut ids = lab.ids(QueueName::Rows);
    ids.retain(|id| id.contains(&format!("/{endpoint}/")));
    ids
}

/// The plan has four calls a minute, and the backfill needs thirty.
#[tokio::test]
async fn the_minute_is_shared_and_a_snapshot_never_waits_for_a_backfill() {
    let mut lab = Lab::new(100, 100);
    // In the middle of a minute whose calls would be used up.
    lab.settings.offset = Offset::After(Duration::from_secs(30));
    let clock = WatchedClock::default();
    clock.inner.set(instant("2026-11-22T14:58:00Z"));
    let options = Options { coins: 500, rate_limit_minute: 4, ..Options::default() };
    let address = (std::net::Ipv4Addr::LOCALHOST, 0).into();
    let simulator = Simulator::start(address, options, Arc::new(clock.inner.clone())).await.unwrap();
    let fetcher = lab.fetcher_at_on(&simulator, Arc::new(clock.clone()));
    let backfiller = lab.backfiller_on(&simulator, Arc::new(clock.clone()));
    backfiller.leave_room(4);
    let slots = hours("2026-11-20T00:00:00Z", 30, 2);
    let (bell, rung) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let mut taken_at = None;
    let watched = async {
        let mut is_rung = false;
        clock
            .pass(300, || {
                let now = clock.now();
                if now >= instant("2026-11-22T15:00:00Z") && !is_rung {
                    is_rung = true;
                    bell.try_send(()).unwrap();
                }
                if batches_of(&lab, endpoint::LISTINGS).len() == 2 && taken_at.is_none() {
                    taken_at = Some(now);
                }
                false
            })
            .await;
        stop.cancel();
    };
    let filling = async {
        let observer = Seen::default();
        let filled = backfiller.fill(&coins(), &slots, &observer, &|_| {}, &stop).await;
        (filled, observer.0.into_inner().unwrap())
    };
    let (ran, (_, steps), ()) = tokio::join!(fetcher.run_on(rung, stop.clone()), filling, watched);
    ran.unwrap();
    // Taken in its second, or the one in which the test saw it.
    let taken_at = taken_at.expect("the snapshot of 15:00");
    assert!(taken_at <= instant("2026-11-22T15:00:32Z"), "{taken_at}");
    assert_eq!(incidents(&lab), Vec::<String>::new());
    assert!(steps.iter().any(|step| step.contains("is left to snapshots")), "{steps:?}");
    assert!(!steps.iter().any(|step| step.contains("1008")), "it was never refused: {steps:?}");
    // Three a minute, in six minutes.
    assert!((15..=18).contains(&calls(&simulator)), "{}", calls(&simulator));
}

/// A fetcher that was away and a person who noticed fill the same gap at the same moment.
#[tokio::test]
async fn a_slot_that_the_fetcher_is_filling_is_not_paid_for_by_a_backfill() {
    let mut lab = Lab::new(5, 5);
    lab.settings.catch_up = CatchUp::All;
    let simulator = lab.simulator(Options::default()).await;
    run_until(&lab.fetcher_at(&simulator), "a snapshot", || batches_of(&lab, endpoint::LISTINGS).len() == 1)
        .await;
    lab.clock.0.set(instant("2026-11-22T18:00:00Z"));
    let fetcher = lab.fetcher_at(&simulator);
    // The spool says so before the call.
    crash(&fetcher, until("the call", || calls(&simulator) == 1)).await;
    let backfiller = lab.backfiller(&simulator);
    let gap = hours("2026-11-22T15:00:00Z", 3, 1);
    assert_eq!(backfiller.taken_beside().len(), 3);
    let filled = fill(&backfiller, &gap).await.unwrap();
    assert_eq!((filled.batches.len(), filled.taken, filled.credits), (0, 3, 0));
    drop(fetcher);
    // Published, and not in the tables yet.
    run_until(&lab.fetcher_at(&simulator), "the gap", || batches_of(&lab, endpoint::HISTORY).len() == 3)
        .await;
    let paid = calls(&simulator);
    assert_eq!(fill(&backfiller, &gap).await.unwrap().taken, 3);
    assert_eq!(calls(&simulator), paid);
}

#[tokio::test]
async fn a_slot_that_a_backfill_is_filling_is_not_paid_for_by_the_fetcher() {
    let mut lab = Lab::new(5, 5);
    lab.settings.catch_up = CatchUp::All;
    let simulator = lab.simulator(Options::default()).await;
    run_until(&lab.fetcher_at(&simulator), "a snapshot", || batches_of(&lab, endpoint::LISTINGS).len() == 1)
        .await;
    lab.clock.0.set(instant("2026-11-22T19:00:00Z"));
    let backfiller = lab.backfiller(&simulator);
    // Two of the four are published, and not in the tables.
    fill(&backfiller, &hours("2026-11-22T15:00:00Z", 2, 1)).await.unwrap();
    assert_eq!(calls(&simulator), 1);
    run_until(&lab.fetcher_with_store(&simulator), "the rest", || {
        batches_of(&lab, endpoint::HISTORY).len() == 4
    })
    .await;
    run_idle(&lab.fetcher_with_store(&simulator)).await;
    assert_eq!((calls(&simulator), batches_of(&lab, endpoint::HISTORY).len()), (2, 4));
    assert_eq!(batches_of(&lab, endpoint::LISTINGS).len(), 2);
}
