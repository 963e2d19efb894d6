use std::sync::Arc;

use domain::{Fetched, Slot};
use ports::Store;
use testkit::clock::ManualClock;
use testkit::contract::store::sample::{at, fetched};
use testkit::memory::MemoryStore;

use super::due::MissingSlot;
use super::*;

const HOUR: i64 = 3600;

fn schedule(since: i64, minutes: u64, currency: &str) -> Schedule {
    Schedule {
        series: Schedule::QUOTES.to_owned(),
        endpoint: "listings".to_owned(),
        convert: vec![currency.to_owned()],
        every: Duration::from_mins(minutes),
        coins: 4000,
        since: at(since),
        simulated: false,
        confirmed_at: at(since),
    }
}

/// A store with these schedules, and batches of these endpoints at these times.
async fn store(schedules: &[Schedule], batches: &[(&str, i64)]) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new(Arc::new(ManualClock::default())));
    for schedule in schedules {
        store.record_schedule(schedule).await.unwrap();
    }
    for (endpoint, seconds) in batches {
        let (endpoint, currency) = endpoint.split_once('/').unwrap();
        let (slot, convert) = (Slot::at(at(*seconds)), vec![currency.to_owned()]);
        let batch = BatchId::new(slot, endpoint, &convert);
        let endpoint = endpoint.to_owned();
        store.record_fetched(&Fetched { batch, slot, endpoint, convert, ..fetched(1) }).await.unwrap();
    }
    store
}

/// The hours, counted from 14:00, of the slots that are missing before the hour `now`; and how many were due.
async fn missing(store: &Arc<MemoryStore>, from: i64, now: i64) -> (Vec<i64>, u64) {
    let (span, now) = ((at(from * HOUR), at(now * HOUR)), at(now * HOUR));
    let looked = look(&Tables::of(Arc::clone(store)), span).await.unwrap();
    let due = due::find(&looked.schedules, &looked.fetched, span, now);
    let slots = due.missing.iter().map(|missing| (missing.slot.starts_at() - at(0)).num_hours());
    (slots.collect(), due.count)
}

#[tokio::test]
async fn a_slot_is_missing_when_no_snapshot_lies_in_it_and_it_is_over() {
    let hourly = schedule(-1, 60, "USD");
    let held = [
        ("listings/USD", 0),
        // By hand.
        ("listings/USD", HOUR + 1383),
        ("history/USD", 3 * HOUR),
        // Something else.
        ("listings/EUR", 2 * HOUR),
        ("map/USD", 4 * HOUR),
    ];
    let store = store(&[hourly], &held).await;
    assert_eq!(missing(&store, -5, 10).await, (vec![2, 4, 5, 6, 7, 8], 9));
    assert_eq!(missing(&store, 3, 6).await, (vec![4], 2), "the last hour may still be fetched, or loaded");
    assert_eq!(missing(&store, -5, 0).await, (vec![], 0), "nothing was due before the first schedule");
}

#[tokio::test]
async fn a_slot_that_began_and_has_no_snapshot_is_named_and_is_no_gap() {
    let minutely = schedule(0, 1, "USD");
    let store = store(&[minutely], &[("listings/USD", 0)]).await;
    let (span, now) = ((at(0), at(150)), at(150));
    let looked = look(&Tables::of(Arc::clone(&store)), span).await.unwrap();
    let due = due::find(&looked.schedules, &looked.fetched, span, now);
    assert_eq!((due.count, due.missing.len()), (0, 0));
    let told = late(&due.late);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("2026-11-22T14:01:00Z to 2026-11-22T14:02:00Z did not come yet: 2 slots"),
        "{told:?}"
    );
}

#[tokio::test]
async fn each_slot_is_of_the_schedule_that_was_in_force() {
    let schedules =
        [schedule(0, 60, "USD"), schedule(2 * HOUR + 600, 120, "USD"), schedule(6 * HOUR + 1, 60, "EUR")];
    let held = [("listings/USD", 0), ("listings/USD", 4 * HOUR), ("listings/EUR", 8 * HOUR)];
    let store = store(&schedules, &held).await;
    // Two hours from midnight on: 16:00 is in the past when they come into force.
    assert_eq!(missing(&store, 0, 11).await, (vec![1, 2, 6, 7, 9], 8));
    assert_eq!(missing(&store, 5, 11).await, (vec![6, 7, 9], 4));
}

#[test]
fn gaps_are_shown_with_the_command_that_fills_them() {
    let (hourly, again) = (schedule(0, 60, "USD"), schedule(9000, 60, "USD"));
    let slot = |hour: i64, schedule| MissingSlot { slot: Slot::at(at(hour * HOUR)), schedule };
    let gaps = due::gaps(&[slot(1, &hourly), slot(2, &hourly), slot(3, &again), slot(5, &again)]);
    let shown: Vec<_> =
        gaps.iter().map(|gap| (gap.first.to_string(), gap.last.to_string(), gap.count)).collect();
    let text = str::to_owned;
    assert_eq!(
        shown,
        [
            (text("2026-11-22T15:00:00Z"), text("2026-11-22T17:00:00Z"), 3),
            (text("2026-11-22T19:00:00Z"), text("2026-11-22T19:00:00Z"), 1)
        ]
    );
    let said = commands(&gaps);
    assert!(said[0].starts_with(
        "`coinpipe backfill --from 2026-11-22T15:00:00Z --to 2026-11-22T18:00:00Z` fetches 3 slots"
    ));
    assert!(said[1].contains("--to 2026-11-22T20:00:00Z") && said[1].contains("1 slot "), "{said:?}");
    let table = to_table(&gaps).to_string();
    assert!(table.contains("2026-11-22T15:00:00Z") && table.contains("1h"), "{table}");
    let many: Vec<_> = [1, 3, 5, 7].map(|hour| slot(hour, &hourly)).to_vec();
    let said = commands(&due::gaps(&many));
    assert_eq!(said.len(), 1);
    assert!(
        said[0].starts_with("`coinpipe backfill --from 2026-11-22T15:00:00Z --to 2026-11-22T22:00:00Z`"),
        "{said:?}"
    );
}

