//! Coins and quotes: the rules of [`Store`](crate::Store), one quote after the other.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Chunk, Coin, CoinRow, Measure, Quote, timestamp};

use super::{CoinEntry, IdentityEntry, MemoryStore, QuoteEntry, Tables};
use crate::judgement::{Judgement, Verdict, judge};
use crate::store::{Loaded, Quotes, Refused, StoreError, TopCoin, Totals};

/// (symbol, name, slug) and whose.
type Identity = (u32, String, String, String);

/// The four tables about coins.
#[derive(Default)]
pub(super) struct Rows {
    coins: BTreeMap<u32, CoinEntry>,
    identities: BTreeMap<Identity, IdentityEntry>,
    latest: BTreeMap<(u32, String), QuoteEntry>,
    history: BTreeMap<(u32, String, DateTime<Utc>), QuoteEntry>,
}

impl Rows {
    pub(super) fn load(&mut self, chunk: &Chunk) -> Loaded {
        let mut loaded = Loaded::default();
        let fetched_at = timestamp::to_millis(chunk.page.fetched_at);
        for CoinRow { coin, quotes } in &chunk.rows {
            if coin.id == 0 {
                let refused = Refused { coin_id: 0, reason: "coin ids start at 1".to_owned() };
                loaded.refused.extend(quotes.iter().map(|_| refused.clone()));
                continue;
            }
            self.describe(coin, fetched_at);
            self.identify(coin, fetched_at);
            for quote in quotes {
                let entry = QuoteEntry {
                    coin_id: coin.id,
                    quote: Quote { last_updated: timestamp::to_millis(quote.last_updated), ..quote.clone() },
                    fetched_at,
                    batch: chunk.page.batch.clone(),
                };
                self.remember(entry.clone());
                loaded.count(self.renew(entry));
            }
        }
        loaded
    }

    fn describe(&mut self, coin: &Coin, at: DateTime<Utc>) {
        let new = CoinEntry { coin: stored(coin), first_seen_at: at, last_seen_at: at };
        let held = self.coins.entry(coin.id).or_insert_with(|| new.clone());
        if at > held.last_seen_at {
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

    fn remember(&mut self, entry: QuoteEntry) {
        let key = (entry.coin_id, entry.quote.currency.clone(), entry.quote.last_updated);
        let held = self.history.entry(key).or_insert_with(|| entry.clone());
        if entry.fetched_at > held.fetched_at {
            *held = entry;
        }
    }

    /// Takes `entry` into the latest quotes when it is newer than what is there.
    fn renew(&mut self, entry: QuoteEntry) -> Verdict {
        let key = (entry.coin_id, entry.quote.currency.clone());
        let held = self.latest.get(&key).map(|held| (&held.quote, held.fetched_at));
        let Judgement { wins, verdict } = judge(held, &entry.quote, entry.fetched_at);
        if wins {
            self.latest.insert(key, entry);
        }
        verdict
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

/// `coin` as a table holds it: instants in whole milliseconds.
fn stored(coin: &Coin) -> Coin {
    Coin { date_added: coin.date_added.map(timestamp::to_millis), ..coin.clone() }
}

#[async_trait]
impl Quotes for MemoryStore {
    async fn totals(&self) -> Result<Totals, StoreError> {
        let Tables { coins, latest, history, .. } = self.state()?.rows.tables();
        Ok(Totals {
            coins: coins.len() as u64,
            quotes_latest: latest.len() as u64,
            quotes_history: history.len() as u64,
            newest_quote_at: latest.iter().map(|entry| entry.quote.last_updated).max(),
            newest_fetch_at: latest.iter().map(|entry| entry.fetched_at).max(),
        })
    }

    async fn top(&self, currency: &str, limit: u32) -> Result<Vec<TopCoin>, StoreError> {
        let state = self.state()?;
        let quotes = state.rows.latest.values().filter(|entry| entry.quote.currency == currency);
        let lines =
            quotes.map(|entry| (entry.coin_id, line(&state.rows.coins[&entry.coin_id].coin, &entry.quote)));
        let mut lines: Vec<_> = lines.collect();
        lines.sort_by_key(|(coin_id, line)| (line.rank.is_none(), line.rank, *coin_id));
        lines.truncate(limit as usize);
        Ok(lines.into_iter().map(|(_, line)| line).collect())
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
