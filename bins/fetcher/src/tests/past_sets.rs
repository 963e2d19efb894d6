//! Some coins are not all of them: what is filled with a few leaves the slot open. And what was begun is gone on with as it was begun.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use config::CatchUp;
use domain::{BatchId, Chunk, Fetched, Schedule, Slot, decompress_body, endpoint};
use ports::{Drops, QueueName, Store};
use simulator::{Options, PlannedFault, Simulator};
use testkit::contract::store::sample;
use tokio_util::sync::CancellationToken;

use super::{Seen, instant, run_until};
use crate::history::coins_in_listing;
use crate::testing::{Lab, until};
use crate::{Backfiller, Filled, KnownCoin, Past, PastCoins, Tables};

const HOUR: std::time::Duration = std::time::Duration::from_hours(1);

fn known(ids: impl IntoIterator<Item = u32>) -> Vec<KnownCoin> {
    ids.into_iter().map(|id| KnownCoin { id, slug: format!("coin-{id}") }).collect()
}

fn hours(from: &str, count: i64) -> BTreeSet<Slot> {
    (0..count).map(|hour| Slot::at(instant(from) + TimeDelta::hours(hour))).collect()
}

async fn lab() -> (Lab, Simulator) {
    let lab = Lab::new(200, 200);
    let simulator = lab.simulator(Options::default()).await;
    lab.clock.0.set(instant("2026-11-23T16:00:00Z"));
    (lab, simulator)
}

async fn fill(backfiller: &Backfiller, past: &Past, slots: &BTreeSet<Slot>) -> Filled {
    let nothing = |_: &Filled| {};
    backfiller.fill(past, slots, &Seen::default(), &nothing, &CancellationToken::new()).await.unwrap()
}

/// More coins than one call has.
pub(super) async fn many(simulator: &Simulator) -> Vec<KnownCoin> {
    let other = Lab::new(150, 150);
    other.fetcher_at(simulator).fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap();
    let page = other.queue.messages(QueueName::Raw).remove(0);
    coins_in_listing(&decompress_body(&page.body).unwrap()).into_iter().collect()
}

fn schedule(since: &str, endpoint: &str, coins: u32) -> Schedule {
    Schedule {
        series: Schedule::QUOTES.to_owned(),
        endpoint: endpoint.to_owned(),
        convert: vec!["USD".to_owned()],
        every: HOUR,
        coins,
        since: instant(since),
        simulated: true,
        confirmed_at: instant(since) + TimeDelta::hours(3),
    }
}

/// A snapshot in the tables, of so many coins.
async fn load(lab: &Lab, slot: &str, coins: u32) {
    let (slot, convert) = (Slot::at(instant(slot)), vec!["USD".to_owned()]);
    let batch = BatchId::new(slot, endpoint::LISTINGS, &convert);
    let fetched = Fetched { batch: batch.clone(), slot, convert, simulated: true, ..sample::fetched(1) };
    lab.store.record_fetched(&fetched).await.unwrap();
    let sample = sample::chunk(&[1]);
    let mut chunk = Chunk { coins_in: coins, ..sample };
    (chunk.page.batch, chunk.page.slot, chunk.page.simulated) = (batch, slot, true);
    lab.store.load(&chunk).await.unwrap();
}

#[tokio::test]
async fn what_was_filled_with_some_coins_is_open_for_all() {
    let (lab, simulator) = lab().await;
    let backfiller = lab.backfiller(&simulator);
    let slots = hours("2026-11-22T14:00:00Z", 3);
    let (one, all) =
        (Past::Hours(PastCoins::some(known([1]))), Past::Hours(PastCoins::all(known([1, 1027, 52]))));
    let filled = fill(&backfiller, &one, &slots).await;
    assert!(filled.batches.iter().all(|batch| batch.coins_named() == Some(1)), "{filled:?}");
    let filled = fill(&backfiller, &all, &slots).await;
    assert_eq!(filled.batches[0].as_str(), "2026-11-22T14:00:00Z/history/USD");
    assert_eq!(lab.ids(QueueName::Raw).len(), 6);
}

