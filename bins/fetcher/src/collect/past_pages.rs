//! Which parts of the past are in the spool, and which are missing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{ApiVersion, BatchId, Headers, Slot, endpoint};

use tracing::debug;

use super::{Collector, Spare};
use crate::beside::{backfill_below, taken_in};
use crate::history::{
    COINS_A_CALL, Currencies, KnownCoin, PastCoins, coins_from_json, coins_to_json, paid_from_json,
    paid_to_json, price, windows,
};
use crate::spool::{Calls, ClaimState, Manifest, PageRecord, Spool, SpoolError, blocking};

/// A call that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// The number of a page that the batches of `slots` do not have.
    pub(crate) page: u32,
    /// Hours that follow one another.
    pub(crate) slots: Vec<Slot>,
    /// How the currencies of these batches are asked for.
    pub(crate) calls: Calls,
}

impl Collector {
    /// What is asked for to fill `slot`: hours of these coins, a hundred a page, and the currencies as `calls` says.
    pub(crate) fn past_order(&self, slot: Slot, coins: &PastCoins, calls: Calls) -> Manifest {
        let convert = self.settings.convert.clone();
        Manifest {
            batch: coins.batch(slot, &convert),
            slot,
            endpoint: endpoint::HISTORY.to_owned(),
            api_version: ApiVersion::V1,
            convert,
            calls,
            limit: u32::try_from(coins.count()).unwrap_or(u32::MAX).max(1),
            page_size: COINS_A_CALL,
            ids: coins.ids(),
            host: self.client.host().to_owned(),
            pages: None,
            trace: Headers::new(),
            claim: ClaimState::Claimed,
            verdict: None,
        }
    }

    /// What is asked for to fill `slot`, a midnight, with the listing of the day before.
    pub(crate) fn day_order(&self, slot: Slot, calls: Calls) -> Manifest {
        let (limit, page_size) = (self.settings.limit, self.settings.page_size);
        Manifest { limit, page_size, ..self.past_order(slot, &PastCoins::default(), calls) }
    }

    /// The unfinished batches of the past in the spool.
    pub(crate) async fn past_unfinished(&self) -> Result<Vec<Manifest>, SpoolError> {
        let mut batches = self.batches().await?;
        batches.retain(|batch| batch.is_history() && batch.pages.is_none());
        Ok(batches)
    }

    /// Their ids.
    pub(crate) async fn past_begun(&self) -> Result<BTreeSet<BatchId>, SpoolError> {
        Ok(self.past_unfinished().await?.into_iter().map(|batch| batch.batch).collect())
    }

    /// The next call to make for `window`; `None` when all of its batches have all pages.
    pub(crate) async fn past_missing(
        &self,
        window: &[Slot],
        coins: &PastCoins,
    ) -> Result<Option<Missing>, SpoolError> {
        let Some(first) = window.first() else { return Ok(None) };
        let calls = self.past_calls_of(window).await?;
        let pages = self.past_order(*first, coins, calls).pages_in_all();
        let mut there = Vec::with_capacity(window.len());
        for slot in window {
            let found = self.pages_of(&self.past_order(*slot, coins, calls)).await?;
            there.push((*slot, found.iter().map(|page| page.page).collect::<BTreeSet<_>>()));
        }
        let missing = |page: u32| -> Vec<Slot> {
            there.iter().filter(|(_, pages)| !pages.contains(&page)).map(|(slot, _)| *slot).collect()
        };
        let next = (1..=pages).map(|page| (page, missing(page))).find(|(_, slots)| !slots.is_empty());
        // What lies between is there already.
        Ok(next.map(|(page, slots)| {
            let slots = windows(&slots.into_iter().collect()).into_iter().next().unwrap_or_default();
            Missing { page, slots, calls }
        }))
    }

