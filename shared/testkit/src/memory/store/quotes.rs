//! Coins and quotes: the rules of [`Store`](ports::Store), one quote after the other.
//!
//! The other stores are compared with this one, so it decides by itself which quote is newer, and shares no code for that
//! with them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Coin, CoinRow, Measure, Quote, timestamp};

use super::MemoryStore;
use crate::tables::{CoinEntry, IdentityEntry, QuoteEntry, Tables};
use ports::store::{Freshness, ListedCoin, Loaded, Quotes, Refused, StoreError, TopCoin, Totals};

/// (symbol, name, slug) and whose.
type Identity = (u32, String, String, String);

/// The four tables about coins.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) coins: BTreeMap<u32, CoinEntry>,
    pub(super) identities: BTreeMap<Identity, IdentityEntry>,
    pub(super) latest: BTreeMap<(u32, String), QuoteEntry>,
    pub(super) history: BTreeMap<(u32, String, DateTime<Utc>), QuoteEntry>,
}

/// What a chunk has brought so far.
#[derive(Default)]
struct SeenInChunk {
    /// All quotes, by the key of `quotes_history`.
    quotes: BTreeSet<(u32, String, DateTime<Utc>)>,
    /// The quotes that entered `quotes_latest`, by its key.
    written: BTreeSet<(u32, String)>,
}

impl Rows {
    pub(super) fn load(&mut self, chunk: &Chunk) -> Loaded {
        let mut loaded = Loaded::default();
        let fetched_at = timestamp::to_millis(chunk.page.fetched_at);
        let mut described = BTreeSet::new();
        let mut seen = SeenInChunk::default();
        for CoinRow { coin, quotes } in chunk.rows.iter().filter(|row| !row.quotes.is_empty()) {
            if coin.id == 0 {
                let no_id = Refused { coin_id: 0, reason: "coin ids start at 1".to_owned() };
                loaded.refused.extend(quotes.iter().map(|_| no_id.clone()));
                continue;
            }
            // When the chunk repeats a coin, the first description stays.
            if described.insert(coin.id) {
                self.describe(coin, fetched_at, chunk.is_rebuild());
            }
            self.identify(coin, fetched_at);
            for quote in quotes {
                let quote = Quote { last_updated: timestamp::to_millis(quote.last_updated), ..quote.clone() };
                let batch = chunk.page.batch.clone();
                // A quote of the history counts as no later than it changed: no live one of the same key was fetched before.
                let fetched_at = if chunk.page.endpoint == "history" {
                    fetched_at.min(quote.last_updated)
                } else {
                    fetched_at
                };
                let entry = QuoteEntry { coin_id: coin.id, quote, fetched_at, batch };
                let oldest = loaded.oldest_quote_at.into_iter().chain([entry.quote.last_updated]).min();
                loaded.oldest_quote_at = oldest;
                loaded.newest_quote_at = loaded.newest_quote_at.max(Some(entry.quote.last_updated));
                self.add_to_history(&entry, chunk.is_rebuild(), &mut seen);
                self.add_to_latest(entry, chunk.is_rebuild(), &mut seen, &mut loaded);
            }
        }
        loaded
    }

    fn add_to_history(&mut self, entry: &QuoteEntry, is_rebuild: bool, seen: &mut SeenInChunk) {
        let key = (entry.coin_id, entry.quote.currency.clone(), entry.quote.last_updated);
        // When the chunk repeats a quote, the first stays.
        if !seen.quotes.insert(key.clone()) {
            return;
        }
        let held = self.history.get(&key);
        if held.is_none_or(|held| is_later(entry.fetched_at, held.fetched_at, is_rebuild)) {
            let quote = entry.quote.clone().kept_in_history();
            self.history.insert(key, QuoteEntry { quote, ..entry.clone() });
        }
    }

