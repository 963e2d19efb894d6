//! Which slots of a schedule are taken: those that a batch is in. Everybody who looks for missing slots asks here, so that what is told,
//! what is listed and what is filled is the same.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::Schedule;
use crate::endpoint::HISTORY;
use crate::slot::Slot;
use crate::timestamp;

/// The slots of batches, with what is known of each.
#[derive(Debug)]
pub struct HeldSlots<'a, T> {
    of: HashMap<&'a str, HashMap<&'a [String], BTreeMap<Slot, T>>>,
}

impl<T> Default for HeldSlots<'_, T> {
    fn default() -> Self {
        Self { of: HashMap::new() }
    }
}

impl<'a, T> HeldSlots<'a, T> {
    /// There is a batch of `endpoint` in the currencies `convert` with this slot.
    pub fn add(&mut self, endpoint: &'a str, convert: &'a [String], slot: Slot, what: T) {
        self.of.entry(endpoint).or_default().entry(convert).or_default().insert(slot, what);
    }

    /// What stands for `slot` of `schedule`: its batch; or a snapshot that somebody took by hand within it; or what was filled in
    /// later, whatever endpoint the schedule asks.
    pub fn of_schedule(&self, schedule: &Schedule, slot: Slot) -> Option<&T> {
        let within = |endpoint: &str| self.within(endpoint, &schedule.convert, slot, schedule.every);
        within(&schedule.endpoint).or_else(|| within(HISTORY))
    }

    /// The first batch of `endpoint` that has the currencies `convert`, in any order and maybe others, and whose slot is `slot`, or in
    /// the time `every` after it.
    pub fn within(&self, endpoint: &str, convert: &[String], slot: Slot, every: Duration) -> Option<&T> {
        let ends_at = Slot::at(timestamp::later(slot.starts_at(), every));
        let has_all = |held: &[String]| convert.iter().all(|currency| held.contains(currency));
        let fitting = self.of.get(endpoint)?.iter().filter(|(held, _)| has_all(held));
        let first = fitting.filter_map(|(_, slots)| slots.range(slot..ends_at).next());
        first.min_by_key(|(held, _)| **held).map(|(_, what)| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_within_a_slot_stands_for_it_and_the_history_for_any() {
        let slot = |text: &str| Slot::at(timestamp::from_text(text).unwrap());
        let (usd, eur) = (["USD".to_owned()], ["EUR".to_owned()]);
        let mut held = HeldSlots::default();
        held.add("listings", &usd, slot("2026-11-22T14:23:11Z"), "by hand");
        held.add(HISTORY, &usd, slot("2026-11-22T16:00:00Z"), "filled");
        held.add("listings", &eur, slot("2026-11-22T17:00:00Z"), "other");
        let both = ["EUR".to_owned(), "USD".to_owned()];
        held.add("listings", &both, slot("2026-11-22T18:00:00Z"), "both");
        let since = slot("2026-11-22T00:00:00Z").starts_at();
        let schedule = Schedule {
            series: Schedule::QUOTES.to_owned(),
            endpoint: "listings".to_owned(),
            convert: usd.to_vec(),
            every: Duration::from_hours(1),
            coins: 100,
            since,
            simulated: false,
            confirmed_at: since,
        };
        for (hour, expected) in [
            (13, None),
            (14, Some("by hand")),
            (15, None),
            (16, Some("filled")),
            (17, None),
            (18, Some("both")),
        ] {
            let slot = slot(&format!("2026-11-22T{hour}:00:00Z"));
            assert_eq!(held.of_schedule(&schedule, slot), expected.as_ref(), "{hour}");
        }
    }
}
