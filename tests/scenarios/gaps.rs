//! Slots without a snapshot: a schedule that real programs announced, hours in which nobody fetched, and what `coinpipe gaps`
//! says of them.

use std::sync::Arc;
use std::time::Duration;

use domain::timestamp::later;
use domain::{ApiVersion, BatchId, Fetched, Schedule, Slot};
use ports::{Clock, Schedules, Store, SystemClock};
use sqlite::{Database, SqliteStore};

use crate::process::{Folder, end, signal, until_said};

const HOUR: Duration = Duration::from_hours(1);

/// As a fetcher, or a backfill, announces it.
fn snapshot(endpoint: &str, slot: Slot) -> Fetched {
    let convert = vec!["USD".to_owned()];
    Fetched {
        batch: BatchId::new(slot, endpoint, &convert),
        slot,
        endpoint: endpoint.to_owned(),
        api_version: ApiVersion::V3,
        convert,
        fetched_at: slot.starts_at(),
        pages: 1,
        credits: 1,
        simulated: true,
        verdict: None,
    }
}

#[tokio::test]
async fn slots_of_the_schedule_that_was_in_force_are_missing_until_they_are_filled() {
    let folder = Folder::new();
    let env = [("COINPIPE__FETCH__LIMIT", "50")];
    let mut child = folder.command("coinpipe", &["run"], &env).spawn().expect("it starts");
    until_said(&mut child, "recorded a schedule").await;
    let gaps = folder.run(&["gaps", "--json"], &env).await.expect(0).json();
    assert_eq!((gaps["due"].as_u64(), gaps["schedules"][0]["every_seconds"].as_u64()), (Some(0), Some(3600)));
    assert_eq!(
        (&gaps["schedules"][0]["coins"], &gaps["schedules"][0]["simulated"]),
        (&50.into(), &true.into())
    );
    signal(&child, "TERM").await;
    assert_eq!(end(child).await, Some(0));

    // The same schedule, six hours ago, of which one snapshot was taken.
    let database = Database::open(folder.0.path().join("coinpipe.db")).await.expect("opens");
    let store = SqliteStore::open(database.clone(), Arc::new(SystemClock)).await.expect("opens");
    let now = SystemClock.now();
    let mut announced = store.schedules(Schedule::QUOTES, now).await.expect("answers");
    let announced = announced.pop().expect("a schedule");
    let since = Slot::current(now - 6 * HOUR, HOUR).starts_at();
    store.record_schedule(&Schedule { since, ..announced }).await.expect("is recorded");
    let slot = |hour: u32| Slot::at(later(since, HOUR * hour));
    store.record_fetched(&snapshot("listings", slot(1))).await.expect("is recorded");

    let (from, to) = (slot(0).to_string(), slot(4).to_string());
    let args = ["gaps", "--from", &from, "--to", &to];
    let told = folder.run(&args, &env).await.expect(1);
    for part in [slot(0).to_string(), slot(2).to_string(), slot(3).to_string()] {
        assert!(told.stdout.contains(&part), "{part} is not in:\n{}", told.stdout);
    }
    for part in [
        "3 slots of 4 that were due have no snapshot".to_owned(),
        "1 snapshot came, and not whole: `coinpipe batches --incomplete`".to_owned(),
        format!("`coinpipe backfill --from {} --to {}` fetches 2 slots", slot(2), slot(4)),
    ] {
        assert!(told.stderr.contains(&part), "{part} is not in:\n{}", told.stderr);
    }
    let json = folder.run(&[&args[..], &["--json"]].concat(), &env).await.expect(1).json();
    let missing: Vec<_> =
        json["missing"].as_array().expect("a list").iter().map(|one| &one["slot"]).collect();
    assert_eq!(missing, [0, 2, 3].map(|hour| serde_json::json!(slot(hour).to_string())).each_ref());

    for hour in [0, 2, 3] {
        store.record_fetched(&snapshot("history", slot(hour))).await.expect("is recorded");
    }
    let told = folder.run(&args, &env).await.expect(0);
    assert!(told.stderr.contains("no gaps: 4 slots due"), "{}", told.stderr);
    database.close().await;
}
