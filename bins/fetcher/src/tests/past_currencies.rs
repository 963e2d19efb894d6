//! The past in several currencies on a plan that answers in one a call.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use config::{CatchUp, ConvertCalls};
use domain::{PageMeta, Slot, decompress_body, endpoint};
use ports::QueueName;
use simulator::{KeyPolicy, Options, Simulator};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::testing::KEY;
use crate::{Backfiller, Filled, KnownCoin, OnceFailure, Past, PastCoins, Price, price_of_past};

fn lab(calls: ConvertCalls) -> Lab {
    let mut lab = Lab::new(150, 100);
    lab.settings.convert = vec!["USD".to_owned(), "EUR".to_owned()];
    lab.settings.convert_calls = calls;
    lab.settings.catch_up = CatchUp::All;
    lab.clock.0.set(instant("2026-11-23T16:00:00Z"));
    lab
}

async fn start(lab: &Lab, options: Options) -> Simulator {
    lab.simulator(Options { keys: KeyPolicy::OneOf(vec![KEY.to_owned()]), ..options }).await
}

fn one() -> Options {
    Options { converts: 1, ..Options::default() }
}

fn coins() -> Past {
    let coin = |id: u32| KnownCoin { id, slug: format!("coin-{id}") };
    Past::Hours(PastCoins::all([1, 52, 74, 825, 1027, 1839, 1958, 2010, 3408, 5426].map(coin).to_vec()))
}

fn hours(count: i64) -> BTreeSet<Slot> {
    (0..count).map(|hour| Slot::at(instant("2026-11-22T14:00:00Z") + TimeDelta::hours(hour))).collect()
}

async fn fill(backfiller: &Backfiller, past: &Past, slots: &BTreeSet<Slot>) -> Result<Filled, OnceFailure> {
    backfiller.fill(past, slots, &Seen::default(), &|_| {}, &CancellationToken::new()).await
}

/// The currencies of each call for the past.
fn asked(simulator: &Simulator) -> Vec<String> {
    let past = simulator.requests().into_iter().filter(|seen| seen.path.contains("historical"));
    let convert = |query: String| {
        query.split('&').find_map(|pair| pair.strip_prefix("convert=")).unwrap().replace("%2C", ",")
    };
    past.map(|seen| convert(seen.query)).collect()
}

fn pages(lab: &Lab) -> Vec<(PageMeta, serde_json::Value)> {
    let pages = lab.queue.messages(QueueName::Raw).into_iter().map(|page| {
        let meta = PageMeta::from_headers(&page.headers).unwrap();
        (meta, serde_json::from_slice(&decompress_body(&page.body).unwrap()).unwrap())
    });
    pages.filter(|(meta, _)| meta.endpoint == endpoint::HISTORY).collect()
}

#[tokio::test]
async fn hours_are_asked_for_in_each_currency_and_cost_what_was_said_at_most() {
    let lab = lab(ConvertCalls::Auto);
    let simulator = start(&lab, one()).await;
    let backfiller = lab.backfiller(&simulator);
    let (past, slots) = (coins(), hours(25));
    // 250 points are three credits, and the second currency one, or as much again.
    let price = Price { least: 4, most: 6 };
    assert_eq!(backfiller.price(&past, &slots).await.unwrap(), price);
    assert_eq!(price_of_past(&past, &slots, &lab.settings), price);
    let filled = fill(&backfiller, &past, &slots).await.unwrap();
    assert_eq!((filled.batches.len(), filled.credits), (25, 6));
    assert_eq!(asked(&simulator), ["USD,EUR", "USD", "EUR"]);
    let pages = pages(&lab);
    assert_eq!(pages.len(), 50);
    for (meta, body) in &pages {
        let currency = ["USD", "EUR"][meta.page as usize - 1];
        assert_eq!((meta.pages, meta.currency.as_deref()), (2, Some(currency)));
        assert_eq!(meta.batch, domain::BatchId::new(meta.slot, endpoint::HISTORY, &lab.settings.convert));
        let quote = body["data"][0]["quote"].as_object().unwrap();
        assert_eq!(quote.keys().collect::<Vec<_>>(), [currency]);
    }
    assert!(reasons(&lab)[0].starts_with("the API does not tell of the past in several currencies at once"));
    // What was learned is asked at once, and priced.
    let more = BTreeSet::from([Slot::at(instant("2026-11-20T00:00:00Z"))]);
    assert_eq!(backfiller.price(&past, &more).await.unwrap(), Price { least: 2, most: 2 });
    fill(&backfiller, &past, &more).await.unwrap();
    assert_eq!((asked(&simulator).len(), reasons(&lab).len()), (5, 1));
}

#[tokio::test]
async fn days_are_asked_for_in_each_currency() {
    let lab = lab(ConvertCalls::Auto);
    let simulator = start(&lab, one()).await;
    let backfiller = lab.backfiller(&simulator);
    let slots = BTreeSet::from([Slot::at(instant("2026-11-22T00:00:00Z"))]);
    // A page of a hundred coins and one of fifty: a credit each, and one more for the second currency.
    assert_eq!(backfiller.price(&Past::Days, &slots).await.unwrap(), Price { least: 4, most: 4 });
    let filled = fill(&backfiller, &Past::Days, &slots).await.unwrap();
    assert_eq!((filled.batches.len(), filled.credits), (1, 4));
    assert_eq!(asked(&simulator), ["USD,EUR", "USD", "EUR", "USD", "EUR"]);
}

