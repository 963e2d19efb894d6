//! The batches around one that goes: those that may have had the same quotes, or coins that it saw first or last.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use anyhow::bail;
use chrono::{DateTime, Utc};
use domain::{BatchId, MarketKind, endpoint, timestamp};
use ports::store::BatchRecord;
use ports::{Ledger, StoreError};
use service::Stores;

use crate::ledger_pages::LedgerPages;

/// Batches of a series that are rebuilt at most, of those before.
const MOST_BEFORE: usize = 10;

/// The batch, and those around it: in a currency of its own, fetched before and after it.
pub(super) struct Around {
    pub(super) batch: BatchRecord,
    /// The newest first.
    pub(super) before: Vec<Near>,
    /// The oldest first.
    pub(super) after: Vec<Near>,
}

/// A batch, as far as it matters here: there may be many.
#[derive(Clone, Debug)]
pub(super) struct Near {
    pub(super) id: BatchId,
    slot: DateTime<Utc>,
    endpoint: String,
    convert: Vec<String>,
    fetched_at: DateTime<Utc>,
    coins: u64,
}

impl Near {
    /// Of `record`, whose pages were fetched at `pages_fetched_at` at the latest, when that is known.
    fn of(record: &BatchRecord, pages_fetched_at: Option<DateTime<Utc>>) -> Self {
        let slot = record.slot.starts_at();
        Self {
            id: record.id.clone(),
            slot,
            endpoint: record.endpoint.clone(),
            convert: record.convert.clone(),
            // An import is not announced; its pages were fetched when their rows were written.
            fetched_at: record.fetched_at.or(pages_fetched_at).unwrap_or(slot),
            coins: record.coins_in,
        }
    }

    /// Of `record`, which `stores` have.
    async fn of_stored(record: &BatchRecord, stores: &Stores) -> Result<Self, StoreError> {
        let mut pages_fetched_at = None;
        if record.fetched_at.is_none() {
            let lines = stores.proofs.lines_of(std::slice::from_ref(&record.id)).await?;
            pages_fetched_at = lines.iter().filter_map(|line| line.fetched_at).max();
        }
        Ok(Self::of(record, pages_fetched_at))
    }

    /// When its quotes count as fetched, at the latest: those of the history when they were made, before anything that was fetched
    /// live could have them.
    fn counts_from(&self) -> DateTime<Utc> {
        if self.is_history() { self.slot } else { self.fetched_at }
    }

    fn is_history(&self) -> bool {
        self.endpoint == endpoint::HISTORY
    }

    /// Whether both have rows in one table, and in one currency.
    fn shares_with(&self, other: &Self) -> bool {
        self.id != other.id
            && MarketKind::of_endpoint(&self.endpoint) == MarketKind::of_endpoint(&other.endpoint)
            && self.convert.iter().any(|currency| other.convert.contains(currency))
    }

    /// Whether it comes before `batch`. Two of the history by their slots, and any other two by their fetches: those tell what coins
    /// were called, and when they were seen.
    fn is_before(&self, batch: &Self) -> bool {
        match (self.is_history(), batch.is_history()) {
            (true, false) => self.slot <= batch.slot,
            (true, true) => self.slot < batch.slot,
            (false, _) => self.fetched_at < batch.fetched_at,
        }
    }
}

impl Around {
    /// Of the batch `id` in `stores`.
    pub(super) async fn of(id: &BatchId, stores: &Stores) -> anyhow::Result<Self> {
        let ledger = &*stores.ledger;
        let Some(batch) = ledger.batch(id).await? else {
            bail!("there is no batch {id}{}", nearest(id, ledger).await?);
        };
        let own = Near::of_stored(&batch, stores).await?;
        let mut near = Vec::new();
        let mut pages = LedgerPages::of(ledger);
        loop {
            let records = pages.next().await?;
            if records.is_empty() {
                break;
            }
            for record in records.iter().filter(|record| record.dropped.is_none() && record.coins_in > 0) {
                if Near::of(record, None).shares_with(&own) {
                    near.push(Near::of_stored(record, stores).await?);
                }
            }
        }
        let (before, after) = around(&own, near);
        Ok(Self { batch, before, after })
    }

    /// Those that are rebuilt.
    pub(super) fn neighbours(&self) -> Vec<BatchId> {
        self.before.iter().chain(&self.after).map(|near| near.id.clone()).collect()
    }

    /// Until when an earlier batch can have had a quote of this one. `None`: there is no earlier one.
    pub(super) fn shared_until(&self) -> Option<DateTime<Utc>> {
        let is_history = self.batch.endpoint == endpoint::HISTORY;
        // What the history has, and was fetched live as well, names the live one.
        let others = self.before.iter().filter(|near| near.is_history() || !is_history);
        others.map(Near::counts_from).max()
    }
}

