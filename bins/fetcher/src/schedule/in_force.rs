//! Which schedule is in force: noted where the next leader sees it, told to the ledger, and held against what was fetched. Slots
//! that passed while nobody led are told in one letter.

use chrono::{DateTime, Utc};
use config::CatchUp;
use domain::{HeldSlots, Slot, timestamp};
use tracing::warn;

use super::Scheduler;
use super::followed::{Followed, Passed};
use super::term::LedTerm;
use crate::spool::Manifest;

impl Scheduler {
    /// Follows the schedule of this fetcher from `now` on, unless leaders did before. It is written down with the next claim. `newest`
    /// is in the tables.
    pub(super) async fn follow(&self, led: &mut LedTerm, now: DateTime<Utc>, newest: Option<Slot>) {
        let order = self.collector.order(Slot::current(now, self.listings().every));
        let held = led.claims.schedule().cloned();
        if held.as_ref().is_some_and(|held| held.is_still(&order, self.listings().every, now)) {
            return;
        }
        if let Some(held) = held {
            // The slot that is under way is fetched now.
            let under_way = held.is_about(&order).then_some(order.slot);
            self.report_passed(&held, led, now, newest.into_iter().chain(under_way)).await;
        }
        led.claims.follow(Followed::new(&order, self.listings().every, now));
    }

    /// `slot` is about to be claimed: those that passed before it and that nobody fetched are reported.
    pub(super) async fn account_for(&self, slot: Slot, led: &mut LedTerm, newest: Option<Slot>) {
        let Some(mut followed) = led.claims.schedule().cloned() else { return };
        self.report_passed(&followed, led, slot.starts_at(), newest.into_iter()).await;
        followed.see(slot);
        led.claims.follow(followed);
    }

    /// Has the ledger told of the schedule when that is due. `true` when the queue has taken it since this was asked last.
    pub(super) fn tell_schedule(&self, led: &mut LedTerm) -> bool {
        let Some(mut followed) = led.claims.schedule().cloned() else { return false };
        let is_told = self.publisher.schedule_told().is_some_and(|told| followed.told(&told));
        let now = self.clock.now();
        // Until it is known whether the data is made up, there is none.
        if let Some(simulated) = self.collector.is_simulated()
            && followed.is_to_be_told(now)
        {
            self.publisher.tell_schedule(followed.schedule(simulated, now));
        }
        led.claims.follow(followed);
        is_told
    }

    /// Counts and reports the slots of a schedule that passed before `before`, are not accounted for, and have no snapshot as far as
    /// claims, spool and tables tell, and `known`. They are to be filled, if that is wanted.
    async fn report_passed(
        &self,
        followed: &Followed,
        led: &LedTerm,
        before: DateTime<Utc>,
        known: impl Iterator<Item = Slot>,
    ) {
        let mut held = HeldSlots::default();
        let order = |slot| Manifest { batch: followed.batch(slot), ..self.collector.order(slot) };
        known.chain(led.claims.slots(order)).for_each(|slot| followed.note(&mut held, slot));
        // What is in the spool is published, or has a letter of its own. When it cannot be read, a slot may be told twice.
        let spooled = self.collector.batches().await.unwrap_or_default();
        let spooled = spooled.iter().filter(|batch| followed.is_about(batch));
        spooled.for_each(|batch| followed.note(&mut held, batch.slot));
        if followed.passed(before, &held).is_none() {
            return;
        }
        // Somebody may have taken a snapshot by hand, or filled a slot. When the tables do not answer, a slot may be told that is there.
        let from = followed.first_open().unwrap_or(before);
        let fetched = self.loaded.held(from, timestamp::later(before, followed.every())).await;
        let fetched = fetched.unwrap_or_default();
        for one in &fetched.slots {
            held.add(&one.endpoint, &one.convert, one.slot, ());
        }
        let Some(passed) = followed.passed(before, &held) else { return };
        // Those in other currencies would be filled with these.
        let is_same = followed.convert() == self.collector.order(passed.first).convert;
        let hours: Vec<_> = passed.hours.iter().copied().filter(|_| is_same).collect();
        let filled = hours.len() as u64;
        self.collector.miss(passed.count, hours).await;
        let Passed { first, last, count, ends_at, .. } = passed;
        let batch = followed.batch(first);
        let (what, occasion) = if count == 1 {
            (format!("the snapshot of slot {first} ({batch}) is missing"), batch.to_string())
        } else {
            let what = format!(
                "{count} snapshots of slots from {first} to {last} are missing, the first is {batch}"
            );
            (what, format!("{batch}..{last}"))
        };
        let (from, to) = (first, timestamp::to_text(ends_at));
        let remedy = match self.catch_up {
            CatchUp::All if filled == count => {
                "fetch.catch_up has them filled from the API's history".to_owned()
            }
            CatchUp::All => format!(
                "fetch.catch_up has {filled} of them filled from the API's history, and not those that do not begin with an hour, or were \
                 due in other currencies"
            ),
            CatchUp::Last | CatchUp::None => {
                format!("`coinpipe backfill --from {from} --to {to}` fetches it")
            }
        };
        let reason = format!(
            "{what}: nobody led when they were due, because no fetcher ran, none reached the queue, or its machine stood still; \
             `coinpipe gaps` lists what is missing, and {remedy}"
        );
        warn!("{reason}");
        self.incidents.report("slot_missed", occasion, &reason).await;
    }
}
