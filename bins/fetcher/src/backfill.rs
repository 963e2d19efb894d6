//! Filling gaps for a person who asked for it, as `coinpipe backfill` does.
//!
//! It has a spool of its own, beside the fetcher's, so that it works while one runs. What was asked for and not finished is gone on
//! with; what was paid for is remembered until the tables know it.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use config::ConvertCalls;
use domain::{BatchId, Slot};
use ports::Clock;
use tokio_util::sync::CancellationToken;

use crate::beside::{fetcher_above, taken_in};
use crate::collect::{Collector, Ending, Pace, PastJob, Patience};
use crate::history::{COINS_A_CALL, Currencies, KnownCoin, day_credits, price, windows};
use crate::once::{OnceFailure, publish_all};
use crate::progress::ProgressObserver;
use crate::publish::Publisher;
use crate::spool::{Calls, Manifest};

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
    /// Slots that the fetcher beside it took meanwhile.
    pub taken: usize,
    /// Credits that it cost.
    pub credits: u64,
}

/// Credits that filling gaps costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// When the API answers in all currencies at once.
    pub least: u64,
    /// When it answers in one currency a call, as some plans do; the same where that is not a question.
    pub most: u64,
}

/// Fills gaps when it is asked to.
pub struct Backfiller {
    collector: Collector,
    publisher: Publisher,
    clock: Arc<dyn Clock>,
    settings: config::Fetch,
    /// Calls a minute, once it is known how many the key has.
    pace: OnceLock<Pace>,
}

/// Credits that filling `slots` costs with these settings, when nothing of it is there.
pub fn price_of_past(past: &Past, slots: &BTreeSet<Slot>, settings: &config::Fetch) -> Price {
    let (together, alone) = currencies(settings);
    let price = |currencies| match past {
        Past::Hours(coins) => price(coins.len(), slots, currencies),
        Past::Days => price_of_days(slots.len(), settings, currencies),
    };
    Price { least: price(together), most: price(alone) }
}

/// How the currencies are asked for at best, and at worst.
fn currencies(settings: &config::Fetch) -> (Currencies, Currencies) {
    let (together, alone) =
        (Currencies::together(settings.convert.len()), Currencies::alone(settings.convert.len()));
    match settings.convert_calls {
        ConvertCalls::One => (together, together),
        ConvertCalls::Each => (alone, alone),
        ConvertCalls::Auto => (together, alone),
    }
}

/// Calls that a snapshot takes at most.
fn calls_of_snapshot(settings: &config::Fetch) -> u64 {
    let pages = match settings.ids.len() {
        0 => u64::from(settings.limit.div_ceil(settings.page_size.max(1))),
        ids => (ids as u64).div_ceil(COINS_A_CALL.into()),
    };
    let alone = if settings.convert_calls == ConvertCalls::One { 1 } else { settings.convert.len() as u64 };
    pages.saturating_mul(alone)
}

fn price_of_days(days: usize, settings: &config::Fetch, currencies: Currencies) -> u64 {
    day_credits(settings.limit, settings.page_size, currencies).saturating_mul(days as u64)
}

impl Backfiller {
    pub(crate) fn new(
        collector: Collector,
        publisher: Publisher,
        clock: Arc<dyn Clock>,
        settings: config::Fetch,
    ) -> Self {
        Self { collector, publisher, clock, settings, pace: OnceLock::new() }
    }

    /// Leaves what a snapshot takes of the `minute_limit` of the key to the fetcher beside it.
    pub fn leave_room(&self, minute_limit: u64) {
        self.pace.get_or_init(|| Pace::beside(minute_limit, calls_of_snapshot(&self.settings)));
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
            if is_same && batch.asks_the_same(&self.order(past, batch.slot, batch.calls)) {
                begun.insert(batch.slot);
            } else {
                self.collector.seal(batch).await?;
            }
        }
        publish_all(&self.publisher, &*self.clock, observer, stop).await?;
        Ok((begun, self.collector.past_paid().await?))
    }

    /// The batches of the past that the fetcher beside it paid for or is paying for, and that may not be in the tables.
    pub fn taken_beside(&self) -> BTreeSet<BatchId> {
        fetcher_above(&self.settings.spool).map(|spool| taken_in(&spool)).unwrap_or_default()
    }

    /// Credits that filling `slots` still costs.
    pub async fn price(&self, past: &Past, slots: &BTreeSet<Slot>) -> Result<Price, OnceFailure> {
        let calls = self.collector.past_calls();
        let is_open = self.settings.convert_calls == ConvertCalls::Auto;
        let least = self.price_as(past, slots, calls).await?;
        let most = if is_open { self.price_as(past, slots, Calls::Each).await? } else { least };
        Ok(Price { least, most })
    }

    /// The same where the currencies of what was not begun are asked for as `calls` says.
    async fn price_as(&self, past: &Past, slots: &BTreeSet<Slot>, calls: Calls) -> Result<u64, OnceFailure> {
        match past {
            Past::Hours(coins) => Ok(self.collector.past_price(slots, coins.len(), calls).await?),
            Past::Days => {
                let currencies = self.collector.past_currencies(calls);
                Ok(price_of_days(slots.len(), &self.settings, currencies))
            }
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

    /// Fills `slots`, but for those that the fetcher beside it takes meanwhile, and tells `filled` of how many are in the queue, and what they
    /// cost. What is not finished when it fails is gone on with the next time.
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
        let job = PastJob { coins, patience: Patience::Watched, observer, stop, pace: self.pace.get() };
        let windows = match past {
            Past::Hours(coins) => {
                self.collector.keep_past_coins(coins).await?;
                windows(slots)
            }
            Past::Days => slots.iter().map(|slot| vec![*slot]).collect(),
        };
        let begun = self.collector.past_begun().await?;
        for mut window in windows {
            let (all, taken) = (window.len(), self.taken_beside());
            window.retain(|slot| {
                begun.contains(slot) || !taken.contains(&self.order(past, *slot, Calls::One).batch)
            });
            done.taken += all - window.len();
            if window.is_empty() {
                continue;
            }
            let result = self.fetch(past, job, &window, &mut done.credits).await;
            if let Err(ending) = result {
                self.collector.stop_waiting().await;
                let orders = window.iter().map(|slot| self.order(past, *slot, Calls::One));
                self.collector.forget_empty(orders).await;
                return Err(self.failure(ending, &window).await);
            }
            let calls = self.collector.past_calls_of(&window).await?;
            let orders: Vec<_> = window.iter().map(|slot| self.order(past, *slot, calls)).collect();
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
                while let Some(missing) = self.collector.missing_patiently(job, window).await? {
                    *credits += u64::from(self.collector.ask_hours(job, &missing).await?);
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

    fn order(&self, past: &Past, slot: Slot, calls: Calls) -> Manifest {
        match past {
            Past::Hours(coins) => self.collector.past_order(slot, coins.len(), calls),
            Past::Days => self.collector.day_order(slot, calls),
        }
    }
}