#[tokio::test]
async fn who_says_how_is_asked_so_and_told_so() {
    let lab_each = lab(ConvertCalls::Each);
    let simulator = start(&lab_each, one()).await;
    let backfiller = lab_each.backfiller(&simulator);
    assert_eq!(backfiller.price(&coins(), &hours(25)).await.unwrap(), Price { least: 6, most: 6 });
    fill(&backfiller, &coins(), &hours(25)).await.unwrap();
    assert_eq!((asked(&simulator), incidents(&lab_each)), (vec!["USD".to_owned(), "EUR".to_owned()], vec![]));

    let lab_one = lab(ConvertCalls::One);
    let simulator = start(&lab_one, one()).await;
    let backfiller = lab_one.backfiller(&simulator);
    assert_eq!(backfiller.price(&coins(), &hours(25)).await.unwrap(), Price { least: 4, most: 4 });
    let failure = fill(&backfiller, &coins(), &hours(25)).await.unwrap_err().to_string();
    assert!(failure.contains("set fetch.convert_calls = \"each\""), "{failure}");

    let lab_paid = lab(ConvertCalls::Auto);
    let simulator = start(&lab_paid, Options::default()).await;
    let backfiller = lab_paid.backfiller(&simulator);
    assert_eq!(fill(&backfiller, &coins(), &hours(25)).await.unwrap().credits, 4);
    assert_eq!(asked(&simulator), ["USD,EUR"]);
}

/// Error 1006 says either: which it is shows when one currency is asked for.
#[tokio::test]
async fn a_plan_that_does_not_reach_so_far_is_told_as_that_and_nothing_is_learned_of_it() {
    let lab = lab(ConvertCalls::Auto);
    let options = Options { history_hours: 1, ..Options::default() };
    let simulator = start(&lab, options.clone()).await;
    let backfiller = lab.backfiller(&simulator);
    let far = BTreeSet::from([Slot::at(instant("2026-11-21T00:00:00Z"))]);
    let failure = fill(&backfiller, &coins(), &far).await.unwrap_err().to_string();
    assert!(
        failure.contains("the free plan has a month of hours and a year of days; begin later"),
        "{failure}"
    );
    assert_eq!(asked(&simulator), ["USD,EUR", "USD"]);
    // The newest hours are answered in both.
    let near = BTreeSet::from([Slot::at(instant("2026-11-23T14:00:00Z"))]);
    assert_eq!(fill(&backfiller, &coins(), &near).await.unwrap().credits, 2);
    assert_eq!(asked(&simulator)[2..], ["USD,EUR"]);
    assert!(
        !incidents(&lab).iter().any(|letter| letter.starts_with("one_currency")),
        "{:?}",
        incidents(&lab)
    );

    let lab_one = self::lab(ConvertCalls::One);
    let simulator = start(&lab_one, options).await;
    let failure = fill(&lab_one.backfiller(&simulator), &coins(), &far).await.unwrap_err().to_string();
    assert!(
        failure.contains("may not reach so far back") && failure.contains("several currencies in one call"),
        "{failure}"
    );
}

/// Killed between the two currencies, it goes on with the second.
#[tokio::test]
async fn what_was_begun_goes_on_one_by_one() {
    let lab = lab(ConvertCalls::Auto);
    let simulator = start(&lab, one()).await;
    let backfiller = lab.backfiller(&simulator);
    let (past, slots) = (coins(), hours(5));
    tokio::select! {
        _ = fill(&backfiller, &past, &slots) => panic!("it ended"),
        () = until("the second currency", || asked(&simulator).contains(&"EUR".to_owned())) => {}
    }
    drop(backfiller);
    let again = lab.backfiller(&simulator);
    assert_eq!(again.begun().await.unwrap().parts, [(coins(), hours(5))]);
    assert_eq!(again.price(&coins(), &hours(5)).await.unwrap(), Price { least: 1, most: 1 });
    fill(&again, &coins(), &hours(5)).await.unwrap();
    assert_eq!(asked(&simulator).iter().filter(|asked| *asked == "USD,EUR").count(), 1);
    assert_eq!(asked(&simulator).iter().filter(|asked| *asked == "USD").count(), 1);
    assert_eq!(pages(&lab).len(), 10);
}

/// What is learned of the past costs no snapshot more.
#[tokio::test]
async fn gaps_are_caught_up_with_in_each_currency() {
    let lab = lab(ConvertCalls::Auto);
    let simulator = start(&lab, one()).await;
    let announced = || lab.ids(QueueName::Rows).len();
    run_until(&lab.fetcher_at(&simulator), "a snapshot", || announced() == 1).await;
    lab.clock.0.set(instant("2026-11-23T19:00:00Z"));
    run_until(&lab.fetcher_at(&simulator), "the gap", || announced() == 4).await;
    // Snapshots taught it before.
    assert_eq!(asked(&simulator), ["USD", "EUR", "USD", "EUR"]);
    assert_eq!(pages(&lab).len(), 8);
}
