//! Filling gaps for a person who asked for it, as `coinpipe backfill` does.
//!
//! It has a spool of its own, beside the fetcher's, so that it works while one runs. What was asked for and not finished is gone on
//! with; what was paid for is remembered until the tables know it.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use config::ConvertCalls;
use domain::{BatchId, Slot, endpoint};
use ports::{Clock, Drops};
use tokio_util::sync::CancellationToken;

use crate::beside::{fetcher_above, taken_in};
use crate::collect::{Collector, Ending, Pace, PastJob, Patience};
use crate::history::{COINS_A_CALL, Currencies, PastCoins, day_credits, price, windows};
use crate::once::{OnceFailure, publish_all};
use crate::progress::ProgressObserver;
use crate::publish::Publisher;
use crate::spool::{Calls, Manifest};

/// What part of the past is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Past {
    /// Quotes of these coins at hours.
    Hours(PastCoins),
    /// Listings at the ends of days, of as many coins as the settings say.
    Days,
}

impl Past {
    /// The batch that fills `slot` with it.
    pub fn batch(&self, slot: Slot, convert: &[String]) -> BatchId {
        match self {
            Self::Hours(coins) => coins.batch(slot, convert),
            Self::Days => BatchId::new(slot, endpoint::HISTORY, convert),
        }
    }
}

/// Gaps that were filled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// What is in the queue now.
    pub batches: Vec<BatchId>,
    /// How many coins each of them has, in the same order.
    pub coins: Vec<u64>,
    /// Those of it that the history does not have whole, with what is wrong.
    pub incomplete: Vec<(BatchId, String)>,
    /// Slots that the fetcher beside it took meanwhile.
    pub taken: usize,
    /// Credits that it cost.
    pub credits: u64,
}

/// What earlier runs began and did not finish. Pages of it were paid for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// What can be gone on with.
    pub parts: Vec<(Past, BTreeSet<Slot>)>,
    /// What was asked for of another host, or in other currencies or numbers than the settings say now.
    pub others: Vec<BatchId>,
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
    /// What was dropped and is fetched again.
    dropped: Option<(Arc<dyn Drops>, BTreeSet<BatchId>)>,
    /// What became of these is known to the tables.
    came: OnceLock<BTreeSet<BatchId>>,
}

