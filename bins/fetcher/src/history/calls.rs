//! Which hours are asked for together, and what that costs.
//!
//! A call has at most a hundred coins and a hundred hours. The API takes a credit for a hundred points; whether the points of several
//! coins are added up is not said. With a hundred hours it makes no difference.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{TimeDelta, Timelike};
use domain::Slot;

/// The most coins in a call.
pub(crate) const COINS_A_CALL: u32 = 100;
/// The most hours in a call.
const HOURS_A_CALL: usize = 100;
/// Points, or coins of a past day, for a credit.
const A_CREDIT: u64 = 100;

/// What a slot of the history lasts.
pub(crate) const HOUR: Duration = Duration::from_hours(1);

/// How far back hours are asked for without being asked to: the plans that most have, have a month of them.
pub(crate) const REACH: TimeDelta = TimeDelta::days(30);
/// More slots are not noted as missing: a month of hours has 744.
pub(crate) const MOST_FILLED: usize = 800;

/// Whether `slot` is one that the history tells of.
pub(crate) fn is_hour(slot: &Slot) -> bool {
    let at = slot.starts_at();
    at.minute() == 0 && at.second() == 0
}

/// In how many currencies the past is asked for, and how many of them at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Currencies {
    /// Calls for the same coins.
    calls: u64,
    /// Currencies in each.
    in_each: u64,
}

impl Currencies {
    /// All `count` of them in one call.
    pub(crate) fn together(count: usize) -> Self {
        Self { calls: 1, in_each: count.max(1) as u64 }
    }

    /// Each of `count` in a call of its own.
    pub(crate) fn alone(count: usize) -> Self {
        Self { calls: count.max(1) as u64, in_each: 1 }
    }

    /// Credits that all calls cost when the points of one are so many credits, one for each hundred that is begun.
    fn credits(self, begun: u64) -> u64 {
        begun.max(1).saturating_add(self.in_each - 1).saturating_mul(self.calls)
    }
}

/// `slots` in groups that follow one another hour by hour, oldest first: each is asked for in one call for each hundred coins.
pub(crate) fn windows(slots: &BTreeSet<Slot>) -> Vec<Vec<Slot>> {
    let mut windows: Vec<Vec<Slot>> = Vec::new();
    for slot in slots {
        let follows = |last: &Slot| slot.starts_at() - last.starts_at() == TimeDelta::hours(1);
        match windows.last_mut() {
            Some(window) if window.len() < HOURS_A_CALL && window.last().is_some_and(follows) => {
                window.push(*slot);
            }
            _ => windows.push(vec![*slot]),
        }
    }
    windows
}

/// Credits that so many hours of so many `coins` cost.
pub(crate) fn call_credits(coins: usize, hours: usize, currencies: Currencies) -> u64 {
    let points = (coins as u64).saturating_mul(hours as u64);
    currencies.credits(points.div_ceil(A_CREDIT))
}

/// Credits that all hours in `slots` cost for so many `coins`.
pub(crate) fn price(coins: usize, slots: &BTreeSet<Slot>, currencies: Currencies) -> u64 {
    let full = coins / COINS_A_CALL as usize;
    let rest = coins % COINS_A_CALL as usize;
    let of_window = |window: &Vec<Slot>| {
        let whole = call_credits(COINS_A_CALL as usize, window.len(), currencies) * full as u64;
        whole + if rest > 0 { call_credits(rest, window.len(), currencies) } else { 0 }
    };
    windows(slots).iter().map(of_window).sum()
}

/// Credits that the listing of a past day costs, of so many `coins`, `page_size` at a time.
pub(crate) fn day_credits(coins: u32, page_size: u32, currencies: Currencies) -> u64 {
    let page = |coins: u32| currencies.credits(u64::from(coins).div_ceil(A_CREDIT));
    let (full, rest) = (coins / page_size.max(1), coins % page_size.max(1));
    u64::from(full) * page(page_size) + if rest > 0 { page(rest) } else { 0 }
}

#[cfg(test)]
mod tests {
    use domain::timestamp::{from_text, later};

    use super::*;

    fn hours(from: &str, count: u32) -> BTreeSet<Slot> {
        let from = from_text(from).unwrap();
        (0..count).map(|hour| Slot::at(later(from, HOUR * hour))).collect()
    }

    #[test]
    fn hours_that_follow_one_another_are_asked_for_together_a_hundred_at_a_time() {
        let mut slots = hours("2026-11-01T00:00:00Z", 230);
        slots.extend(hours("2026-11-20T00:00:00Z", 1));
        let lengths: Vec<_> = windows(&slots).iter().map(Vec::len).collect();
        assert_eq!(lengths, [100, 100, 30, 1]);
        let apart: BTreeSet<_> = hours("2026-11-01T00:00:00Z", 6).into_iter().step_by(2).collect();
        assert_eq!(windows(&apart).len(), 3);
    }

    #[test]
    fn the_price_is_that_of_all_calls() {
        let thirty = hours("2026-11-01T00:00:00Z", 30);
        let (one, two, each) = (Currencies::together(1), Currencies::together(2), Currencies::alone(2));
        for (coins, slots, currencies, credits) in [
            (200, &thirty, one, 60),
            (201, &thirty, one, 61),
            (1, &thirty, one, 1),
            (200, &hours("2026-11-01T00:00:00Z", 1), one, 2),
            (200, &thirty, two, 62),
            (200, &thirty, each, 120),
            (201, &thirty, each, 122),
            (4000, &hours("2026-11-01T00:00:00Z", 720), one, 28_800),
            (200, &BTreeSet::new(), one, 0),
        ] {
            assert_eq!(price(coins, slots, currencies), credits, "{coins} {} {currencies:?}", slots.len());
        }
        assert_eq!((day_credits(4000, 5000, one), day_credits(250, 100, two)), (40, 2 + 2 + 2));
        assert_eq!((day_credits(4000, 5000, each), day_credits(250, 100, each)), (80, 2 + 2 + 2));
    }
}
