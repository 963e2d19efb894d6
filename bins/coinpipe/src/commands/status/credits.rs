//! What was paid for in the last days, summed from the ledger.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::MarketKind;
use domain::endpoint::HISTORY;
use ports::store::Paid;
use serde_json::json;

use crate::numbers;

/// Days that are told, today among them.
const DAYS: i64 = 7;

/// What was paid for on a UTC day, by when it was fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Day {
    snapshots: u64,
    /// Slots that were filled from the history.
    filled: u64,
    /// Batches of what is fetched beside the listings.
    others: u64,
    credits: u64,
}

/// The days up to that of `now`.
#[derive(Debug)]
pub(super) struct Days {
    today: NaiveDate,
    /// Those on which something was fetched.
    days: BTreeMap<NaiveDate, Day>,
}

/// When the first of the days that are told begins.
pub(super) fn since(now: DateTime<Utc>) -> DateTime<Utc> {
    (now.date_naive() - TimeDelta::days(DAYS - 1)).and_time(NaiveTime::MIN).and_utc()
}

/// What was `paid` on the days up to that of `now`.
pub(super) fn by_day(paid: &[Paid], now: DateTime<Utc>) -> Days {
    let mut days = BTreeMap::<_, Day>::new();
    for Paid { endpoint, fetched_at, credits } in paid {
        let day = days.entry(fetched_at.date_naive()).or_default();
        match endpoint.as_str() {
            HISTORY => day.filled += 1,
            endpoint if MarketKind::of_endpoint(endpoint).is_some() => day.others += 1,
            _ => day.snapshots += 1,
        }
        day.credits += u64::from(*credits);
    }
    Days { today: now.date_naive(), days }
}

impl Day {
    fn in_words(self) -> String {
        let Self { snapshots, filled, others, credits } = self;
        let mut text = format!("{} for {}", numbers::count(credits), numbers::counted(snapshots, "snapshot"));
        if filled > 0 {
            text = format!("{text}, {}", numbers::counted(filled, "filled slot"));
        }
        if others > 0 {
            text = format!("{text} and {} of [market]", numbers::count(others));
        }
        text
    }
}

/// One line: today, the day before, and all of them; nothing when nothing was paid for.
pub(super) fn to_text(Days { today, days }: &Days) -> Option<String> {
    if days.is_empty() {
        return None;
    }
    let of = |day: NaiveDate| days.get(&day).copied().unwrap_or_default().in_words();
    let all = days.values().map(|day| day.credits).sum();
    Some(format!(
        "today {}; yesterday {}; in {DAYS} days {}",
        of(*today),
        of(*today - TimeDelta::days(1)),
        numbers::count(all)
    ))
}

/// Each day on which something was paid for, oldest first.
pub(super) fn to_json(days: &Days) -> serde_json::Value {
    let days = days.days.iter().map(|(day, Day { snapshots, filled, others, credits })| {
        json!({
            "day": day.to_string(),
            "snapshots": snapshots,
            "filled_slots": filled,
            "other_batches": others,
            "credits": credits,
        })
    });
    days.collect()
}

#[cfg(test)]
mod tests {
    use domain::timestamp;

    use super::*;

    fn paid(endpoint: &str, fetched_at: &str, credits: u32) -> Paid {
        let fetched_at = timestamp::from_text(fetched_at).unwrap();
        Paid { endpoint: endpoint.to_owned(), fetched_at, credits }
    }

    #[test]
    fn days_are_summed_by_when_something_was_fetched() {
        let now = timestamp::from_text("2026-11-22T14:30:00Z").unwrap();
        assert_eq!(since(now), timestamp::from_text("2026-11-16T00:00:00Z").unwrap());
        assert_eq!(to_text(&by_day(&[], now)), None);
        let all = [
            paid("listings", "2026-11-16T00:00:10Z", 1),
            // The slot of 23:00, and one of the first of the month.
            paid("listings", "2026-11-21T23:00:10Z", 20),
            paid("history", "2026-11-22T09:00:00Z", 2000),
            paid("map", "2026-11-22T14:00:00Z", 1),
            paid("quotes", "2026-11-22T14:00:00Z", 20),
        ];
        let days = by_day(&all, now);
        let told = "today 2,021 for 1 snapshot, 1 filled slot and 1 of [market]; yesterday 20 for 1 snapshot; in 7 days 2,042";
        assert_eq!(to_text(&days).as_deref(), Some(told));
        let expected = json!([
            { "day": "2026-11-16", "snapshots": 1, "filled_slots": 0, "other_batches": 0, "credits": 1 },
            { "day": "2026-11-21", "snapshots": 1, "filled_slots": 0, "other_batches": 0, "credits": 20 },
            { "day": "2026-11-22", "snapshots": 1, "filled_slots": 1, "other_batches": 1, "credits": 2021 },
        ]);
        assert_eq!(to_json(&days), expected);
    }
}
