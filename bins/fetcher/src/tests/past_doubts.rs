//! Answers of the history that lack what was asked for, or cost more than they should.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use config::CatchUp;
use domain::wire::{self, RowsMessage};
use domain::{Doubt, Fetched, Slot};
use ports::QueueName;
use simulator::{Options, PlannedFault, Simulator};
use tokio_util::sync::CancellationToken;

use super::{Seen, incidents, instant, reasons, run_idle, run_until};
use crate::testing::Lab;
use crate::{Backfiller, Filled, KnownCoin, OnceFailure, Past, PastCoins, Price};

const IDS: [u32; 10] = [1, 52, 74, 825, 1027, 1839, 1958, 2010, 3408, 5426];

async fn lab() -> (Lab, Simulator) {
    let lab = Lab::new(200, 200);
    let simulator = lab.simulator(Options::default()).await;
    lab.clock.0.set(instant("2026-11-23T16:00:00Z"));
    (lab, simulator)
}

fn faults(simulator: &Simulator, faults: &[&str]) {
    simulator.set_faults(faults.iter().map(|fault| fault.parse::<PlannedFault>().unwrap()));
}

fn coins() -> Past {
    let coin = |id| KnownCoin { id, slug: String::new() };
    Past::Hours(PastCoins::all(IDS.map(coin).to_vec()))
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

/// The announcements of the past.
fn announced(lab: &Lab) -> Vec<Fetched> {
    let rows = lab.queue.messages(QueueName::Rows).into_iter();
    let fetched = rows.filter_map(|message| match wire::decode(&message.body) {
        Ok(RowsMessage::Fetched(fetched)) => Some(fetched),
        _ => None,
    });
    fetched.filter(|fetched| fetched.endpoint == "history").collect()
}

/// What is said of each hour, when three are asked for and the history has these `wrong`; and how often it was asked.
async fn verdicts(wrong: &[&str]) -> (Vec<Option<String>>, usize, u64) {
    let (lab, simulator) = lab().await;
    faults(&simulator, wrong);
    let filled = fill(&lab.backfiller(&simulator), &coins(), &hours(3)).await.unwrap();
    let verdicts = announced(&lab).into_iter().map(|fetched| {
        fetched.verdict.map(|verdict| {
            assert_eq!(verdict.doubt, Doubt::Incomplete);
            verdict.why
        })
    });
    let verdicts: Vec<_> = verdicts.collect();
    assert_eq!(filled.incomplete.len(), verdicts.iter().flatten().count());
    (verdicts, calls(&simulator), filled.credits)
}

#[tokio::test]
async fn hours_that_lack_coins_are_asked_for_again_and_called_incomplete() {
    assert_eq!(verdicts(&[]).await, (vec![None, None, None], 1, 1));
    let (empty, asked, credits) = verdicts(&["past-empty"]).await;
    assert!(
        empty.iter().all(|why| why.as_ref().is_some_and(|why| why.contains("no quote of any"))),
        "{empty:?}"
    );
    assert_eq!((asked, credits), (3, 3));
    let (first, asked, _) = verdicts(&["past-hours=1"]).await;
    assert_eq!((first[0].as_ref(), asked), (None, 3));
    assert!(first[1].is_some() && first[2].is_some(), "{first:?}");
    let (few, ..) = verdicts(&["past-short=7"]).await;
    assert!(few[2].as_ref().is_some_and(|why| why.contains("7 of the 10 coins")), "{few:?}");
    // One of ten may not have been listed.
    assert_eq!(verdicts(&["past-short=9"]).await.0, [None, None, None]);
    // It was a moment.
    assert_eq!(verdicts(&["past-empty:1"]).await, (vec![None, None, None], 2, 2));
}

/// What asking again does not help is not paid for three times in each call.
#[tokio::test]
async fn what_the_history_lacks_is_not_asked_for_again_each_time() {
    let (lab, simulator) = lab().await;
    faults(&simulator, &["past-short=5"]);
    let mut slots = hours(2);
    slots.extend(hours(10).into_iter().skip(8));
    let filled = fill(&lab.backfiller(&simulator), &coins(), &slots).await.unwrap();
    assert_eq!((filled.batches.len(), filled.incomplete.len(), calls(&simulator)), (4, 4, 3 + 1));
}

#[tokio::test]
async fn a_day_is_held_against_what_was_asked_for() {
    let slot = BTreeSet::from([Slot::at(instant("2026-11-23T00:00:00Z"))]);
    for (wrong, expected) in
        [("past-short=10", "10 of the 200 coins"), ("past-empty", "no coins"), ("past-short=10:1", "")]
    {
        let (lab, simulator) = lab().await;
        faults(&simulator, &[wrong]);
        let filled = fill(&lab.backfiller(&simulator), &Past::Days, &slot).await.unwrap();
        let why = filled.incomplete.first().map_or("", |(_, why)| why.as_str());
        assert!(why.contains(expected) && why.is_empty() == expected.is_empty(), "{wrong}: {why}");
        assert_eq!(calls(&simulator), if expected.is_empty() { 2 } else { 3 }, "{wrong}");
        assert_eq!(announced(&lab)[0].verdict.is_some(), !expected.is_empty());
    }
}

#[tokio::test]
async fn a_price_that_nobody_agreed_to_stops_it_and_is_said_the_next_time() {
    let (lab, simulator) = lab().await;
    faults(&simulator, &["past-credits=200"]);
    let mut slots = hours(2);
    slots.extend(hours(10).into_iter().skip(8));
    for (past, slots) in
        [(coins(), slots), (Past::Days, BTreeSet::from([Slot::at(instant("2026-11-22T00:00:00Z"))]))]
    {
        let before = calls(&simulator);
        let backfiller = lab.backfiller(&simulator);
        let price = backfiller.price(&past, &slots).await.unwrap();
        let failure = fill(&backfiller, &past, &slots).await.unwrap_err();
        assert!(failure.to_string().contains("200 credits for what should cost"), "{failure}");
        assert_eq!(calls(&simulator), before + 1);
        drop(backfiller);
        let again = lab.backfiller(&simulator);
        let begun = again.begun().await.unwrap();
        assert_eq!(begun.parts.len(), 1);
        let dearer = again.price(&past, &slots).await.unwrap();
        assert!(dearer.most > 100 * price.most.min(1), "{dearer:?}");
        // Who agreed to it has it.
        let filled = fill(&again, &past, &slots).await.unwrap();
        assert_eq!(filled.batches.len(), slots.len());
        std::fs::remove_file(lab.settings.spool.join("backfill/past-price.json")).unwrap();
    }
}

#[tokio::test]
async fn catching_up_ends_with_a_letter_when_it_is_dearer() {
    let mut lab = Lab::new(200, 200);
    lab.settings.catch_up = CatchUp::All;
    let simulator = lab.simulator(Options::default()).await;
    run_until(&lab.fetcher_at(&simulator), "a snapshot", || lab.ids(QueueName::Rows).len() == 1).await;
    lab.clock.0.set(instant("2026-11-22T18:00:00Z"));
    faults(&simulator, &["past-credits=50"]);
    let is_told = || incidents(&lab).iter().any(|letter| letter.contains("past_dearer"));
    run_until(&lab.fetcher_at(&simulator), "a letter", is_told).await;
    run_idle(&lab.fetcher_at(&simulator)).await;
    assert_eq!(calls(&simulator), 1);
    let reasons = reasons(&lab);
    let said = reasons.iter().find(|reason| reason.contains("50 credits")).unwrap();
    assert!(said.contains("3 missed slots are not filled"), "{said}");
    // What came of it is no whole hour.
    assert!(announced(&lab).iter().all(|fetched| fetched.verdict.is_some()));
    assert_eq!(Price { least: 1, most: 1 }.least, 1);
}
