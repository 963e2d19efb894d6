//! What the snapshots of the last days cost, summed from the ledger.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use ports::store::BatchRecord;
use serde_json::json;

use crate::numbers;

/// Days that are told, today among them.
const DAYS: i64 = 7;
/// Batches that are read at most: a schedule of five minutes for the days.
const MOST_BATCHES: u64 = 2100;

/// What a UTC day cost, by the slots of its snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Day {
    snapshots: u64,
    credits: u64,
}

/// How many of the newest batches there can be in the days, when one is due `every` so often.
pub(super) fn batches_to_read(every: Duration) -> u32 {
    let due = u64::try_from(DAYS * 86_400).unwrap_or_default() / every.as_secs().max(1);
    // Some are taken by hand.
    u32::try_from((due + 50).min(MOST_BATCHES)).unwrap_or(u32::MAX)
}

/// The days up to that of `now`, of which `batches` cost something.
pub(super) fn by_day(batches: &[BatchRecord], now: DateTime<Utc>) -> BTreeMap<NaiveDate, Day> {
    let first = now.date_naive() - TimeDelta::days(DAYS - 1);
    let mut days = BTreeMap::<_, Day>::new();
    for batch in batches {
        let day = batch.slot.starts_at().date_naive();
        if let Some(credits) = batch.credits.filter(|_| day >= first) {
            let sum = days.entry(day).or_default();
            sum.snapshots += 1;
            sum.credits += u64::from(credits);
        }
    }
    days
}

/// One line: today, the day before, and all of them; nothing when nothing was paid.
pub(super) fn to_text(days: &BTreeMap<NaiveDate, Day>, now: DateTime<Utc>) -> Option<String> {
    let all = days.values().fold(Day::default(), |sum, day| Day {
        snapshots: sum.snapshots + day.snapshots,
        credits: sum.credits + day.credits,
    });
    let of = |day: NaiveDate| {
        let Day { snapshots, credits } = days.get(&day).copied().unwrap_or_default();
        format!("{} for {}", numbers::count(credits), numbers::counted(snapshots, "snapshot"))
    };
    let today = now.date_naive();
    let yesterday = today - TimeDelta::days(1);
    (!days.is_empty()).then(|| {
        format!(
            "today {}, yesterday {}, in {DAYS} days {}",
            of(today),
            of(yesterday),
            numbers::count(all.credits)
        )
    })
}

/// Each day, oldest first.
pub(super) fn to_json(days: &BTreeMap<NaiveDate, Day>) -> serde_json::Value {
    let days = days.iter().map(|(day, Day { snapshots, credits })| {
        json!({ "day": day.to_string(), "snapshots": snapshots, "credits": credits })
    });
    days.collect()
}

#[cfg(test)]
mod tests {
    use domain::{BatchId, Slot, timestamp};

    use super::*;

    fn batch(slot: &str, credits: Option<u32>) -> BatchRecord {
        let slot = Slot::at(timestamp::from_text(slot).unwrap());
        BatchRecord {
            id: BatchId::new(slot, "listings", &["USD".to_owned()]),
            slot,
            endpoint: "listings".to_owned(),
            convert: vec!["USD".to_owned()],
            simulated: false,
            fetched_at: None,
            transformed_at: None,
            loaded_at: None,
            pages: Some(1),
            credits,
            verdict: None,
            coins_in: 0,
            rejected: 0,
            written: 0,
            unchanged: 0,
            stale: 0,
            loads: 1,
            replays: 0,
            page_replays: BTreeMap::new(),
            missing: Vec::new(),
        }
    }

    #[test]
    fn days_are_summed_by_slot_and_old_ones_left_out() {
        let now = timestamp::from_text("2026-11-22T14:30:00Z").unwrap();
        assert_eq!(to_text(&by_day(&[], now), now), None);
        let batches = [
            batch("2026-11-22T14:00:00Z", Some(20)),
            batch("2026-11-22T13:00:00Z", None),
            batch("2026-11-22T00:00:00Z", Some(2000)),
            batch("2026-11-21T23:00:00Z", Some(20)),
            batch("2026-11-16T00:00:00Z", Some(1)),
            batch("2026-11-15T23:00:00Z", Some(500)),
        ];
        let days = by_day(&batches, now);
        let told = "today 2,020 for 2 snapshots, yesterday 20 for 1 snapshot, in 7 days 2,041";
        assert_eq!(to_text(&days, now).as_deref(), Some(told));
        let expected = json!([
            { "day": "2026-11-16", "snapshots": 1, "credits": 1 },
            { "day": "2026-11-21", "snapshots": 1, "credits": 20 },
            { "day": "2026-11-22", "snapshots": 2, "credits": 2020 },
        ]);
        assert_eq!(to_json(&days), expected);
    }

    #[test]
    fn as_many_batches_are_read_as_can_be_in_the_days() {
        let read = |seconds| batches_to_read(Duration::from_secs(seconds));
        assert_eq!((read(3600), read(60), read(0)), (218, 2100, 2100));
    }
}
