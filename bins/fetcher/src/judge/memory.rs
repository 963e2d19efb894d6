//! What is remembered of the snapshots before: so little that it fits into the leaders' note.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{Measure, timestamp};
use serde::{Deserialize, Serialize};

use super::Page;
use super::map_memory::RememberedMap;
use crate::spool::Manifest;

/// Coins that are remembered, from the best ranked: their quotes change all the time.
const COINS: usize = 300;

/// The newest snapshot, and the one whose prices are believed when those of the newest are not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(super) newest: Option<Remembered>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) believed: Option<Remembered>,
    /// How many snapshots up to the newest, none of them believed, agree with the one before them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) agreeing: u32,
    /// The newest map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) map: Option<RememberedMap>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A snapshot, as far as later ones are compared with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    batch: String,
    host: String,
    simulated: bool,
    currency: String,
    limit: u32,
    /// A checksum of the ids that were asked for; 0 when it was by rank.
    #[serde(default, skip_serializing_if = "is_zero")]
    ids: u32,
    fetched_at: String,
    /// Coins that came, each counted once.
    pub(super) coins: usize,
    /// How many of them have each measure.
    pub(super) filled: Vec<usize>,
    /// Of the first coins the id, the price, and when it changed, in seconds since 1970.
    sample: Vec<(u32, f32, i64)>,
}

impl Memory {
    /// What `json` says; nothing when it is not ours.
    pub(crate) fn from_json(json: &[u8]) -> Self {
        serde_json::from_slice(json).unwrap_or_default()
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers are JSON")
    }

    /// Whether it knows a later snapshot than `other`.
    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        let fetched_at = |memory: &Self| memory.newest.as_ref().map(|newest| newest.fetched_at.clone());
        fetched_at(self) > fetched_at(other)
    }

    /// Remembers `snapshot`. When its prices are doubted, it says how many snapshots up to it agree with the one before them.
    pub(super) fn then(self, snapshot: Remembered, doubted: Option<u32>) -> Self {
        let believed = doubted.and_then(|_| self.believed.or(self.newest));
        Self { newest: Some(snapshot), believed, agreeing: doubted.unwrap_or_default(), map: self.map }
    }

    /// The snapshot before `now`, when that asked the same of the same.
    pub(super) fn before(&self, now: &Remembered) -> Option<&Remembered> {
        self.newest.as_ref().filter(|before| before.is_before(now))
    }

    /// The newest snapshot before `now` whose prices are believed.
    pub(super) fn believed(&self, now: &Remembered) -> Option<&Remembered> {
        self.believed.as_ref().or(self.newest.as_ref()).filter(|before| before.is_before(now))
    }
}

impl Remembered {
    /// The snapshot that `pages` are, in their order. `None` without a coin that can be told from others: later snapshots cannot be
    /// held against it.
    pub(super) fn of(order: &Manifest, pages: &[Page<'_>]) -> Option<Self> {
        let fetched_at = pages.iter().map(|page| page.record.fetched_at).max()?;
        let mut seen = HashMap::new();
        let in_first = pages.iter().filter(|page| order.is_in_first(page.record.page));
        for coin in in_first.flat_map(|page| &page.summary.coins) {
            let place = seen.len();
            if let Some(id) = coin.id {
                seen.entry(id).or_insert((place, coin));
            }
        }
        if seen.is_empty() {
            return None;
        }
        let mut coins: Vec<_> = seen.into_iter().map(|(id, (place, coin))| (place, id, coin)).collect();
        coins.sort_unstable_by_key(|(place, ..)| *place);
        let has = |measure: Measure| {
            coins.iter().filter(|(_, _, coin)| coin.filled & (1 << (measure as u32)) != 0).count()
        };
        let sample = coins.iter().filter_map(|(_, id, coin)| {
            #[expect(clippy::cast_possible_truncation, reason = "compared roughly")]
            let price = coin.price? as f32;
            // What is too large or too small for it is compared with nothing: JSON has no infinity.
            (price.is_finite() && price > 0.0).then_some(())?;
            Some((*id, price, coin.updated_at?.timestamp()))
        });
        Some(Self {
            batch: order.batch.to_string(),
            host: order.host.clone(),
            simulated: pages.iter().any(|page| page.record.simulated),
            currency: order.convert.first().cloned().unwrap_or_default(),
            limit: order.limit,
            ids: checksum(&order.ids),
            fetched_at: timestamp::to_text(fetched_at),
            coins: coins.len(),
            filled: Measure::ALL.map(has).to_vec(),
            sample: sample.take(COINS).collect(),
        })
    }

    /// Whether it can be compared with `now`, a later one: the same was asked of the same source.
    fn is_before(&self, now: &Self) -> bool {
        let what = |one: &Self| (one.host.clone(), one.simulated, one.currency.clone(), one.limit, one.ids);
        self.batch != now.batch && what(self) == what(now)
    }

    /// When its last page was fetched.
    pub(super) fn fetched_at(&self) -> Option<DateTime<Utc>> {
        timestamp::from_text(&self.fetched_at)
    }

    /// The coins that both have.
    pub(super) fn common<'a>(&'a self, other: &'a Self) -> Vec<Pair> {
        let before: HashMap<_, _> = self.sample.iter().map(|&(id, price, at)| (id, (price, at))).collect();
        let pairs = other.sample.iter().filter_map(|(id, price, at)| {
            let (price_before, at_before) = before.get(id)?;
            Some(Pair { factor: f64::from(*price) / f64::from(*price_before), has_moved: at > at_before })
        });
        pairs.collect()
    }
}

fn checksum(ids: &[u32]) -> u32 {
    if ids.is_empty() {
        return 0;
    }
    let bytes: Vec<_> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    domain::wire::crc32c(&bytes)
}

/// A coin in two snapshots.
pub(super) struct Pair {
    /// How many times as high as before the price is.
    pub(super) factor: f64,
    /// Whether its quote is a newer one.
    pub(super) has_moved: bool,
}
