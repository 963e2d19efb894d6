//! Looking at the quotes: every row is gone through.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Timelike, Utc};
use domain::Coin;

use super::MemoryStore;
use super::quotes::Rows;
use crate::tables::{CoinEntry, QuoteEntry};
use ports::store::{
    Browse, ChartPoint, CoinIdentity, CoinQuote, CoinRecord, CurrencyUse, Divided, HistorySpan, KeyValue,
    MarketColumn, MarketKey, MarketQuery, MarketRow, MarketTable, MarketThen, NewestQuote, NewestSnapshot,
    PastQuote, Search, Start, StoreError,
};

#[async_trait]
impl Browse for MemoryStore {
    async fn currencies(&self) -> Result<Vec<CurrencyUse>, StoreError> {
        let state = self.state()?;
        let newest = newest(state.rows.latest.values());
        let record = newest.and_then(|newest| state.ledger.batch(&newest.batch));
        let asked_for = record.map(|record| record.convert).unwrap_or_default();
        let mut found = BTreeMap::<String, CurrencyUse>::new();
        for entry in state.rows.latest.values() {
            let currency = &entry.quote.currency;
            let it = found.entry(currency.clone()).or_insert_with(|| CurrencyUse {
                currency: currency.clone(),
                coins: 0,
                newest_fetch_at: entry.fetched_at,
            });
            it.coins += 1;
            it.newest_fetch_at = it.newest_fetch_at.max(entry.fetched_at);
        }
        let mut found: Vec<_> = found.into_values().collect();
        // Sorting keeps the order of equal ones.
        found.sort_by_key(|it| Reverse(it.newest_fetch_at));
        found.sort_by_key(|it| {
            asked_for.iter().position(|currency| *currency == it.currency).unwrap_or(usize::MAX)
        });
        Ok(found)
    }

    async fn market(&self, query: &MarketQuery) -> Result<MarketTable, StoreError> {
        let state = self.state()?;
        let of_currency = || state.rows.latest.values().filter(|it| it.quote.currency == query.currency);
        let Some(newest) = newest(of_currency()) else { return Ok(MarketTable::default()) };
        let mut rows: Vec<_> = of_currency()
            .map(|entry| {
                let coin = coin_quote(&state.rows, entry);
                let key = MarketKey { id: coin.id, value: sorted_by(&coin, query.sort.by) };
                MarketRow { is_listed: coin.batch == newest.batch, key, coin }
            })
            .filter(|row| row.is_listed || !query.listed_only)
            .filter(|row| query.search.as_ref().is_none_or(|search| is_meant(&row.coin, search)))
            .collect();
        let compare = |a: &MarketKey, b: &MarketKey| compare(a, b, query.sort.descending);
        rows.sort_by(|a, b| compare(&a.key, &b.key));
        let total = rows.len() as u64;
        let begins = match &query.start {
            Start::Row(row) => usize::try_from(*row).unwrap_or(usize::MAX).min(rows.len()),
            Start::After(key) => rows.partition_point(|row| compare(&row.key, key).is_le()),
        };
        let rows = rows.into_iter().skip(begins).take(query.limit as usize).collect();
        Ok(MarketTable { rows, total, newest: Some(newest) })
    }

    async fn coin(&self, id: u32) -> Result<Option<CoinRecord>, StoreError> {
        let state = self.state()?;
        let rows = &state.rows;
        let Some(CoinEntry { coin, first_seen_at, last_seen_at }) = rows.coins.get(&id) else {
            return Ok(None);
        };
        let newest = newest(rows.latest.values()).map(|newest| newest.batch);
        let of_coin = rows.latest.values().filter(|entry| entry.coin_id == id);
        let quotes: Vec<_> = of_coin
            .map(|entry| {
                let QuoteEntry { quote, fetched_at, batch, .. } = entry.clone();
                let since = of(rows, id, &quote.currency).map(|held| held.quote.last_updated).min();
                NewestQuote { quote, fetched_at, batch, since }
            })
            .collect();
        let mut identities: Vec<_> = rows
            .identities
            .values()
            .filter(|entry| entry.coin_id == id)
            .cloned()
            .map(|entry| CoinIdentity {
                symbol: entry.symbol,
                name: entry.name,
                slug: entry.slug,
                first_seen_at: entry.first_seen_at,
                last_seen_at: entry.last_seen_at,
            })
            .collect();
        identities.sort_by_key(|it| (it.first_seen_at, it.last_seen_at));
        Ok(Some(CoinRecord {
            coin: coin.clone(),
            first_seen_at: *first_seen_at,
            last_seen_at: *last_seen_at,
            is_listed: quotes.iter().any(|quote| Some(&quote.batch) == newest.as_ref()),
            quotes,
            identities,
        }))
    }

