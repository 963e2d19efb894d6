use std::time::Duration;

use domain::{Class, DeadLetter, Doubt, Fetched, StageName, Verdict, header};
use ports::Store;
use testkit::clock::ManualClock;
use testkit::contract::store::sample::{at, batch, chunk, fetched, schedule};
use testkit::memory::MemoryStore;

use super::*;

fn bench() -> (Arc<ManualClock>, Arc<MemoryStore>, Passed) {
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let settled = Passed::new(&Stores::of(store.clone()), clock.clone());
    (clock, store, settled)
}

fn letter(stage: StageName, occasion: &str, batch: Option<BatchId>, clock: &ManualClock) -> DeadLetter {
    let mut letter = DeadLetter::incident(stage, "http_429", occasion, "busy", clock.now());
    if let Some(batch) = batch {
        letter.headers.set(header::BATCH, batch);
    }
    letter
}

async fn open(store: &MemoryStore) -> Vec<String> {
    let groups = store.groups(Some(GroupState::Open)).await.unwrap();
    groups.into_iter().map(|group| group.fingerprint).collect()
}

#[tokio::test]
async fn a_try_is_closed_when_its_batch_is_whole_and_not_before() {
    let (clock, store, settled) = bench();
    store.file(&letter(StageName::Fetcher, "try", Some(batch(0)), &clock), "try").await.unwrap();
    settled.look().await.unwrap();
    // Two pages are due, and one of them is there.
    let page = |number| {
        let mut chunk = chunk(&[number]);
        (chunk.page.page, chunk.page.pages) = (number, 2);
        chunk
    };
    store.load(&page(1)).await.unwrap();
    settled.look().await.unwrap();
    store.record_fetched(&fetched(2)).await.unwrap();
    settled.look().await.unwrap();
    assert_eq!(open(&store).await, ["try"]);
    store.load(&page(2)).await.unwrap();
    settled.look().await.unwrap();
    assert_eq!(open(&store).await, [""; 0]);
    // It begins anew.
    clock.advance(Duration::from_secs(1));
    store.file(&letter(StageName::Fetcher, "next", Some(batch(1)), &clock), "try").await.unwrap();
    settled.look().await.unwrap();
    assert_eq!(open(&store).await, ["try"]);
}

/// Asking again did not help.
#[tokio::test]
async fn a_try_at_a_batch_that_lacks_coins_stays_open() {
    let (clock, store, settled) = bench();
    store.file(&letter(StageName::Fetcher, "try", Some(batch(0)), &clock), "try").await.unwrap();
    store.load(&chunk(&[1])).await.unwrap();
    let verdict = |doubt| Some(Verdict { doubt, why: "7 of 200 coins".to_owned() });
    store.record_fetched(&Fetched { verdict: verdict(Doubt::Incomplete), ..fetched(1) }).await.unwrap();
    settled.look().await.unwrap();
    assert_eq!(open(&store).await, ["try"]);
    let (fetched_at, verdict) = (clock.now() + TimeDelta::days(9), verdict(Doubt::Suspect));
    store.record_fetched(&Fetched { fetched_at, verdict, ..fetched(1) }).await.unwrap();
    settled.look().await.unwrap();
    assert_eq!(open(&store).await, [""; 0]);
}

#[tokio::test]
async fn what_is_no_try_of_the_fetcher_stays_open() {
    let (clock, store, settled) = bench();
    store.load(&chunk(&[1])).await.unwrap();
    store.record_fetched(&fetched(1)).await.unwrap();
    store.file(&letter(StageName::Fetcher, "given-up", None, &clock), "given up").await.unwrap();
    store.file(&letter(StageName::Loader, "rows", Some(batch(0)), &clock), "of another stage").await.unwrap();
    let poison =
        DeadLetter { class: Class::Poison, ..letter(StageName::Fetcher, "p", Some(batch(0)), &clock) };
    store.file(&poison, "poison").await.unwrap();
    settled.look().await.unwrap();
    assert_eq!(open(&store).await.len(), 3);
}

fn incident(code: &str, occasion: &str, clock: &ManualClock) -> DeadLetter {
    DeadLetter::incident(StageName::Fetcher, code, occasion, "no", clock.now())
}

/// A snapshot of the slot that begins at `at(seconds)` comes whole.
async fn snapshot(store: &MemoryStore, seconds: i64, endpoint: &str, verdict: Option<Verdict>) {
    let slot = Slot::at(at(seconds));
    let batch = BatchId::new(slot, endpoint, &["USD".to_owned()]);
    let mut chunk = chunk(&[1]);
    (chunk.page.batch, chunk.page.slot, chunk.page.endpoint) = (batch.clone(), slot, endpoint.to_owned());
    store.load(&chunk).await.unwrap();
    let fetched_at = at(seconds + 10);
    let endpoint = endpoint.to_owned();
    let announced = Fetched { batch, slot, fetched_at, endpoint, verdict, ..fetched(1) };
    store.record_fetched(&announced).await.unwrap();
}

