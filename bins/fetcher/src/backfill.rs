//! Filling gaps for a person who asked for it, as `coinpipe backfill` does.
//!
//! It has a spool of its own, beside the fetcher's, so that it works while one runs. What was asked for and not finished is gone on
//! with; what was paid for is remembered until the tables know it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use domain::{BatchId, Slot};
use ports::Clock;
use tokio_util::sync::CancellationToken;

use crate::collect::{Collector, Ending, PastJob, Patience};
use crate::history::{KnownCoin, day_credits, paid_from_json, price, windows};
use crate::once::{OnceFailure, publish_all};
use crate::progress::ProgressObserver;
use crate::publish::Publisher;
use crate::spool::{Manifest, PAST_PAID};

/// What part of the past is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Past {
    /// Quotes of these coins at hours.
    Hours(Vec<KnownCoin>),
    /// Listings at the ends of days, of as many coins as the settings say.
    Days,
}

/// Gaps that were filled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// What is in the queue now.
    pub batches: Vec<BatchId>,
    /// Credits that it cost.
    pub credits: u64,
}

/// Fills gaps when it is asked to.
pub struct Backfiller {
    collector: Collector,
    publisher: Publisher,
    clock: Arc<dyn Clock>,
    settings: config::Fetch,
}

/// Credits that filling `slots` costs with these settings, when nothing of it is there.
pub fn price_of_past(past: &Past, slots: &BTreeSet<Slot>, settings: &config::Fetch) -> u64 {
    match past {
        Past::Hours(coins) => price(coins.len(), slots, settings.convert.len()),
        Past::Days => price_of_days(slots.len(), settings),
    }
}

fn price_of_days(days: usize, settings: &config::Fetch) -> u64 {
    let a_day = day_credits(settings.limit, settings.page_size, settings.convert.len());
    a_day.saturating_mul(days as u64)
}

/// The batches that were paid for by backfills whose spool is in the folder `spool`, as far as a look tells.
pub fn paid_for(spool: &Path) -> BTreeSet<BatchId> {
    std::fs::read(spool.join(PAST_PAID)).map(|json| paid_from_json(&json)).unwrap_or_default()
}

impl Backfiller {
    pub(crate) fn new(
        collector: Collector,
        publisher: Publisher,
        clock: Arc<dyn Clock>,
        settings: config::Fetch,
    ) -> Self {
        Self { collector, publisher, clock, settings }
    }

    /// The coins of hours that an earlier run began and did not finish.
    pub async fn begun_coins(&self) -> Result<Option<Vec<KnownCoin>>, OnceFailure> {
        let begun = self.collector.past_begun().await?;
        if begun.is_empty() { Ok(None) } else { Ok(self.collector.past_coins().await?) }
    }

    /// Publishes what an earlier run left: what it fetched whole, and what it began of something else than `past`. Returns the
    /// slots that are to be gone on with, and the batches that were paid for.
    pub async fn resume(
        &self,
        past: &Past,
        observer: &dyn ProgressObserver,
        stop: &CancellationToken,
    ) -> Result<(BTreeSet<Slot>, BTreeSet<BatchId>), OnceFailure> {
        let coins = self.collector.past_coins().await?;
        let mut begun = BTreeSet::new();
        for batch in self.collector.batches().await?.into_iter().filter(|batch| batch.pages.is_none()) {
            let is_same = match past {
                Past::Hours(wanted) => coins.as_ref() == Some(wanted),
                Past::Days => true,
            };
            if is_same && batch.asks_the_same(&self.order(past, batch.slot)) {
                begun.insert(batch.slot);
            } else {
                self.collector.seal(batch).await?;
            }
        }
        publish_all(&self.publisher, &*self.clock, observer, stop).await?;
        Ok((begun, self.collector.past_paid().await?))
    }

