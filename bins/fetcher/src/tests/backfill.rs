//! Gaps that a person asks to be filled.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::{PageMeta, Slot, decompress_body, wire};
use ports::QueueName;
use simulator::{Options, Simulator};
use tokio_util::sync::CancellationToken;

use super::{Seen, instant};
use crate::testing::{Lab, until};
use crate::{Backfiller, Begun, Filled, KnownCoin, OnceFailure, Past, PastCoins, Price};

/// It is 26 hours later than 14:00.
async fn lab(options: Options) -> (Lab, Simulator) {
    let lab = Lab::new(150, 100);
    let simulator = lab.simulator(options).await;
    lab.clock.0.set(instant("2026-11-23T16:00:00Z"));
    (lab, simulator)
}

/// The best known coins, as the simulator numbers them, and one that it does not know.
fn coins(count: usize) -> Past {
    let known = [1, 1027, 825, 52, 1839, 5426, 3408, 74, 1958, 2010, 999_999];
    let coin = |id: &u32| KnownCoin { id: *id, slug: format!("coin-{id}") };
    Past::Hours(PastCoins::all(known.iter().rev().take(count).map(coin).collect()))
}

fn hours(count: i64) -> BTreeSet<Slot> {
    (0..count).map(|hour| Slot::at(instant("2026-11-22T14:00:00Z") + TimeDelta::hours(hour))).collect()
}

async fn fill(backfiller: &Backfiller, past: &Past, slots: &BTreeSet<Slot>) -> Result<Filled, OnceFailure> {
    backfiller.fill(past, slots, &Seen::default(), &|_| {}, &CancellationToken::new()).await
}

fn calls(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|seen| seen.path.contains("historical")).count()
}

#[tokio::test]
async fn hours_cost_what_was_said_and_each_is_a_batch_of_what_listings_gave() {
    let (lab, simulator) = lab(Options::default()).await;
    let backfiller = lab.backfiller(&simulator);
    let (past, slots) = (coins(11), hours(25));
    assert_eq!(backfiller.price(&past, &slots).await.unwrap(), Price { least: 3, most: 3 });
    let filled = fill(&backfiller, &past, &slots).await.unwrap();
    // It does not know one of them, and takes nothing for it.
    assert_eq!((filled.batches.len(), filled.credits), (25, 3));
    let pages = lab.queue.messages(QueueName::Raw);
    assert_eq!(pages.len(), 25);
    let meta = PageMeta::from_headers(&pages[3].headers).unwrap();
    assert_eq!(meta.batch.as_str(), "2026-11-22T17:00:00Z/history/USD");
    let body: serde_json::Value = serde_json::from_slice(&decompress_body(&pages[3].body).unwrap()).unwrap();
    let rows = body["data"].as_array().unwrap();
    let row = rows.iter().find(|row| row["id"] == 5426).unwrap();
    assert_eq!((rows.len(), &row["slug"]), (10, &"coin-5426".into()));
    assert_eq!(row["quote"]["USD"]["last_updated"].as_str().map(|at| &at[..13]), Some("2026-11-22T16"));
    let credits: u32 = lab
        .queue
        .messages(QueueName::Rows)
        .iter()
        .map(|message| {
            let wire::RowsMessage::Fetched(fetched) = wire::decode(&message.body).unwrap() else {
                panic!("rows")
            };
            fetched.credits
        })
        .sum();
    assert_eq!(credits, 3, "the batches share what it cost");
}

#[tokio::test]
async fn days_are_listings_as_they_were_sent() {
    let (lab, simulator) = lab(Options::default()).await;
    let backfiller = lab.backfiller(&simulator);
    let slots = BTreeSet::from([
        Slot::at(instant("2026-11-22T00:00:00Z")),
        Slot::at(instant("2026-11-23T00:00:00Z")),
    ]);
    // Two pages of a hundred and of fifty coins.
    assert_eq!(backfiller.price(&Past::Days, &slots).await.unwrap(), Price { least: 4, most: 4 });
    let filled = fill(&backfiller, &Past::Days, &slots).await.unwrap();
    assert_eq!((filled.batches.len(), filled.credits), (2, 4));
    let pages = lab.queue.messages(QueueName::Raw);
    assert_eq!(pages.len(), 4);
    let body = String::from_utf8(decompress_body(&pages[0].body).unwrap()).unwrap();
    assert!(
        body.starts_with("{\"status\":{\"timestamp\":\"2026-11-23T16:00:00")
            && body.contains("\"cmc_rank\":1,"),
        "{body}"
    );
    assert!(body.contains("\"last_updated\":\"2026-11-22T23:59:00.000Z\""));
}