/// Those of `near` that are rebuilt, before `batch` and after it.
fn around(batch: &Near, near: Vec<Near>) -> (Vec<Near>, Vec<Near>) {
    let (mut before, mut after): (Vec<_>, Vec<_>) = near.into_iter().partition(|near| near.is_before(batch));
    before.sort_by_key(|near| Reverse(near.counts_from()));
    after.sort_by_key(Near::counts_from);
    (nearest_of_each(before, batch.coins, MOST_BEFORE), nearest_of_each(after, batch.coins, 1))
}

/// Of each series of `near` (an endpoint in some currencies) the first ones, up to one that had about as many `coins`: a smaller one
/// cannot bring back what a larger one before it had.
fn nearest_of_each(near: Vec<Near>, coins: u64, at_most: usize) -> Vec<Near> {
    let mut taken: BTreeMap<(String, Vec<String>), usize> = BTreeMap::new();
    let mut nearest = Vec::new();
    for one in near {
        let taken = taken.entry((one.endpoint.clone(), one.convert.clone())).or_default();
        let is_whole = one.coins >= coins - coins / 10;
        if *taken < at_most {
            nearest.push(one);
        }
        *taken += if is_whole { at_most } else { 1 };
    }
    nearest
}

/// The batches of the slots nearest to that of `id`, in words.
async fn nearest(id: &BatchId, ledger: &dyn Ledger) -> anyhow::Result<String> {
    let slot = id.as_str().split('/').next().and_then(timestamp::from_text).unwrap_or_default();
    let mut nearest: Vec<(DateTime<Utc>, BatchId)> = Vec::new();
    let mut pages = LedgerPages::of(ledger);
    loop {
        let records = pages.next().await?;
        if records.is_empty() {
            break;
        }
        nearest.extend(records.iter().map(|record| (record.slot.starts_at(), record.id.clone())));
        nearest.sort_by_key(|(at, _)| (*at - slot).abs());
        nearest.truncate(3);
    }
    let ids: Vec<_> = nearest.iter().map(|(_, id)| id.as_str()).collect();
    Ok(if ids.is_empty() { String::new() } else { format!("; the nearest: {}", ids.join(", ")) })
}

#[cfg(test)]
mod tests {
    use domain::Slot;

    use super::*;

    fn hour(hour: i64) -> DateTime<Utc> {
        timestamp::from_text("2026-11-22T00:00:00Z").unwrap() + chrono::TimeDelta::hours(hour)
    }

    /// A batch that was due at one hour and fetched at another.
    fn of(endpoint: &str, due: i64, fetched: i64) -> Near {
        let convert = vec!["USD".to_owned()];
        Near {
            id: BatchId::new(Slot::at(hour(due)), endpoint, &convert),
            slot: hour(due),
            endpoint: endpoint.to_owned(),
            convert,
            fetched_at: hour(fetched),
            coins: 100,
        }
    }

    fn check(batch: &Near, others: &[Near], before: &[usize], after: &[usize]) {
        let found = around(batch, others.iter().filter(|near| near.shares_with(batch)).cloned().collect());
        let ids = |near: &[Near]| near.iter().map(|near| near.id.clone()).collect::<Vec<_>>();
        let expected = |places: &[usize]| places.iter().map(|at| others[*at].id.clone()).collect::<Vec<_>>();
        assert_eq!((ids(&found.0), ids(&found.1)), (expected(before), expected(after)), "{batch:?}");
    }

    /// An hour of ten days ago that was filled today: what coins are called is told by the snapshots fetched around today, and the
    /// same quotes are in the hours around it.
    #[test]
    fn a_batch_of_the_history_is_between_snapshots_by_its_fetch_and_between_hours_by_its_slot() {
        let others = [
            of("listings", -240, -240),
            of("listings", -239, -239),
            of("listings", -1, -1),
            of("listings", 1, 1),
            of("history", -241, 0),
            of("history", -239, 0),
        ];
        check(&of("history", -240, 0), &others, &[2, 4], &[5, 3]);
        // Of a snapshot those hours are before it that could have had its quotes, whenever they were fetched.
        check(&of("listings", -240, -240), &[of("history", -240, 0), of("history", -250, 0)], &[0], &[]);
    }

    /// Rows of another table come from elsewhere, also when they are in no currency, like these.
    #[test]
    fn a_kind_of_the_market_has_neighbours_of_its_own() {
        let others = [of("map", 0, 0), of("cmc100", 1, 1), of("listings", 1, 1), of("cmc100", 3, 3)];
        check(&of("cmc100", 2, 2), &others, &[1], &[3]);
        check(&of("global", 2, 2), &others, &[], &[]);
        check(&of("listings", 2, 2), &others, &[2], &[]);
    }

    #[test]
    fn an_import_counts_by_when_its_rows_were_written() {
        let import = of("legacy-coins", 50, -100);
        check(&import, &[of("listings", 0, 0), of("listings", 49, 49)], &[], &[0]);
        check(&of("listings", 0, 0), &[import], &[0], &[]);
    }
}
