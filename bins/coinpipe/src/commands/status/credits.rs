//! What the snapshots of the last days cost, summed from the ledger.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::MarketKind;
use ports::store::BatchRecord;
use serde_json::json;

use crate::numbers;

/// Days that are told, today among them.
const DAYS: i64 = 7;
/// Batches that are read at most: a schedule of five minutes for the days.
const MOST_BATCHES: u64 = 2100;

/// What a UTC day cost, by the slots of its batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Day {
    snapshots: u64,
    /// Batches of what is fetched beside the listings.
    others: u64,
    credits: u64,
}

/// How many of the newest batches there can be in the days, when one is due in each of `intervals`.
pub(super) fn batches_to_read(intervals: &[Duration]) -> u32 {
    let days = u64::try_from(DAYS * 86_400).unwrap_or_default();
    let due: u64 = intervals.iter().map(|every| days / every.as_secs().max(1)).sum();
    // Some are taken by hand.
    u32::try_from((due + 50).min(MOST_BATCHES)).unwrap_or(u32::MAX)
}

/// Whether `batch` is of what is fetched beside the listings.
pub(super) fn is_of_kind(batch: &BatchRecord) -> bool {
    MarketKind::of_endpoint(&batch.endpoint).is_some()
}

/// The days up to that of `now`, as far as all their batches were read.
#[derive(Debug)]
pub(super) struct Days {
    /// The first of which all were read.
    first: NaiveDate,
    today: NaiveDate,
    /// Those that cost something.
    costly: BTreeMap<NaiveDate, Day>,
}

/// What the days up to that of `now` cost by the newest `batches`, of which `wanted` were asked for.
pub(super) fn by_day(batches: &[BatchRecord], wanted: u32, now: DateTime<Utc>) -> Days {
    let today = now.date_naive();
    let mut first = today - TimeDelta::days(DAYS - 1);
    if batches.len() >= wanted as usize
        && let Some(oldest) = batches.iter().map(|batch| batch.slot.starts_at().date_naive()).min()
    {
        // There may be more of its day.
        first = first.max(oldest + TimeDelta::days(1));
    }
    let mut costly = BTreeMap::<_, Day>::new();
    for batch in batches {
        let day = batch.slot.starts_at().date_naive();
        if let Some(credits) = batch.credits.filter(|_| day >= first) {
            let sum = costly.entry(day).or_default();
            if is_of_kind(batch) {
                sum.others += 1;
            } else {
                sum.snapshots += 1;
            }
            sum.credits += u64::from(credits);
        }
    }
    Days { first, today, costly }
}

/// One line: today, the day before, and all of them; nothing when nothing was paid. Says when older days are left out.
pub(super) fn to_text(days: &Days) -> Option<String> {
    let Days { first, today, costly } = days;
    let covered = (*today - *first).num_days() + 1;
    if covered < 1 {
        return Some("not summed: today has more snapshots than are read".to_owned());
    }
    let of = |day: NaiveDate| {
        let Day { snapshots, others, credits } = costly.get(&day).copied().unwrap_or_default();
        let others =
            if others > 0 { format!(" and {} of [market]", numbers::count(others)) } else { String::new() };
        format!("{} for {}{others}", numbers::count(credits), numbers::counted(snapshots, "snapshot"))
    };
    let mut parts = vec![format!("today {}", of(*today))];
    if covered > 1 {
        parts.push(format!("yesterday {}", of(*today - TimeDelta::days(1))));
    }
    if covered > 2 {
        let all = costly.values().map(|day| day.credits).sum();
        parts.push(format!("in {covered} days {}", numbers::count(all)));
    }
    if covered < DAYS {
        parts.push("earlier days have more snapshots than are read".to_owned());
    } else if costly.is_empty() {
        return None;
    }
    Some(parts.join(", "))
}