#[tokio::test]
async fn what_was_stopped_is_gone_on_with_and_not_paid_for_twice() {
    let (lab, simulator) = lab(Options::default()).await;
    let (past, mut slots) = (coins(10), hours(5));
    // Two windows.
    slots.extend(hours(20).into_iter().skip(15));
    let stop = CancellationToken::new();
    let backfiller = lab.backfiller(&simulator);
    let stopping = |_: &Filled| stop.cancel();
    let failure = backfiller.fill(&past, &slots, &Seen::default(), &stopping, &stop).await.unwrap_err();
    assert!(matches!(failure, OnceFailure::Stopped));
    assert_eq!((calls(&simulator), lab.ids(QueueName::Raw).len()), (1, 5));
    drop(backfiller);
    let again = lab.backfiller(&simulator);
    let paid = again.resume(&Seen::default(), &CancellationToken::new()).await.unwrap();
    // Of the second nothing came, so there is nothing to go on with.
    assert_eq!((again.begun().await.unwrap(), paid.len()), (Begun::default(), 5));
    let rest = slots
        .iter()
        .filter(|slot| !paid.iter().any(|id| id.as_str().starts_with(&slot.to_string())))
        .copied()
        .collect();
    fill(&again, &past, &rest).await.unwrap();
    assert_eq!((calls(&simulator), lab.ids(QueueName::Raw).len()), (2, 10));
    again.forget_paid(&paid).await.unwrap();
    let left = again.resume(&Seen::default(), &CancellationToken::new()).await.unwrap();
    assert_eq!(left.len(), 5);
}

/// It is killed when the first of the answers is in the spool.
#[tokio::test]
async fn what_was_killed_goes_on_with_the_parts_that_are_missing() {
    let (lab, simulator) = lab(Options::default()).await;
    let many = super::past_sets::many(&simulator).await;
    let (past, slots) = (Past::Hours(PastCoins::all(many)), hours(5));
    let backfiller = lab.backfiller(&simulator);
    let price = backfiller.price(&past, &slots).await.unwrap().most;
    let kept = || {
        std::fs::read_dir(lab.settings.spool.join("backfill/batches")).is_ok_and(|batches| {
            batches
                .filter(|batch| batch.as_ref().is_ok_and(|batch| batch.path().join("page-00001").exists()))
                .count()
                == 5
        })
    };
    tokio::select! {
        _ = fill(&backfiller, &past, &slots) => panic!("it ended"),
        () = until("the first answer", kept) => {}
    }
    drop(backfiller);
    let first = simulator.requests().into_iter().find(|seen| seen.path.contains("historical")).unwrap();
    let again = lab.backfiller(&simulator);
    let begun = again.begun().await.unwrap();
    assert_eq!(begun, Begun { parts: vec![(past.clone(), slots.clone())], others: Vec::new() });
    assert!(again.price(&past, &slots).await.unwrap().most < price);
    fill(&again, &past, &slots).await.unwrap();
    assert_eq!(lab.ids(QueueName::Raw).len(), 10);
    assert_eq!(simulator.requests().iter().filter(|seen| **seen == first).count(), 1);
}

#[tokio::test]
async fn a_refusal_says_what_the_plan_reaches() {
    let (lab, simulator) = lab(Options { history_hours: 1, history_days: 1, ..Options::default() }).await;
    let backfiller = lab.backfiller(&simulator);
    for past in [coins(2), Past::Days] {
        let slots = BTreeSet::from([Slot::at(instant("2026-11-21T00:00:00Z"))]);
        let failure = fill(&backfiller, &past, &slots).await.unwrap_err().to_string();
        assert!(failure.contains("the free plan has a month of hours and a year of days"), "{failure}");
    }
}

#[tokio::test]
async fn an_hour_that_the_history_does_not_have_is_told() {
    let (lab, simulator) = lab(Options::default()).await;
    let backfiller = lab.backfiller(&simulator);
    let failure = fill(&backfiller, &coins(1), &hours(1)).await.unwrap_err();
    assert!(failure.to_string().contains("Invalid value"), "{failure}");
}