    fn add_to_latest(
        &mut self,
        entry: QuoteEntry,
        is_rebuild: bool,
        seen: &mut SeenInChunk,
        loaded: &mut Loaded,
    ) {
        let key = (entry.coin_id, entry.quote.currency.clone());
        let held = self.latest.get(&key);
        let is_newer = held.is_none_or(|held| match entry.quote.last_updated.cmp(&held.quote.last_updated) {
            Ordering::Less => false,
            Ordering::Greater => true,
            // A rebuild replaces what an earlier chunk wrote, and not what it wrote itself.
            Ordering::Equal => {
                is_later(entry.fetched_at, held.fetched_at, is_rebuild && !seen.written.contains(&key))
            }
        });
        match held.map(|held| &held.quote) {
            Some(held) if entry.quote.last_updated < held.last_updated => loaded.stale += 1,
            Some(held) if !is_newer || says_the_same(&entry.quote, held) => loaded.unchanged += 1,
            _ => loaded.written += 1,
        }
        if is_newer {
            loaded.newest_fetch_at = Some(entry.fetched_at);
            seen.written.insert(key.clone());
            self.latest.insert(key, entry);
        }
    }

    /// What falls back to an older quote when `batch` goes, which stood in `before`: it does not have what the history does not keep, now
    /// or since an earlier drop. How many quotes fell back.
    pub(super) fn fall_back(&mut self, before: &[QuoteEntry], batch: &BatchId) -> u64 {
        let mut fell_back = 0;
        for held in before {
            let key = (held.coin_id, held.quote.currency.clone());
            let Some(entry) = self.latest.get_mut(&key) else { continue };
            if held.batch == *batch {
                fell_back += 1;
                for measure in Measure::ALL.into_iter().filter(|measure| !measure.is_in_history()) {
                    entry.quote.numbers[measure as usize] = None;
                    entry.quote.missing.insert(measure);
                }
            } else if (&held.batch, held.fetched_at, held.quote.last_updated)
                == (&entry.batch, entry.fetched_at, entry.quote.last_updated)
            {
                *entry = held.clone();
            }
        }
        fell_back
    }

    pub(super) fn prune_history(&mut self, before: DateTime<Utc>, limit: u32) -> u64 {
        let old = self.history.keys().filter(|(.., last_updated)| *last_updated < before);
        let mut old: Vec<_> = old.cloned().collect();
        old.sort_by_key(|(.., last_updated)| *last_updated);
        old.truncate(limit as usize);
        for key in &old {
            self.history.remove(key);
        }
        old.len() as u64
    }

    fn describe(&mut self, coin: &Coin, at: DateTime<Utc>, is_rebuild: bool) {
        let new = CoinEntry { coin: stored(coin), first_seen_at: at, last_seen_at: at };
        let held = self.coins.entry(coin.id).or_insert_with(|| new.clone());
        if is_later(at, held.last_seen_at, is_rebuild) {
            held.coin = new.coin;
            held.last_seen_at = at;
        }
        held.first_seen_at = held.first_seen_at.min(at);
    }

    fn identify(&mut self, coin: &Coin, at: DateTime<Utc>) {
        let key = (coin.id, coin.symbol.clone(), coin.name.clone(), coin.slug.clone());
        let held = self.identities.entry(key).or_insert_with(|| IdentityEntry {
            coin_id: coin.id,
            symbol: coin.symbol.clone(),
            name: coin.name.clone(),
            slug: coin.slug.clone(),
            first_seen_at: at,
            last_seen_at: at,
        });
        held.first_seen_at = held.first_seen_at.min(at);
        held.last_seen_at = held.last_seen_at.max(at);
    }

    /// The quotes in `currency` that the newest snapshot with any holds.
    fn newest_in(&self, currency: &str) -> impl Iterator<Item = &QuoteEntry> {
        let of_currency = move || self.latest.values().filter(move |entry| entry.quote.currency == currency);
        let newest = of_currency().max_by_key(|entry| entry.fetched_at).map(|entry| &entry.batch);
        of_currency().filter(move |entry| Some(&entry.batch) == newest)
    }