/// Each day, oldest first. Days of which not all was read are left out.
pub(super) fn to_json(days: &Days) -> serde_json::Value {
    let days = days.costly.iter().map(|(day, Day { snapshots, others, credits })| {
        json!({ "day": day.to_string(), "snapshots": snapshots, "other_batches": others, "credits": credits })
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
            dropped: None,
            is_half_dropped: false,
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

    fn of_map(slot: &str, credits: u32) -> BatchRecord {
        BatchRecord { endpoint: "map".to_owned(), ..batch(slot, Some(credits)) }
    }

    #[test]
    fn days_are_summed_by_slot_and_old_ones_left_out() {
        let now = timestamp::from_text("2026-11-22T14:30:00Z").unwrap();
        assert_eq!(to_text(&by_day(&[], 218, now)), None);
        let batches = [
            batch("2026-11-22T14:00:00Z", Some(20)),
            of_map("2026-11-22T14:00:00Z", 1),
            batch("2026-11-22T13:00:00Z", None),
            batch("2026-11-22T00:00:00Z", Some(2000)),
            batch("2026-11-21T23:00:00Z", Some(20)),
            batch("2026-11-16T00:00:00Z", Some(1)),
            batch("2026-11-15T23:00:00Z", Some(500)),
        ];
        let days = by_day(&batches, 218, now);
        let told =
            "today 2,021 for 2 snapshots and 1 of [market], yesterday 20 for 1 snapshot, in 7 days 2,042";
        assert_eq!(to_text(&days).as_deref(), Some(told));
        let expected = json!([
            { "day": "2026-11-16", "snapshots": 1, "other_batches": 0, "credits": 1 },
            { "day": "2026-11-21", "snapshots": 1, "other_batches": 0, "credits": 20 },
            { "day": "2026-11-22", "snapshots": 2, "other_batches": 1, "credits": 2021 },
        ]);
        assert_eq!(to_json(&days), expected);
    }

    /// With a snapshot a minute the newest 2,100 batches are 35 hours.
    #[test]
    fn a_day_of_which_not_all_was_read_is_left_out() {
        let now = timestamp::from_text("2026-11-22T14:30:00Z").unwrap();
        let newest = |count: usize, minutes: i64| -> Vec<_> {
            let slots = (0..i64::try_from(count).unwrap()).map(|nth| now - TimeDelta::minutes(nth * minutes));
            slots.map(|slot| batch(&timestamp::to_text(slot), Some(1))).collect()
        };
        let days = by_day(&newest(2100, 1), 2100, now);
        let told = "today 871 for 871 snapshots, earlier days have more snapshots than are read";
        assert_eq!(to_text(&days).as_deref(), Some(told));
        let today = json!([{ "day": "2026-11-22", "snapshots": 871, "other_batches": 0, "credits": 871 }]);
        assert_eq!(to_json(&days), today);
        let told = to_text(&by_day(&newest(2100, 2), 2100, now)).unwrap();
        assert!(
            told.starts_with(
                "today 436 for 436 snapshots, yesterday 720 for 720 snapshots, in 3 days 1,876, earlier"
            ),
            "{told}"
        );
        let told = to_text(&by_day(&newest(2100, 3), 2100, now)).unwrap();
        assert!(told.contains(", in 4 days 1,731, earlier days"), "{told}");
        // Not even today's are read, or all that there are.
        let told = to_text(&by_day(&newest(200, 1), 200, now)).unwrap();
        assert_eq!(told, "not summed: today has more snapshots than are read");
        let told = to_text(&by_day(&newest(200, 1), 201, now)).unwrap();
        assert_eq!(told, "today 200 for 200 snapshots, yesterday 0 for 0 snapshots, in 7 days 200");
    }

    #[test]
    fn as_many_batches_are_read_as_can_be_in_the_days() {
        let read = |seconds| batches_to_read(&[Duration::from_secs(seconds)]);
        assert_eq!((read(3600), read(60), read(0)), (218, 2100, 2100));
        assert_eq!(batches_to_read(&[Duration::from_hours(1), Duration::from_hours(24)]), 225);
    }
}