    async fn chart(&self, coin: u32, currency: &str, span: Divided) -> Result<Vec<ChartPoint>, StoreError> {
        let state = self.state()?;
        let parts = in_parts(&state.rows, coin, currency, span, |entry| entry.quote.numbers[0].is_some());
        Ok(parts.into_values().map(|quotes| point(&quotes)).collect())
    }

    async fn sparklines(
        &self,
        coins: &[u32],
        currency: &str,
        span: Divided,
    ) -> Result<BTreeMap<u32, Vec<(DateTime<Utc>, f64)>>, StoreError> {
        let state = self.state()?;
        let mut lines = BTreeMap::new();
        for &coin in coins {
            let parts = in_parts(&state.rows, coin, currency, span, |_| true);
            let last = parts.into_values().filter_map(|quotes| {
                let quote = &quotes.last()?.quote;
                Some((quote.last_updated, quote.numbers[0]?))
            });
            let line: Vec<_> = last.collect();
            if !line.is_empty() {
                lines.insert(coin, line);
            }
        }
        Ok(lines)
    }

    async fn market_then(
        &self,
        then: &MarketThen,
        after: u32,
        limit: u32,
    ) -> Result<Vec<CoinQuote>, StoreError> {
        let state = self.state()?;
        let rows = &state.rows;
        let found = rows.coins.keys().filter(|id| **id > after).filter_map(|id| {
            let quotes = of(rows, *id, &then.currency);
            let known = quotes
                .filter(|entry| entry.quote.last_updated <= then.at && entry.quote.last_updated > then.after);
            known.max_by_key(|entry| entry.quote.last_updated).map(|entry| coin_quote(rows, entry))
        });
        Ok(found.take(limit as usize).collect())
    }

    async fn history(
        &self,
        span: &HistorySpan,
        after: Option<&PastQuote>,
        limit: u32,
    ) -> Result<Vec<PastQuote>, StoreError> {
        let key = |it: &PastQuote| (it.quote.last_updated, it.coin_id, it.quote.currency.clone());
        let is_meant = |it: &PastQuote| match &span.of {
            Some((coin, currency)) => (it.coin_id, &it.quote.currency) == (*coin, currency),
            None => true,
        };
        let state = self.state()?;
        let mut found: Vec<_> = state
            .rows
            .history
            .values()
            .filter(|entry| (span.from..span.until).contains(&entry.quote.last_updated))
            .cloned()
            .map(|QuoteEntry { coin_id, quote, fetched_at, batch }| PastQuote {
                coin_id,
                quote,
                fetched_at,
                batch,
            })
            .filter(is_meant)
            .collect();
        found.sort_by_key(key);
        if span.newest_first {
            found.reverse();
        }
        let is_after = |it: &PastQuote| match after.map(key) {
            Some(after) if span.newest_first => key(it) < after,
            Some(after) => key(it) > after,
            None => true,
        };
        Ok(found.into_iter().filter(is_after).take(limit as usize).collect())
    }
}

/// The snapshot of the entry that was fetched last.
fn newest<'a>(entries: impl Iterator<Item = &'a QuoteEntry>) -> Option<NewestSnapshot> {
    let newest = entries.max_by_key(|entry| (entry.fetched_at, entry.batch.clone()))?;
    Some(NewestSnapshot { batch: newest.batch.clone(), fetched_at: newest.fetched_at })
}

