//! What a backfill does: what an earlier one began, and then what is missing.

use std::collections::BTreeSet;

use domain::{BatchId, Slot};
use fetcher::{Backfiller, Begun, OnceFailure, Past, Price};

use super::consent;
use super::gap::Gap;
use crate::numbers;

/// Slots that are filled alike.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) past: Past,
    pub(super) slots: BTreeSet<Slot>,
    is_begun: bool,
}

/// All that is to be done, in its order.
#[derive(Clone, Default)]
pub(super) struct Plan {
    /// None of them is empty.
    pub(super) jobs: Vec<Job>,
    /// What was dropped, and may come again.
    pub(super) dropped: BTreeSet<BatchId>,
    /// What was paid for before, and is on its way to the tables.
    pub(super) coming: Vec<BatchId>,
}

impl Plan {
    /// What is missing, and nothing else.
    pub(super) fn of(gap: Gap) -> Self {
        let job = |(past, slots)| Job { past, slots, is_begun: false };
        let jobs = gap.parts.into_iter().map(job).filter(|job| !job.slots.is_empty()).collect();
        Self { jobs, dropped: gap.dropped, coming: Vec::new() }
    }

    /// What was `begun` comes first, as it was begun.
    pub(super) fn begin_with(&mut self, begun: Begun, convert: &[String]) {
        let batches = |past: &Past, slots: &BTreeSet<Slot>| -> Vec<BatchId> {
            slots.iter().map(|slot| past.batch(*slot, convert)).collect()
        };
        let taken: BTreeSet<_> = begun.parts.iter().flat_map(|(past, slots)| batches(past, slots)).collect();
        self.leave_out(convert, &taken);
        let begun = begun.parts.into_iter().map(|(past, slots)| Job { past, slots, is_begun: true });
        self.jobs.splice(0..0, begun);
    }

    /// Takes out what others fill, but for what was begun. What that is.
    pub(super) fn leave_out(&mut self, convert: &[String], taken: &BTreeSet<BatchId>) -> Vec<BatchId> {
        let mut left = Vec::new();
        for Job { past, slots, .. } in self.jobs.iter_mut().filter(|job| !job.is_begun) {
            slots.retain(|slot| {
                let batch = past.batch(*slot, convert);
                let is_taken = taken.contains(&batch);
                if is_taken {
                    left.push(batch);
                }
                !is_taken
            });
        }
        self.jobs.retain(|job| !job.slots.is_empty());
        left
    }

    /// The batches of all of it.
    pub(super) fn batches(&self, convert: &[String]) -> Vec<BatchId> {
        let of = |job: &Job| -> Vec<BatchId> {
            job.slots.iter().map(|slot| job.past.batch(*slot, convert)).collect()
        };
        self.jobs.iter().flat_map(of).collect()
    }

    /// What is left when the jobs before `place` are done, and of the one there what was `published`.
    pub(super) fn without(&self, place: usize, published: &[BatchId], convert: &[String]) -> Self {
        let mut jobs: Vec<_> = self.jobs.iter().skip(place).cloned().collect();
        if let Some(Job { past, slots, .. }) = jobs.first_mut() {
            slots.retain(|slot| !published.contains(&past.batch(*slot, convert)));
        }
        Self { jobs, ..self.clone() }
    }

    /// How many slots.
    pub(super) fn slots(&self) -> u64 {
        self.jobs.iter().map(|job| job.slots.len() as u64).sum()
    }

    /// What is left of it costs so many credits.
    pub(super) async fn price(&self, backfiller: &Backfiller) -> Result<Price, OnceFailure> {
        let mut sum = Price { least: 0, most: 0 };
        for job in &self.jobs {
            let price = backfiller.price(&job.past, &job.slots).await?;
            sum = Price { least: sum.least + price.least, most: sum.most + price.most };
        }
        Ok(sum)
    }

    /// The same as the settings tell, when nothing of it is there.
    pub(super) fn price_by_settings(&self, fetch: &config::Fetch) -> Price {
        let prices = self.jobs.iter().map(|job| fetcher::price_of_past(&job.past, &job.slots, fetch));
        prices.fold(Price { least: 0, most: 0 }, |sum, price| Price {
            least: sum.least + price.least,
            most: sum.most + price.most,
        })
    }

    /// "30 hours of 200 coins from … to …: 60 credits".
    pub(super) fn in_words(&self, price: Price) -> String {
        let jobs: Vec<_> = self.jobs.iter().map(Job::in_words).collect();
        format!("{}: {}", jobs.join("; "), consent::credits(price))
    }
}

impl Job {
    fn in_words(&self) -> String {
        let slots = self.slots.len() as u64;
        let what = match &self.past {
            Past::Hours(coins) => {
                let coins = numbers::counted(coins.count() as u64, "coin");
                format!("{} of {coins}", numbers::counted(slots, "hour"))
            }
            Past::Days if slots == 1 => "1 day as it ended".to_owned(),
            Past::Days => format!("{} as they ended", numbers::counted(slots, "day")),
        };
        let begun = if self.is_begun { " that an earlier backfill began" } else { "" };
        let span = match (self.slots.first(), self.slots.last()) {
            (Some(first), Some(last)) if first != last => format!(" from {first} to {last}"),
            (Some(first), _) => format!(", {first}"),
            _ => String::new(),
        };
        format!("{what}{begun}{span}")
    }
}

#[cfg(test)]
mod tests {
    use domain::timestamp;
    use fetcher::{KnownCoin, PastCoins};

    use super::*;

    fn slots(hours: std::ops::Range<u32>) -> BTreeSet<Slot> {
        let at = |hour| timestamp::from_text(&format!("2026-11-22T{hour:02}:00:00Z")).unwrap();
        hours.map(|hour| Slot::at(at(hour))).collect()
    }

    fn coins(ids: &[u32]) -> Vec<KnownCoin> {
        ids.iter().map(|id| KnownCoin { id: *id, slug: String::new() }).collect()
    }

    #[test]
    fn what_was_begun_comes_first_and_is_not_begun_twice() {
        let convert = ["USD".to_owned()];
        let (all, one) =
            (Past::Hours(PastCoins::all(coins(&[1, 2]))), Past::Hours(PastCoins::some(coins(&[1]))));
        let gap = Gap { parts: vec![(all.clone(), slots(0..5)), (one, slots(0..0))], ..Gap::default() };
        let mut plan = Plan::of(gap);
        let other = Past::Hours(PastCoins::all(coins(&[7])));
        plan.begin_with(Begun { parts: vec![(other.clone(), slots(3..6))], others: Vec::new() }, &convert);
        // The same batches: of these coins they were begun.
        let said = plan.in_words(Price { least: 3, most: 3 });
        assert_eq!(
            said,
            "3 hours of 1 coin that an earlier backfill began from 2026-11-22T03:00:00Z to 2026-11-22T05:00:00Z; \
             3 hours of 2 coins from 2026-11-22T00:00:00Z to 2026-11-22T02:00:00Z: 3 credits"
        );
        let taken = slots(2..4).into_iter().map(|slot| all.batch(slot, &convert)).collect();
        assert_eq!(plan.leave_out(&convert, &taken).len(), 1);
        assert_eq!(plan.slots(), 2 + 3);
    }

    #[test]
    fn one_day_is_one() {
        let gap = Gap { parts: vec![(Past::Days, slots(0..1))], ..Gap::default() };
        let said = Plan::of(gap).in_words(Price { least: 2, most: 2 });
        assert_eq!(said, "1 day as it ended, 2026-11-22T00:00:00Z: 2 credits");
    }
}
