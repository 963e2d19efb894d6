//! Answers of the history that are in doubt: when they are asked for again, and what is said of a price that was not announced.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use tracing::warn;

use super::snapshot::{Again, Wait};
use super::{Collector, Ending, FetchJob, GaveUp};
use crate::history::Dearer;
use crate::spool::{Spool, SpoolError, blocking};

/// What was learned of the history's answers.
#[derive(Default)]
pub(super) struct PastDoubts {
    /// Asking again did not help: what the history lacks it lacks.
    is_in_vain: AtomicBool,
    /// What it takes, when that is more than it should.
    dearer: Mutex<Option<Dearer>>,
}

impl Collector {
    /// Whether an answer that lacks coins, the last of so many `tries` for so many coins, is asked for again. Waits until then.
    pub(super) async fn asks_past_again(
        &self,
        fetch: FetchJob<'_>,
        (tries, coins): (u32, u32),
        reason: &str,
    ) -> Result<bool, Ending> {
        let now = self.clock.now();
        let until = now + TimeDelta::from_std(self.judge.wait).unwrap_or(TimeDelta::zero());
        let asks_again = tries < self.judge.tries
            && !self.past_doubts.is_in_vain.load(Ordering::Relaxed)
            && fetch.patience.allows(until, now, tries)
            && self.credits.can_spare(coins);
        if !asks_again {
            if tries > 1 {
                self.past_doubts.is_in_vain.store(true, Ordering::Relaxed);
            }
            return Ok(false);
        }
        let wait = Wait {
            again: Again::Doubted,
            code: "past_short",
            reason,
            until,
            tries: (tries, Some(self.judge.tries)),
        };
        if self.wait_told(fetch, wait).await { Ok(true) } else { Err(Ending::Interrupted) }
    }

    /// So many credits, as the history takes them, when they should be `price`.
    pub(crate) fn past_price_as_taken(&self, price: u64) -> u64 {
        self.dearer().map_or(price, |dearer| dearer.of(price))
    }

    /// Ends it when what should cost `price` cost more than was known: nobody agreed to that. It is known from then on.
    pub(super) async fn check_past_price(&self, price: u64, taken: u32) -> Result<(), Ending> {
        let taken = u64::from(taken);
        let known = self.dearer();
        if taken <= price && known.is_some() {
            // It was once.
            self.keep_dearer(None).await;
        }
        if taken <= known.map_or(price, |known| known.of(price)) {
            return Ok(());
        }
        self.keep_dearer(Some(Dearer { price, taken })).await;
        let reason = format!("the API took {taken} credits for what should cost {price}");
        Err(Ending::GaveUp(GaveUp {
            code: "past_dearer".to_owned(),
            reason,
            hint: None,
            until: None,
            lasts: true,
        }))
    }

    /// Goes on with the price that an earlier run learned.
    pub(crate) async fn recall_past_price(&self) -> Result<(), SpoolError> {
        let json = blocking(&self.spool, Spool::past_price).await?;
        let mut dearer = self.past_doubts.dearer.lock().unwrap_or_else(PoisonError::into_inner);
        *dearer = Dearer::from_json(&json).or(*dearer);
        Ok(())
    }

    /// The disk that does not take it costs the next run a call that is dearer than was said.
    async fn keep_dearer(&self, dearer: Option<Dearer>) {
        *self.past_doubts.dearer.lock().unwrap_or_else(PoisonError::into_inner) = dearer;
        let json = dearer.map(Dearer::to_json).unwrap_or_default();
        if let Err(error) = blocking(&self.spool, move |spool| spool.put_past_price(&json)).await {
            warn!("cannot keep what the history costs: {}", telemetry::error_chain(&error));
        }
    }

    fn dearer(&self) -> Option<Dearer> {
        *self.past_doubts.dearer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