    pub(super) fn tables(&self) -> Tables {
        Tables {
            coins: self.coins.values().cloned().collect(),
            identities: self.identities.values().cloned().collect(),
            latest: self.latest.values().cloned().collect(),
            history: self.history.values().cloned().collect(),
        }
    }
}

/// Whether two quotes have one instant and the same numbers, bit for bit, of which the same were not sent.
fn says_the_same(one: &Quote, other: &Quote) -> bool {
    let bits = |quote: &Quote| Measure::ALL.map(|measure| quote.get(measure).map(f64::to_bits));
    one.last_updated == other.last_updated && one.missing == other.missing && bits(one) == bits(other)
}

/// Whether what was fetched at `new` takes the place of what was fetched at `held`.
fn is_later(new: DateTime<Utc>, held: DateTime<Utc>, is_rebuild: bool) -> bool {
    new > held || new == held && is_rebuild
}

/// `coin` as a table holds it: instants in whole milliseconds.
fn stored(coin: &Coin) -> Coin {
    Coin { date_added: coin.date_added.map(timestamp::to_millis), ..coin.clone() }
}

#[async_trait]
impl Quotes for MemoryStore {
    async fn freshness(&self) -> Result<Freshness, StoreError> {
        Ok(self.state()?.ledger.freshness())
    }

    async fn newest_in(
        &self,
        currency: &str,
        since: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let state = self.state()?;
        let quotes = state
            .rows
            .history
            .keys()
            .filter(|(_, of, last_updated)| of == currency && *last_updated >= since);
        Ok(quotes.map(|(.., last_updated)| *last_updated).max())
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        let Tables { coins, latest, history, .. } = self.state()?.rows.tables();
        Ok(Totals {
            coins: coins.len() as u64,
            quotes_latest: latest.len() as u64,
            quotes_history: history.len() as u64,
        })
    }

    async fn top(&self, currency: &str, limit: u32) -> Result<Vec<TopCoin>, StoreError> {
        let state = self.state()?;
        let quotes = state.rows.newest_in(currency);
        let lines =
            quotes.map(|entry| (entry.coin_id, line(&state.rows.coins[&entry.coin_id].coin, &entry.quote)));
        let mut lines: Vec<_> = lines.collect();
        lines.sort_by_key(|(coin_id, line)| (line.rank.is_none(), line.rank, *coin_id));
        lines.truncate(limit as usize);
        Ok(lines.into_iter().map(|(_, line)| line).collect())
    }

    async fn listed(&self, currency: &str) -> Result<Vec<ListedCoin>, StoreError> {
        let state = self.state()?;
        let listed = state.rows.newest_in(currency).map(|entry| {
            let coin = &state.rows.coins[&entry.coin_id].coin;
            ListedCoin {
                id: coin.id,
                symbol: coin.symbol.clone(),
                name: coin.name.clone(),
                slug: coin.slug.clone(),
                fetched_at: entry.fetched_at,
                last_updated: entry.quote.last_updated,
            }
        });
        Ok(listed.collect())
    }
}

fn line(coin: &Coin, quote: &Quote) -> TopCoin {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "ranks are whole and fit u32"
    )]
    let rank = quote.get(Measure::CmcRank).map(|rank| rank as u32);
    TopCoin {
        rank,
        name: coin.name.clone(),
        symbol: coin.symbol.clone(),
        currency: quote.currency.clone(),
        price: quote.get(Measure::Price),
        percent_change_1h: quote.get(Measure::PercentChange1h),
        percent_change_24h: quote.get(Measure::PercentChange24h),
        percent_change_7d: quote.get(Measure::PercentChange7d),
        market_cap: quote.get(Measure::MarketCap),
        last_updated: quote.last_updated,
    }
}