    /// Credits that filling `slots` costs.
    pub async fn price(&self, past: &Past, slots: &BTreeSet<Slot>) -> Result<u64, OnceFailure> {
        match past {
            Past::Hours(coins) => Ok(self.collector.past_price(slots, coins.len()).await?),
            Past::Days => Ok(price_of_days(slots.len(), &self.settings)),
        }
    }

    /// Forgets of the batches that were paid for those that `are_known` to the tables.
    pub async fn forget_paid(&self, are_known: &BTreeSet<BatchId>) -> Result<(), OnceFailure> {
        let paid = self.collector.past_paid().await?;
        let rest: BTreeSet<_> = paid.difference(are_known).cloned().collect();
        if rest != paid {
            self.collector.keep_past_paid(&rest).await?;
        }
        Ok(())
    }

    /// Fills `slots`, and tells `filled` of how many are in the queue, and what they cost. What is not finished when it fails is
    /// gone on with the next time.
    pub async fn fill(
        &self,
        past: &Past,
        slots: &BTreeSet<Slot>,
        observer: &dyn ProgressObserver,
        filled: &(dyn Fn(&Filled) + Sync),
        stop: &CancellationToken,
    ) -> Result<Filled, OnceFailure> {
        let mut done = Filled::default();
        let coins: &[KnownCoin] = match past {
            Past::Hours(coins) => coins,
            Past::Days => &[],
        };
        let job = PastJob { coins, patience: Patience::Watched, observer, stop };
        let windows = match past {
            Past::Hours(coins) => {
                self.collector.keep_past_coins(coins).await?;
                windows(slots)
            }
            Past::Days => slots.iter().map(|slot| vec![*slot]).collect(),
        };
        for window in windows {
            let result = self.fetch(past, job, &window, &mut done.credits).await;
            if let Err(ending) = result {
                self.collector.stop_waiting().await;
                let orders = window.iter().map(|slot| self.order(past, *slot));
                self.collector.forget_empty(orders).await;
                return Err(self.failure(ending, &window).await);
            }
            let orders: Vec<_> = window.iter().map(|slot| self.order(past, *slot)).collect();
            // Before they can be published, and so leave the spool.
            let mut paid = self.collector.past_paid().await?;
            paid.extend(orders.iter().map(|order| order.batch.clone()));
            self.collector.keep_past_paid(&paid).await?;
            done.batches.extend(orders.iter().map(|order| order.batch.clone()));
            for order in orders {
                self.collector.seal(order).await?;
            }
            publish_all(&self.publisher, &*self.clock, observer, stop).await?;
            filled(&done);
        }
        Ok(done)
    }

    async fn fetch(
        &self,
        past: &Past,
        job: PastJob<'_>,
        window: &[Slot],
        credits: &mut u64,
    ) -> Result<(), Ending> {
        match past {
            Past::Days => {
                for slot in window {
                    *credits += u64::from(self.collector.ask_day(job, *slot).await?);
                }
            }
            Past::Hours(_) => {
                while let Some((page, slots)) = self.collector.missing_patiently(job, window).await? {
                    *credits += u64::from(self.collector.ask_hours(job, page, &slots).await?);
                }
            }
        }
        Ok(())
    }

    async fn failure(&self, ending: Ending, window: &[Slot]) -> OnceFailure {
        match ending {
            Ending::GaveUp(gave_up) => {
                if let Some(slot) = window.first() {
                    self.collector.report_give_up(&self.collector.order(*slot), &gave_up).await;
                }
                // The letter; what queue and spool say comes second.
                let _ = self.publisher.publish_if_possible().await;
                OnceFailure::GaveUp { code: gave_up.code, reason: gave_up.reason, hint: gave_up.hint }
            }
            Ending::Interrupted | Ending::GaveWay(_) | Ending::Complete(_) => OnceFailure::Stopped,
        }
    }

    fn order(&self, past: &Past, slot: Slot) -> Manifest {
        match past {
            Past::Hours(coins) => self.collector.past_order(slot, coins.len()),
            Past::Days => self.collector.day_order(slot),
        }
    }
}