    /// Credits that filling `slots` still costs, as far as what is in the spool tells, when the currencies of what was not begun are asked
    /// for as `calls` says.
    pub(crate) async fn past_price(
        &self,
        slots: &BTreeSet<Slot>,
        coins: &PastCoins,
        calls: Calls,
    ) -> Result<u64, SpoolError> {
        let begun = self.past_begun().await?;
        let (new, begun): (BTreeSet<Slot>, BTreeSet<Slot>) =
            slots.iter().partition(|slot| !begun.contains(&coins.batch(**slot, &self.settings.convert)));
        let (Some(first), false) = (slots.first(), begun.is_empty()) else {
            return Ok(price(coins.count(), &new, self.past_currencies(calls)));
        };
        let calls = self.past_calls_of(&begun.iter().copied().collect::<Vec<_>>()).await?;
        // Each page that is missing is a call, in one currency or in all.
        let pages = self.past_order(*first, coins, calls).pages_in_all();
        let mut missing: Vec<BTreeSet<Slot>> = (0..pages).map(|_| BTreeSet::new()).collect();
        for slot in slots {
            let found = self.pages_of(&self.past_order(*slot, coins, calls)).await?;
            for (page, missing) in (1..).zip(&mut missing) {
                if found.iter().all(|found| found.page != page) {
                    missing.insert(*slot);
                }
            }
        }
        let of_page = |(page, slots): (u32, BTreeSet<Slot>)| {
            self.price_of_call(&Missing { page, slots: slots.into_iter().collect(), calls }, coins)
        };
        Ok((1..).zip(missing).map(of_page).sum())
    }

    /// Credits that a call costs, or several when the slots do not follow one another, of so many `coins` in all.
    pub(crate) fn price_of_call(&self, missing: &Missing, coins: &PastCoins) -> u64 {
        let Missing { page, slots, calls } = missing;
        let Some(first) = slots.first() else { return 0 };
        let order = self.past_order(*first, coins, *calls);
        let (_, asked) = order.range(*page);
        let currencies = Currencies::together(order.currencies(*page).len());
        price(asked as usize, &slots.iter().copied().collect(), currencies)
    }

    /// The pages of the batch of `order` that are in the spool.
    pub(crate) async fn pages_of(&self, order: &Manifest) -> Result<Vec<PageRecord>, SpoolError> {
        let batch = order.batch.clone();
        let found = blocking(&self.spool, move |spool| spool.list_pages(&batch)).await?;
        let (pages, trouble) = self.incidents.report_found(found).await;
        trouble.map_or(Ok(pages), Err)
    }

    /// Removes those of the batches of `orders` of which nothing came: it makes no sense to go on with them.
    pub(crate) async fn forget_empty(&self, orders: impl Iterator<Item = Manifest>) {
        for order in orders {
            if self.pages_of(&order).await.is_ok_and(|pages| pages.is_empty())
                && let Err(error) = self.forget(&order.batch).await
            {
                debug!("cannot clear up in the spool: {}", telemetry::error_chain(&error));
            }
        }
    }

    /// Seals the begun batches of the past but for those of the slots `in_work`, so that they are published as far as they came.
    pub(crate) async fn seal_begun(&self, in_work: &[Slot]) {
        match self.batches().await {
            Ok(batches) => {
                let is_over = |batch: &Manifest| {
                    batch.is_history() && batch.pages.is_none() && !in_work.contains(&batch.slot)
                };
                for batch in batches.into_iter().filter(is_over) {
                    self.seal_soon(batch).await;
                }
            }
            // The next term looks again.
            Err(error) => debug!("cannot look into the spool: {}", telemetry::error_chain(&error)),
        }
    }

    /// The source and the currencies whose gaps are filled.
    pub(crate) fn past_source(&self) -> String {
        format!("{} {}", self.client.host(), self.settings.convert.join(","))
    }

    /// What can be spent without taking anything from the snapshots to come. Asks the API when that is not known.
    pub(crate) async fn spare_credits(&self) -> Spare {
        self.credits.know(&self.client).await;
        self.credits.spare()
    }

    /// The plan's month, by its end.
    pub(crate) fn credits_month(&self) -> String {
        self.credits.current_month()
    }