#[tokio::test]
async fn a_key_that_serves_again_and_a_later_sound_snapshot_end_what_was_told() {
    let (clock, store, passed) = bench();
    let filed_at = clock.now();
    store.file(&incident("api_1001", "2026-11-22", &clock), "key").await.unwrap();
    store.file(&incident("api_1003", "2026-11-22/map", &clock), "map").await.unwrap();
    store.file(&incident("batch_suspect", batch(0).as_str(), &clock), "suspect").await.unwrap();
    // What was fetched before proves nothing, nor does a snapshot with the same doubt.
    let verdict = || Some(Verdict { doubt: Doubt::Suspect, why: "still".to_owned() });
    snapshot(&store, -3600, "listings", None).await;
    snapshot(&store, 0, "listings", verdict()).await;
    assert!(at(10) > filed_at);
    passed.look().await.unwrap();
    assert_eq!(open(&store).await, ["map", "suspect"]);
    snapshot(&store, 3600, "listings", verdict()).await;
    passed.look().await.unwrap();
    assert_eq!(open(&store).await, ["map", "suspect"]);
    snapshot(&store, 7200, "listings", None).await;
    snapshot(&store, 7200, "map", None).await;
    passed.look().await.unwrap();
    assert_eq!(open(&store).await, [""; 0]);
}

#[tokio::test]
async fn the_credits_of_a_day_are_no_trouble_the_next_day() {
    let (clock, store, passed) = bench();
    store.file(&incident("credits_80", "day/2026-11-22", &clock), "day").await.unwrap();
    store.file(&incident("credits_95", "month/2026-12-01", &clock), "month").await.unwrap();
    clock.advance(Duration::from_hours(9));
    passed.look().await.unwrap();
    assert_eq!(open(&store).await, ["day", "month"]);
    clock.advance(Duration::from_hours(1));
    passed.look().await.unwrap();
    assert_eq!(open(&store).await, ["month"]);
    clock.advance(Duration::from_hours(24 * 8));
    passed.look().await.unwrap();
    assert_eq!(open(&store).await, [""; 0]);
}

#[tokio::test]
async fn a_gap_ends_when_each_of_its_slots_is_filled() {
    let (clock, store, passed) = bench();
    store.record_schedule(&schedule(at(-36_000))).await.unwrap();
    let occasion = format!("{}..2026-11-22T16:00:00Z", batch(0));
    store.file(&incident("slot_missed", &occasion, &clock), "gap").await.unwrap();
    store.file(&incident("slot_missed", batch(-7200).as_str(), &clock), "gap").await.unwrap();
    for (seconds, endpoint) in [(0, "history"), (3600, "listings"), (-7200, "map"), (7200, "history")] {
        passed.look().await.unwrap();
        assert_eq!(open(&store).await, ["gap"], "{seconds}");
        snapshot(&store, seconds, endpoint, None).await;
    }
    passed.look().await.unwrap();
    assert_eq!(open(&store).await, ["gap"], "the older letter stands for a slot of its own");
    // An answer that lacks coins fills nothing.
    let verdict = || Some(Verdict { doubt: Doubt::Incomplete, why: "no coin came".to_owned() });
    snapshot(&store, -7200, "history", verdict()).await;
    passed.look().await.unwrap();
    assert_eq!(open(&store).await, ["gap"]);
    let announced = Fetched {
        batch: BatchId::new(Slot::at(at(-7200)), "history", &["USD".to_owned()]),
        slot: Slot::at(at(-7200)),
        endpoint: "history".to_owned(),
        fetched_at: at(9000),
        ..fetched(1)
    };
    store.record_fetched(&announced).await.unwrap();
    passed.look().await.unwrap();
    assert_eq!(open(&store).await, [""; 0]);
}

/// The alerter tells of batches that stay incomplete, and all of them are one group.
#[tokio::test]
async fn incomplete_batches_are_closed_when_all_of_them_are_there() {
    let (clock, store, passed) = bench();
    for seconds in [0, 3600] {
        let occasion = batch(seconds);
        let letter =
            DeadLetter::incident(StageName::Alerter, "batch_incomplete", occasion, "no", clock.now());
        store.file(&letter, "incomplete").await.unwrap();
    }
    snapshot(&store, 3600, "listings", None).await;
    passed.look().await.unwrap();
    assert_eq!(open(&store).await, ["incomplete"]);
    snapshot(&store, 0, "listings", None).await;
    passed.look().await.unwrap();
    assert_eq!(open(&store).await, [""; 0]);
}
