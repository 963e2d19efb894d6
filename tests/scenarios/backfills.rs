//! `coinpipe backfill`: hours that nobody fetched, for their price and no more, in one process and with workers of their own.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use domain::timestamp;
use ports::{Clock as _, SystemClock};
use simulator::{Options, PlannedFault, Simulator};
use testkit::clock::ManualClock;

use crate::place::{Place, Servers};
use crate::process::{Folder, signal};
use crate::workers::{Worker, crew, dismiss};

const HOURS: i64 = 5;

/// An API whose minute does not end by itself, so that its limit is met where the test wants it.
async fn api(calls_a_minute: u32) -> (Simulator, ManualClock) {
    let clock = ManualClock::starting_at(SystemClock.now());
    let options = Options { coins: 200, rate_limit_minute: calls_a_minute, ..Options::default() };
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let api = Simulator::start(address, options, Arc::new(clock.clone())).await.expect("an API");
    (api, clock)
}

/// Two calls for each gap.
fn env(url: &str) -> [(&str, &str); 3] {
    [
        ("COINPIPE__FETCH__BASE_URL", url),
        ("COINPIPE__FETCH__API_KEY", "key"),
        ("COINPIPE__FETCH__LIMIT", "200"),
    ]
}

/// The beginning of the hour that was so many hours ago.
fn hours_ago(hours: i64) -> DateTime<Utc> {
    SystemClock.now().duration_trunc(TimeDelta::hours(1)).expect("an hour") - TimeDelta::hours(hours)
}