    /// Batches that were paid for and published.
    pub(crate) async fn past_paid(&self) -> Result<BTreeSet<BatchId>, SpoolError> {
        Ok(paid_from_json(&blocking(&self.spool, Spool::past_paid).await?))
    }

    /// Keeps which batches were paid for.
    pub(crate) async fn keep_past_paid(&self, batches: &BTreeSet<BatchId>) -> Result<(), SpoolError> {
        let json = paid_to_json(batches);
        blocking(&self.spool, move |spool| spool.put_past_paid(&json)).await
    }

    /// Notes that the batches of `window` are paid for, until the tables know them: somebody on this machine may want to fill the same gap.
    pub(crate) async fn note_paid(&self, window: &[Slot], coins: &PastCoins) {
        let batches = window.iter().map(|slot| coins.batch(*slot, &self.settings.convert));
        let keep = async || {
            let mut paid = self.past_paid().await?;
            paid.extend(batches.clone());
            self.keep_past_paid(&paid).await
        };
        if let Err(error) = keep().await {
            debug!("cannot note what was paid for: {}", telemetry::error_chain(&error));
        }
    }

    /// The tables know these batches.
    pub(crate) async fn forget_paid(&self, known: &BTreeSet<BatchId>) {
        let forget = async || {
            let paid = self.past_paid().await?;
            let rest: BTreeSet<_> = paid.difference(known).cloned().collect();
            if rest == paid { Ok(()) } else { self.keep_past_paid(&rest).await }
        };
        if let Err(error) = forget().await {
            debug!("cannot forget what was paid for: {}", telemetry::error_chain(&error));
        }
    }

    /// The batches that a person on this machine paid for or is paying for, and that may not be in the tables.
    pub(crate) fn taken_by_hand(&self) -> BTreeSet<BatchId> {
        taken_in(&backfill_below(&self.settings.spool), &BTreeSet::new())
    }

    /// Keeps what the coins that are asked for are called, beside those of what is begun: the manifests have their ids.
    pub(crate) async fn keep_past_coins(&self, coins: &PastCoins) -> Result<(), SpoolError> {
        let mut named: BTreeMap<u32, KnownCoin> = BTreeMap::new();
        if !self.past_begun().await?.is_empty() {
            named.extend(self.past_coins().await?.into_iter().map(|coin| (coin.id, coin)));
        }
        named.extend(coins.coins().iter().map(|coin| (coin.id, coin.clone())));
        let json = coins_to_json(&named.into_values().collect::<Vec<_>>());
        blocking(&self.spool, move |spool| spool.put_past_coins(&json)).await
    }

    /// The coins that each of `batches`, which are of hours, was begun with.
    pub(crate) async fn past_coins_of(&self, batches: &[Manifest]) -> Result<Vec<PastCoins>, SpoolError> {
        let slugs: HashMap<u32, String> =
            self.past_coins().await?.into_iter().map(|coin| (coin.id, coin.slug)).collect();
        let coin = |id: &u32| KnownCoin { id: *id, slug: slugs.get(id).cloned().unwrap_or_default() };
        let coins = batches.iter().map(|batch| {
            let coins = batch.ids.iter().map(coin).collect();
            let is_named = batch.batch.coins_named().is_some();
            if is_named { PastCoins::some(coins) } else { PastCoins::all(coins) }
        });
        Ok(coins.collect())
    }

    /// The coins that the slots of `window` were begun with, if they were.
    pub(crate) async fn past_coins_in(&self, window: &[Slot]) -> Result<Option<PastCoins>, SpoolError> {
        let mut begun = self.past_unfinished().await?;
        begun.retain(|batch| window.contains(&batch.slot) && !batch.ids.is_empty());
        begun.truncate(1);
        Ok(self.past_coins_of(&begun).await?.pop())
    }

    async fn past_coins(&self) -> Result<Vec<KnownCoin>, SpoolError> {
        let json = blocking(&self.spool, Spool::past_coins).await?;
        Ok(coins_from_json(&json).unwrap_or_default())
    }
}