#[tokio::test]
async fn a_slot_is_filled_by_as_many_coins_as_its_schedule_gave_it() {
    let (lab, _simulator) = lab().await;
    for schedule in [
        schedule("2026-11-22T10:00:00Z", "listings", 200),
        schedule("2026-11-22T14:00:00Z", "quotes", 2),
        schedule("2026-11-22T18:00:00Z", "listings", 400),
    ] {
        lab.store.record_schedule(&schedule).await.unwrap();
    }
    // There are no more than 150.
    load(&lab, "2026-11-22T18:00:00Z", 150).await;
    let tables = Tables::of(Arc::clone(&lab.store));
    let fewer = config::Config::defaults().judge.fewer;
    let slots = hours("2026-11-22T08:00:00Z", 12);
    let filled = async |coins| {
        let filled = tables.filled_by(&slots, coins, fewer).await.unwrap();
        filled.into_iter().map(|slot| slot.to_string()[11..13].parse::<u32>().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(filled(200).await, (8..20).collect::<Vec<_>>());
    assert_eq!(filled(165).await, (8..20).collect::<Vec<_>>(), "a fifth may be missing");
    assert_eq!(filled(130).await, [8, 9, 14, 15, 16, 17, 18, 19]);
    assert_eq!(filled(2).await, [8, 9, 14, 15, 16, 17]);
}

#[tokio::test]
async fn slots_are_held_by_what_fills_them() {
    let (lab, _simulator) = lab().await;
    let tables = Tables::of(Arc::clone(&lab.store));
    let convert = vec!["USD".to_owned()];
    let slots: Vec<_> = hours("2026-11-22T14:00:00Z", 4).into_iter().collect();
    let incomplete = domain::Verdict { doubt: domain::Doubt::Incomplete, why: "few".to_owned() };
    for (slot, batch, verdict) in [
        (slots[0], BatchId::new(slots[0], endpoint::HISTORY, &convert), None),
        (slots[1], BatchId::of_coins(slots[1], endpoint::HISTORY, &convert, &[1]), None),
        (slots[2], BatchId::new(slots[2], endpoint::HISTORY, &convert), Some(incomplete)),
        (slots[3], BatchId::new(slots[3], endpoint::HISTORY, &convert), None),
    ] {
        let endpoint = endpoint::HISTORY.to_owned();
        let fetched =
            Fetched { batch, slot, endpoint, verdict, convert: convert.clone(), ..sample::fetched(1) };
        lab.store.record_fetched(&fetched).await.unwrap();
    }
    lab.store.mark_dropped(&BatchId::new(slots[3], endpoint::HISTORY, &convert), "wrong").await.unwrap();
    let held = tables.held(slots[0].starts_at(), slots[3].starts_at() + TimeDelta::hours(1)).await.unwrap();
    assert_eq!(held.slots.iter().map(|one| one.slot).collect::<Vec<_>>(), slots[..1]);
    assert_eq!(held.partial.len(), 2);
}

/// A schedule of 200 coins, and then one of two: its gap is filled with two, and stays open.
#[tokio::test]
async fn catching_up_with_fewer_coins_leaves_the_slot_open() {
    let mut lab = Lab::new(200, 200);
    lab.settings.catch_up = CatchUp::All;
    let simulator = lab.simulator(Options::default()).await;
    let announced = |lab: &Lab| lab.ids(QueueName::Rows).iter().filter(|id| id.ends_with("/fetched")).count();
    run_until(&lab.fetcher_with_store(&simulator), "a snapshot", || announced(&lab) == 1).await;
    lab.store.record_schedule(&schedule("2026-11-22T14:00:00Z", "listings", 200)).await.unwrap();
    lab.clock.0.set(instant("2026-11-22T17:00:00Z"));
    lab.settings.ids = vec![1, 1027];
    lab.settings.api_version = config::ApiVersion::V3;
    run_until(&lab.fetcher_with_store(&simulator), "the gap", || announced(&lab) == 4).await;
    let past: Vec<_> = lab.ids(QueueName::Raw).into_iter().filter(|id| id.contains("history")).collect();
    assert_eq!(past.len(), 2);
    assert!(past.iter().all(|id| id.contains("/history/USD/2-")), "{past:?}");
}

/// Killed between the answers, and then asked for something else: it is gone on with first, as it was begun.
#[tokio::test]
async fn what_was_begun_with_other_coins_is_gone_on_with_and_nothing_is_lost() {
    let (lab, simulator) = lab().await;
    let coins = many(&simulator).await;
    let one = Past::Hours(PastCoins::some(coins[..1].to_vec()));
    let many = Past::Hours(PastCoins::all(coins));
    let slots = hours("2026-11-22T14:00:00Z", 5);
    let backfiller = lab.backfiller(&simulator);
    let kept = || {
        std::fs::read_dir(lab.settings.spool.join("backfill/batches")).is_ok_and(|batches| {
            let has_page = |batch: std::fs::DirEntry| batch.path().join("page-00001").exists();
            batches
                .flatten()
                .filter(|batch| batch.file_type().is_ok())
                .filter(|batch| batch.path().is_dir())
                .map(has_page)
                .filter(|has| *has)
                .count()
                == 5
        })
    };
    tokio::select! {
        _ = fill(&backfiller, &many, &slots) => panic!("it ended"),
        () = until("the first answer", kept) => {}
    }
    drop(backfiller);
    let again = lab.backfiller(&simulator);
    assert_eq!(again.resume(&Seen::default(), &CancellationToken::new()).await.unwrap(), BTreeSet::new());
    fill(&again, &one, &slots).await;
    assert_eq!(lab.ids(QueueName::Raw).len(), 5, "what was begun is not published half");
    drop(again);
    let third = lab.backfiller(&simulator);
    let begun = third.begun().await.unwrap();
    assert_eq!(begun.parts, [(many, slots)]);
    for (past, slots) in &begun.parts {
        let filled = fill(&third, past, slots).await;
        assert_eq!((filled.batches.len(), filled.incomplete.len()), (5, 0));
    }
    assert_eq!(lab.ids(QueueName::Raw).len(), 15);
    assert_eq!(third.begun().await.unwrap().parts, []);
}

/// In other currencies it cannot be gone on with; given up, what came is no whole hour.
#[tokio::test]
async fn what_was_begun_in_other_currencies_is_named_and_can_be_abandoned() {
    let (mut lab, simulator) = lab().await;
    let slots = hours("2026-11-22T14:00:00Z", 2);
    let backfiller = lab.backfiller(&simulator);
    let coins = Past::Hours(PastCoins::all(known([1])));
    simulator.set_faults(["past-credits=9:1".parse::<PlannedFault>().unwrap()]);
    let nothing = |_: &Filled| {};
    backfiller.fill(&coins, &slots, &Seen::default(), &nothing, &CancellationToken::new()).await.unwrap_err();
    drop(backfiller);
    lab.settings.convert = vec!["EUR".to_owned()];
    let other = lab.backfiller(&simulator);
    let begun = other.begun().await.unwrap();
    assert_eq!((begun.parts.len(), begun.others.len()), (0, 2));
    assert_eq!(begun.others[0].as_str(), "2026-11-22T14:00:00Z/history/USD");
    assert_eq!(other.abandon().await.unwrap(), 2);
    other.resume(&Seen::default(), &CancellationToken::new()).await.unwrap();
    assert_eq!(lab.ids(QueueName::Raw).len(), 2);
    assert_eq!(other.begun().await.unwrap().others, []);
}