/// Credits that filling `slots` costs with these settings, when nothing of it is there.
pub fn price_of_past(past: &Past, slots: &BTreeSet<Slot>, settings: &config::Fetch) -> Price {
    let (together, alone) = currencies(settings);
    let price = |currencies| match past {
        Past::Hours(coins) => price(coins.count(), slots, currencies),
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
        Self {
            collector,
            publisher,
            clock,
            settings,
            pace: OnceLock::new(),
            dropped: None,
            came: OnceLock::new(),
        }
    }

    /// Leaves what a snapshot takes of the `minute_limit` of the key to the fetcher beside it.
    pub fn leave_room(&self, minute_limit: u64) {
        self.pace.get_or_init(|| Pace::beside(minute_limit, calls_of_snapshot(&self.settings)));
    }

    /// Lets `batches`, which were dropped, into the tables again when they are fetched anew.
    pub fn let_in(&mut self, drops: Arc<dyn Drops>, batches: BTreeSet<BatchId>) {
        self.dropped = Some((drops, batches));
    }

    /// What earlier runs began and did not finish.
    pub async fn begun(&self) -> Result<Begun, OnceFailure> {
        self.collector.recall_past_price().await?;
        let batches = self.collector.past_unfinished().await?;
        let coins = self.collector.past_coins_of(&batches).await?;
        let mut parts: Vec<(Past, Calls, BTreeSet<Slot>)> = Vec::new();
        let mut others = Vec::new();
        for (batch, coins) in batches.into_iter().zip(coins) {
            let past = if batch.ids.is_empty() { Past::Days } else { Past::Hours(coins) };
            if !batch.asks_the_same(&self.order(&past, batch.slot, batch.calls)) {
                others.push(batch.batch);
                continue;
            }
            let is_alike =
                |(known, calls, _): &&mut (Past, Calls, _)| *known == past && *calls == batch.calls;
            match parts.iter_mut().find(is_alike) {
                Some((_, _, slots)) => _ = slots.insert(batch.slot),
                None => parts.push((past, batch.calls, BTreeSet::from([batch.slot]))),
            }
        }
        let parts = parts.into_iter().map(|(past, _, slots)| (past, slots)).collect();
        Ok(Begun { parts, others })
    }

    /// Gives up what was begun: what came of it is published as incomplete. How many batches it was.
    pub async fn abandon(&self) -> Result<usize, OnceFailure> {
        let batches = self.collector.past_unfinished().await?;
        let count = batches.len();
        for batch in batches {
            self.collector.seal(batch).await?;
        }
        Ok(count)
    }

    /// Publishes what an earlier run fetched whole. Returns the batches that were paid for.
    pub async fn resume(
        &self,
        observer: &dyn ProgressObserver,
        stop: &CancellationToken,
    ) -> Result<BTreeSet<BatchId>, OnceFailure> {
        publish_all(&self.publisher, &*self.clock, observer, stop).await?;
        Ok(self.collector.past_paid().await?)
    }

    /// The batches of the past that the fetcher beside it paid for or is paying for, and that may not be in the tables.
    pub fn taken_beside(&self) -> BTreeSet<BatchId> {
        let came = self.came.get_or_init(BTreeSet::new);
        fetcher_above(&self.settings.spool).map(|spool| taken_in(&spool, came)).unwrap_or_default()
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
        let price = match past {
            Past::Hours(coins) => self.collector.past_price(slots, coins, calls).await?,
            Past::Days => {
                let currencies = self.collector.past_currencies(calls);
                price_of_days(slots.len(), &self.settings, currencies)
            }
        };
        Ok(self.collector.past_price_as_taken(price))
    }

    /// Forgets of the batches that were paid for those that `are_known` to the tables.
    pub async fn forget_paid(&self, are_known: &BTreeSet<BatchId>) -> Result<(), OnceFailure> {
        self.came.get_or_init(|| are_known.clone());
        let paid = self.collector.past_paid().await?;
        let rest: BTreeSet<_> = paid.difference(are_known).cloned().collect();
        if rest != paid {
            self.collector.keep_past_paid(&rest).await?;
        }
        Ok(())
    }

    /// Fills `slots`, the newest first, but for those that the fetcher beside it takes meanwhile, and tells `filled` of how many are in the queue, and what they
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
        let none = PastCoins::default();
        let coins = if let Past::Hours(coins) = past { coins } else { &none };
        let job = PastJob { coins, patience: Patience::Watched, observer, stop, pace: self.pace.get() };
        let windows = match past {
            Past::Hours(coins) => {
                self.collector.keep_past_coins(coins).await?;
                windows(slots)
            }
            Past::Days => slots.iter().map(|slot| vec![*slot]).collect(),
        };
        let begun = self.collector.past_begun().await?;
        // A plan that does not reach so far has the newest.
        for mut window in windows.into_iter().rev() {
            let (all, taken) = (window.len(), self.taken_beside());
            window.retain(|slot| {
                let batch = self.order(past, *slot, Calls::One).batch;
                begun.contains(&batch) || !taken.contains(&batch)
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
            self.readmit(&orders).await?;
            for order in orders {
                let batch = order.batch.clone();
                let pages = self.collector.pages_of(&order).await?;
                done.coins.push(pages.iter().map(|page| u64::from(page.rows)).sum());
                let verdict = self.collector.seal(order).await?;
                done.incomplete.extend(verdict.map(|verdict| (batch, verdict.why)));
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

    /// Lets those of `orders` in again that were dropped.
    async fn readmit(&self, orders: &[Manifest]) -> Result<(), OnceFailure> {
        let Some((drops, batches)) = &self.dropped else { return Ok(()) };
        for batch in orders.iter().map(|order| &order.batch).filter(|batch| batches.contains(batch)) {
            drops.readmit(batch).await.map_err(OnceFailure::Store)?;
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
            Past::Hours(coins) => self.collector.past_order(slot, coins, calls),
            Past::Days => self.collector.day_order(slot, calls),
        }
    }
}