#[test]
fn a_span_is_the_last_week_unless_it_is_said() {
    let args = |from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>, last| {
        let (from, to) = (from.map(When::At), to.map(When::At));
        GapsArgs { json: false, from, to, last, zone: ZoneArgs::default() }
    };
    let week = Duration::from_hours(168);
    assert_eq!(args(None, None, None).span(at(0)).unwrap(), (at(0) - week, at(0)));
    assert_eq!(args(None, Some(at(9)), None).span(at(0)).unwrap(), (at(9) - week, at(9)));
    assert_eq!(args(Some(at(1)), None, None).span(at(7)).unwrap(), (at(1), at(7)));
    assert_eq!(args(None, None, Some(Duration::from_secs(5))).span(at(7)).unwrap(), (at(2), at(7)));
    assert!(args(Some(at(9)), Some(at(9)), None).span(at(0)).unwrap_err().0.contains("empty"));
    assert!(args(None, None, Some(Duration::MAX)).span(at(0)).unwrap_err().0.contains("too far"));
}

/// The day on which clocks are put forward has 23 hours, and the one on which they are put back 25.
#[tokio::test]
async fn a_day_somewhere_has_as_many_slots_as_it_has_hours() {
    #[derive(clap::Parser)]
    struct Typed {
        #[command(flatten)]
        args: GapsArgs,
    }
    let since = timestamp::from_text("2026-01-01T00:00:00Z").unwrap();
    let schedule = Schedule { since, ..schedule(0, 60, "USD") };
    for (from, to, due) in [
        ("2026-03-29", "2026-03-30", 23),
        ("2026-10-25", "2026-10-26", 25),
        ("2026-10-25T03:00", "2026-10-26T00:00", 21),
    ] {
        let typed = ["gaps", "--from", from, "--to", to, "--time-zone", "Europe/Berlin"];
        let span = <Typed as clap::Parser>::parse_from(typed).args.span(at(0)).unwrap();
        let found = due::find(std::slice::from_ref(&schedule), &[], span, at(HOUR));
        assert_eq!(found.count, due, "{from}");
    }
}

/// Named coins, those that the history lacks, and what was dropped leave the slot open.
#[tokio::test]
async fn a_slot_that_was_filled_in_part_is_missing_and_says_what_it_has() {
    let hourly = schedule(-1, 60, "USD");
    let store = store(&[hourly], &[("history/USD", 0)]).await;
    let convert = vec!["USD".to_owned()];
    let slot = Slot::at(at(HOUR));
    let batch = BatchId::of_coins(slot, "history", &convert, &[1, 1027]);
    let endpoint = "history".to_owned();
    let announced = Fetched { batch: batch.clone(), slot, endpoint, convert, ..fetched(1) };
    store.record_fetched(&announced).await.unwrap();
    let mut chunk = testkit::contract::store::sample::chunk(&[1, 1027]);
    (chunk.page.batch, chunk.page.slot) = (batch, slot);
    store.load(&chunk).await.unwrap();
    assert_eq!(missing(&store, 0, 4).await, (vec![1, 2], 3));
    let span = (at(0), at(4 * HOUR));
    let looked = look(&Tables::of(Arc::clone(&store)), span).await.unwrap();
    let due = due::find(&looked.schedules, &looked.fetched, span, span.1);
    let said: Vec<_> = due.missing.iter().filter_map(|one| in_part(one, &looked.partial)).collect();
    assert_eq!(said, ["2026-11-22T15:00:00Z was filled in part: 2 coins of 4,000"]);
}

#[test]
fn what_nothing_fills_is_said() {
    let fetch = config::Config::defaults().fetch;
    let (often, euro) = (schedule(0, 15, "USD"), schedule(0, 60, "EUR"));
    let slot = |seconds, schedule| MissingSlot { slot: Slot::at(at(seconds)), schedule };
    let missing = [slot(0, &often), slot(900, &often), slot(HOUR, &euro)];
    let said = remedies(&missing, &fetch, None);
    assert!(
        said[0].contains("--from 2026-11-22T14:00:00Z --to 2026-11-22T14:15:00Z` fetches 1 slot"),
        "{said:?}"
    );
    assert!(
        said[1].starts_with("due in other currencies") && said[1].contains("COINPIPE__FETCH__CONVERT=EUR"),
        "{said:?}"
    );
    assert!(said[2].starts_with("not filled: 1 slot, "), "{said:?}");
    let kept = remedies(&missing, &fetch, Some(at(HOUR)));
    assert!(kept.len() == 2 && kept[1].starts_with("not filled: 2 slots, which are older"), "{kept:?}");
    let keyless = config::Fetch { source: Source::Keyless, ..fetch };
    let said = remedies(&missing, &keyless, None);
    assert!(said.len() == 1 && !said[0].contains("backfill"), "{said:?}");
}