fn coin_quote(rows: &Rows, entry: &QuoteEntry) -> CoinQuote {
    let Coin { id, symbol, name, slug, .. } = rows.coins[&entry.coin_id].coin.clone();
    let QuoteEntry { quote, fetched_at, batch, .. } = entry.clone();
    CoinQuote { id, symbol, name, slug, quote, fetched_at, batch }
}

fn sorted_by(coin: &CoinQuote, by: MarketColumn) -> Option<KeyValue> {
    match by {
        MarketColumn::Name => Some(KeyValue::Text(coin.name.to_lowercase())),
        MarketColumn::Symbol => Some(KeyValue::Text(coin.symbol.to_lowercase())),
        MarketColumn::LastUpdated => Some(KeyValue::Instant(coin.quote.last_updated)),
        MarketColumn::Measure(measure) => coin.quote.get(measure).map(KeyValue::Number),
    }
}

fn compare(a: &MarketKey, b: &MarketKey, descending: bool) -> Ordering {
    let by_value = match (&a.value, &b.value) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => return Ordering::Greater,
        (Some(_), None) => return Ordering::Less,
        (Some(KeyValue::Text(a)), Some(KeyValue::Text(b))) => a.cmp(b),
        (Some(KeyValue::Number(a)), Some(KeyValue::Number(b))) => a.partial_cmp(b).expect("finite"),
        (Some(KeyValue::Instant(a)), Some(KeyValue::Instant(b))) => a.cmp(b),
        (Some(a), Some(b)) => panic!("of one column: {a:?}, {b:?}"),
    };
    let by_value = if descending { by_value.reverse() } else { by_value };
    by_value.then(a.id.cmp(&b.id))
}

fn is_meant(coin: &CoinQuote, search: &Search) -> bool {
    let names = [&coin.symbol, &coin.name, &coin.slug].map(|name| name.to_lowercase());
    let (Search::Contains(text) | Search::Exactly(text)) = search;
    let wanted = text.to_lowercase();
    text.trim().parse() == Ok(coin.id)
        || match search {
            Search::Contains(_) => names.iter().any(|name| name.contains(&wanted)),
            Search::Exactly(_) => names.contains(&wanted),
        }
}

/// The history of a coin in a currency, oldest first.
fn of<'a>(rows: &'a Rows, coin: u32, currency: &'a str) -> impl Iterator<Item = &'a QuoteEntry> {
    rows.history.values().filter(move |entry| entry.coin_id == coin && entry.quote.currency == currency)
}

/// Those of `is_meant` by the part of the span that they are in.
fn in_parts<'a>(
    rows: &'a Rows,
    coin: u32,
    currency: &'a str,
    span: Divided,
    is_meant: impl Fn(&QuoteEntry) -> bool,
) -> BTreeMap<i64, Vec<&'a QuoteEntry>> {
    let begins = span.from.with_nanosecond(0).expect("a whole second");
    let length = TimeDelta::seconds(i64::try_from(span.seconds()).expect("not so long"));
    let mut parts = BTreeMap::<_, Vec<_>>::new();
    for entry in of(rows, coin, currency).filter(|entry| is_meant(entry)) {
        let at = entry.quote.last_updated;
        if at >= span.from && at < span.until {
            let part = (at - begins).num_milliseconds() / length.num_milliseconds();
            parts.entry(part).or_default().push(entry);
        }
    }
    parts
}

/// What happened in a part, which has quotes, all with a price.
fn point(quotes: &[&QuoteEntry]) -> ChartPoint {
    let prices: Vec<_> = quotes.iter().map(|entry| entry.quote.numbers[0].expect("a price")).collect();
    let (first, last) = (&quotes[0].quote, &quotes[quotes.len() - 1].quote);
    ChartPoint {
        first_at: first.last_updated,
        last_at: last.last_updated,
        first: prices[0],
        low: prices.iter().copied().fold(f64::INFINITY, f64::min),
        high: prices.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        last: prices[prices.len() - 1],
        volume_24h: last.get(domain::Measure::Volume24h),
        market_cap: last.get(domain::Measure::MarketCap),
        quotes: quotes.len() as u64,
    }
}