fn asked(api: &Simulator) -> Vec<String> {
    let past = api.requests().into_iter().filter(|seen| seen.path.contains("historical"));
    past.map(|seen| seen.query).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_what_was_stopped_goes_on_and_is_paid_for_once() {
    what_was_stopped_goes_on_and_is_paid_for_once(&Place::embedded(1000).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_what_was_stopped_goes_on_and_is_paid_for_once() {
    let Some(servers) = Servers::start().await else { return };
    let place = Place::on(&servers, 1000).await;
    let workers = crew(&place);
    what_was_stopped_goes_on_and_is_paid_for_once(&place).await;
    dismiss(workers).await;
}

async fn what_was_stopped_goes_on_and_is_paid_for_once(place: &Place) {
    // What the key may do is asked twice, before the one call for the past that the minute has left.
    let (api, clock) = api(3).await;
    let url = api.url();
    let env = env(&url);
    let mut once = Worker::operate_with(place, &["--once"], &env);
    assert_eq!(once.ended().await, Some(0), "{}", once.log());
    clock.advance(Duration::from_mins(1));
    let (from, to) = (timestamp::to_text(hours_ago(HOURS + 1)), timestamp::to_text(hours_ago(1)));
    let args = ["backfill", "--from", &from, "--to", &to, "--yes"];
    let mut stopped = Worker::operate_with(place, &args, &env);
    stopped.until_said("waiting until").await;
    signal(&stopped.child, "INT").await;
    assert_eq!(stopped.ended().await, Some(1), "{}", stopped.log());
    assert!(stopped.said("5 hours of 200 coins") > 0 && stopped.said("10 credits") > 0, "{}", stopped.log());
    assert!(stopped.said("stopped; what was fetched is kept") > 0, "{}", stopped.log());
    assert_eq!(asked(&api).len(), 2, "one was answered, one refused: {:?}", asked(&api));

    clock.advance(Duration::from_mins(1));
    let mut again = Worker::operate_with(place, &args, &env);
    assert_eq!(again.ended().await, Some(0), "{}", again.log());
    assert!(again.said("5 credits") > 0, "half of it is there: {}", again.log());
    let asked_in_all = asked(&api);
    assert_eq!(asked_in_all.len(), 3, "{asked_in_all:?}");
    assert_eq!(asked_in_all.iter().filter(|query| **query == asked_in_all[0]).count(), 1);

    let batches: serde_json::Value =
        serde_json::from_str(&Worker::print(place, &["batches", "--json"]).await).expect("JSON");
    let filled: Vec<_> = batches
        .as_array()
        .expect("a list")
        .iter()
        .filter(|batch| batch["endpoint"] == "history")
        .map(|batch| (batch["coins_in"].as_u64(), batch["credits"].as_u64(), batch["complete"].as_bool()))
        .collect();
    assert_eq!(filled, vec![(Some(200), Some(2), Some(true)); 5], "{batches:#}");

    // There is nothing left, and nothing is asked for; what was paid for comes back from the archive.
    clock.advance(Duration::from_mins(1));
    let printed = Worker::print_with(place, &args, &env).await;
    assert!(printed.contains("Nothing to fill: 5 slots of this span are there"), "{printed}");
    assert_eq!(asked(&api).len(), 3);
    let batch = format!("{}/history/USD", from.replace(".000Z", "Z"));
    let replayed = Worker::print(place, &["replay", "--batch", &batch]).await;
    assert!(replayed.contains("Replayed 2 pages of 1 batch, 200 coins"), "{replayed}");
    let (code, verified) = Worker::ask(place, &["verify"]).await;
    assert_eq!(code, Some(0), "{verified}");
}

/// The coins of each batch of the past in the ledger, and whether all of it is there.
async fn filled(place: &Place) -> Vec<(String, u64, bool)> {
    let batches: serde_json::Value =
        serde_json::from_str(&Worker::print(place, &["batches", "--json"]).await).expect("JSON");
    let mut filled: Vec<_> = batches
        .as_array()
        .expect("a list")
        .iter()
        .filter(|batch| batch["endpoint"] == "history")
        .map(|batch| {
            let id = batch["batch"].as_str().or(batch["id"].as_str()).expect("an id").to_owned();
            (id, batch["coins_in"].as_u64().unwrap_or_default(), batch["complete"] == true)
        })
        .collect();
    filled.sort();
    filled
}

/// Stopped halfway, and then asked for something else: what was begun is finished as it was begun. Some coins close no hour.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_is_finished_first_and_some_coins_fill_nothing() {
    let place = Place::embedded(1000).await;
    let (api, clock) = api(3).await;
    let url = api.url();
    let env = env(&url);
    assert_eq!(Worker::operate_with(&place, &["--once"], &env).ended().await, Some(0));
    clock.advance(Duration::from_mins(1));
    let [from, later, to] = [HOURS + 1, HOURS - 1, 1].map(|hours| timestamp::to_text(hours_ago(hours)));
    let one = ["backfill", "--from", &from, "--to", &later, "--ids", "1", "--yes"];
    let printed = Worker::print_with(&place, &one, &env).await;
    assert!(printed.contains("Filled 2 slots with 2 quotes, for 1 credit"), "{printed}");
    clock.advance(Duration::from_mins(1));
    let all = ["backfill", "--from", &from, "--to", &to, "--yes"];
    let mut stopped = Worker::operate_with(&place, &all, &env);
    stopped.until_said("waiting until").await;
    signal(&stopped.child, "INT").await;
    assert_eq!(stopped.ended().await, Some(1), "{}", stopped.log());
    assert!(stopped.said("5 hours of 200 coins") > 0, "the hours of one coin are open: {}", stopped.log());

    // Nobody can be asked here, so nothing is given up.
    let mut abandoned =
        Worker::operate_with(&place, &["backfill", "--from", &from, "--to", &to, "--abandon"], &env);
    assert_eq!(abandoned.ended().await, Some(2), "{}", abandoned.log());
    clock.advance(Duration::from_mins(1));
    let other = ["backfill", "--from", &later, "--to", &to, "--ids", "1, 1027", "--yes"];
    let mut again = Worker::operate_with(&place, &other, &env);
    again.until_said("waiting until").await;
    clock.advance(Duration::from_mins(1));
    assert_eq!(again.ended().await, Some(0), "{}", again.log());
    assert!(again.said("5 hours of 200 coins that an earlier backfill began") > 0, "{}", again.log());
    let filled = filled(&place).await;
    let coins: Vec<_> = filled.iter().map(|(_, coins, _)| *coins).collect();
    assert!(filled.iter().all(|(_, _, is_complete)| *is_complete), "{filled:?}");
    assert_eq!(coins, [200, 1, 200, 1, 200, 2, 200, 2, 200, 2], "{filled:?}");
    clock.advance(Duration::from_mins(1));
    let printed = Worker::print_with(&place, &all, &env).await;
    assert!(printed.contains("Nothing to fill: 5 slots of this span are there"), "{printed}");
}

/// An empty answer fills nothing, and is said; the same command asks again. So does one after a drop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_history_did_not_have_is_said_and_asked_for_again() {
    let place = Place::embedded(1000).await;
    let (api, _clock) = api(100).await;
    let url = api.url();
    let env: Vec<_> = env(&url).into_iter().chain([("COINPIPE__JUDGE__TRIES", "1")]).collect();
    assert_eq!(Worker::operate_with(&place, &["--once"], &env).ended().await, Some(0));
    api.set_faults(["past-hours=1".parse::<PlannedFault>().expect("a fault")]);
    let (from, to) = (timestamp::to_text(hours_ago(4)), timestamp::to_text(hours_ago(1)));
    let args = ["backfill", "--from", &from, "--to", &to, "--yes"];
    let mut short = Worker::operate_with(&place, &args, &env);
    assert_eq!(short.ended().await, Some(1), "{}", short.log());
    assert!(short.said("incomplete: 2 slots, the first is") > 0, "{}", short.log());
    api.set_faults([]);
    let printed = Worker::print_with(&place, &args, &env).await;
    assert!(printed.contains("Filled 2 slots with 400 quotes, for 4 credits"), "{printed}");
    let batch = format!("{}/history/USD", from.replace(".000Z", "Z"));
    Worker::print_with(&place, &["batches", "drop", &batch, "--why", "a test", "--yes"], &env).await;
    // As a fetcher remembers it that filled the hour by itself: what became of it is known to the tables.
    let paid = place.folder.path().join("coinpipe-data/spool/past-paid.json");
    std::fs::write(paid, serde_json::json!([batch]).to_string()).expect("the fetcher's spool");
    let printed = Worker::print_with(&place, &args, &env).await;
    assert!(printed.contains("Filled 1 slot with 200 quotes, for 2 credits"), "{printed}");
    let (code, verified) = Worker::ask(&place, &["verify"]).await;
    assert_eq!(code, Some(0), "{verified}");
    // What costs more than was said stops it, and the rest has a price.
    api.set_faults(["past-credits=50".parse::<PlannedFault>().expect("a fault")]);
    let earlier = timestamp::to_text(hours_ago(6));
    let mut dear =
        Worker::operate_with(&place, &["backfill", "--from", &earlier, "--to", &from, "--yes"], &env);
    assert_eq!(dear.ended().await, Some(1), "{}", dear.log());
    assert!(dear.said("what is left of 2 slots costs 50 credits") > 0, "{}", dear.log());
}

#[tokio::test]
async fn nothing_is_spent_that_nobody_agreed_to() {
    let folder = Folder::new();
    let (api, _) = api(100).await;
    let url = api.url();
    let env = env(&url);
    folder.run(&["--once"], &env).await.expect(0);
    let from = timestamp::to_text(hours_ago(3));
    let looked = folder.run(&["backfill", "--from", &from, "--dry-run"], &env).await.expect(0);
    assert!(looked.stdout.contains("hours of 200 coins from "), "{}", looked.stdout);
    let refused = folder.run(&["backfill", "--from", &from], &env).await.expect(2);
    assert!(refused.stderr.contains("; --yes says that it may"), "{}", refused.stderr);
    let later = timestamp::to_text(hours_ago(-1));
    let early = folder.run(&["backfill", "--from", &later, "--yes"], &env).await.expect(2);
    assert!(early.stderr.contains("is not before the newest snapshot"), "{}", early.stderr);
    let unknown =
        folder.run(&["backfill", "--from", &from, "--ids", "1,999999", "--yes"], &env).await.expect(1);
    assert!(
        unknown.stderr.contains("not in the newest snapshot, so their slug is not known: 999999"),
        "{}",
        unknown.stderr
    );
    let days = ["backfill", "--from", &from, "--ids", "1", "--interval", "daily", "--yes"];
    assert!(folder.run(&days, &env).await.expect(2).stderr.contains("--ids goes with hours"));
    let mut keyless = env.to_vec();
    keyless.retain(|(name, _)| !name.ends_with("API_KEY"));
    keyless.push(("COINPIPE__FETCH__SOURCE", "keyless"));
    let keyless = folder.run(&["backfill", "--from", &from, "--yes"], &keyless).await.expect(2);
    assert!(
        keyless.stderr.contains("without a key CoinMarketCap tells nothing of the past"),
        "{}",
        keyless.stderr
    );
    assert_eq!(asked(&api), [""; 0]);
}
