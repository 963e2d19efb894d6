//! Looking at the quotes as people and programs do: the market as a table, one coin, its past, and the market as it was.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use domain::{BatchId, Coin, Measure, Quote, timestamp};

use super::StoreError;

/// A currency that there are quotes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrencyUse {
    /// Its symbol, as it was asked for: `USD`.
    pub currency: String,
    /// Coins with a quote in it.
    pub coins: u64,
    /// When the newest of these was fetched.
    pub newest_fetch_at: DateTime<Utc>,
}

/// What the market is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketColumn {
    /// The name, whatever the case of its ASCII letters. What is beyond ASCII comes after them.
    Name,
    /// The symbol, likewise.
    Symbol,
    /// When CoinMarketCap last changed the quote.
    LastUpdated,
    /// A number of the quote.
    Measure(Measure),
}

impl MarketColumn {
    /// The column as the tables name it, such as `cmc_rank`.
    pub const fn column(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Symbol => "symbol",
            Self::LastUpdated => "last_updated",
            Self::Measure(measure) => measure.column(),
        }
    }

    /// The column that is named so.
    pub fn named(column: &str) -> Option<Self> {
        let measures = Measure::ALL.into_iter().map(Self::Measure);
        [Self::Name, Self::Symbol, Self::LastUpdated]
            .into_iter()
            .chain(measures)
            .find(|it| it.column() == column)
    }

    /// The key that `text` is, written as a [`MarketKey`] of a table that was sorted by this column.
    pub fn key(self, text: &str) -> Option<MarketKey> {
        let Some((id, value)) = text.split_once('~') else {
            return Some(MarketKey { id: text.parse().ok()?, value: None });
        };
        let value = match self {
            Self::Name | Self::Symbol => KeyValue::Text(value.to_owned()),
            Self::LastUpdated => KeyValue::Instant(timestamp::from_text(value)?),
            Self::Measure(_) => {
                KeyValue::Number(value.parse().ok().filter(|number: &f64| number.is_finite())?)
            }
        };
        Some(MarketKey { id: id.parse().ok()?, value: Some(value) })
    }
}

/// How the market is sorted. Coins without a value come last, whichever way; of equal ones the one with the smaller id comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketSort {
    /// By what.
    pub by: MarketColumn,
    /// The greatest first.
    pub descending: bool,
}

/// Where a row stands in a table, so that the next page can begin after it, whatever came or went meanwhile. Its text is for
/// addresses; [`MarketColumn::key`] reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketKey {
    /// The coin.
    pub id: u32,
    /// What it was sorted by; `None` is NULL.
    pub value: Option<KeyValue>,
}

/// What a row was sorted by.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyValue {
    /// A name or symbol, as the store compares it.
    Text(String),
    /// A number.
    Number(f64),
    /// An instant.
    Instant(DateTime<Utc>),
}

impl fmt::Display for MarketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id;
        match &self.value {
            None => write!(f, "{id}"),
            Some(KeyValue::Text(text)) => write!(f, "{id}~{text}"),
            // The shortest text that is read as the same number.
            Some(KeyValue::Number(number)) => write!(f, "{id}~{number:?}"),
            Some(KeyValue::Instant(at)) => write!(f, "{id}~{}", timestamp::to_text(*at)),
        }
    }
}

/// Which coins are meant by a text. The case of letters does not matter, and no character of it means anything but itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// Those with it in their name, symbol or slug, and the one with this id.
    Contains(String),
    /// Those of which it is the whole name, symbol or slug, and the one with this id.
    Exactly(String),
}

/// Where a page of a table begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// After so many rows.
    Row(u64),
    /// After this one.
    After(MarketKey),
}

/// A page of the market that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketQuery {
    /// Quotes in this currency. A coin without any is not in the table.
    pub currency: String,
    /// Coins of the newest snapshot with quotes in the currency, and no others.
    pub listed_only: bool,
    /// Which of them; `None`: all.
    pub search: Option<Search>,
    /// In which order.
    pub sort: MarketSort,
    /// Where the page begins.
    pub start: Start,
    /// Rows, at most.
    pub limit: u32,
}

/// A coin, as its newest snapshot names it, with a quote.
#[derive(Clone, Debug, PartialEq)]
pub struct CoinQuote {
    /// CoinMarketCap's id.
    pub id: u32,
    /// Symbol; several coins may share it.
    pub symbol: String,
    /// Name.
    pub name: String,
    /// Slug.
    pub slug: String,
    /// The numbers.
    pub quote: Quote,
    /// When it was fetched, the last time.
    pub fetched_at: DateTime<Utc>,
    /// With which batch.
    pub batch: BatchId,
}

/// A row of the market.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketRow {
    /// The coin and its newest quote.
    pub coin: CoinQuote,
    /// Whether it is in the newest snapshot with quotes in the currency. If not, its rank is another coin's by now.
    pub is_listed: bool,
    /// Where the row stands.
    pub key: MarketKey,
}

/// A page of the market, as of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MarketTable {
    /// The rows in the order that was asked for.
    pub rows: Vec<MarketRow>,
    /// How many there are, on all pages.
    pub total: u64,
    /// The newest snapshot with quotes in the currency; `None` when there are no quotes in it.
    pub newest: Option<NewestSnapshot>,
}

/// The newest snapshot of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewestSnapshot {
    /// Its batch.
    pub batch: BatchId,
    /// When the last of its pages was fetched.
    pub fetched_at: DateTime<Utc>,
}

/// All about a coin but its past, as of one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct CoinRecord {
    /// What it is, as the newest snapshot with it describes it.
    pub coin: Coin,
    /// When the oldest snapshot with it was fetched.
    pub first_seen_at: DateTime<Utc>,
    /// When the newest was.
    pub last_seen_at: DateTime<Utc>,
    /// Whether it is in the newest snapshot of all.
    pub is_listed: bool,
    /// Its newest quotes, by currency.
    pub quotes: Vec<NewestQuote>,
    /// What it was called, oldest first: each after the first is a rename, when it was first seen. A coin that goes back to an old
    /// name is not seen doing so.
    pub identities: Vec<CoinIdentity>,
}

/// The newest quote of a coin in a currency.
#[derive(Clone, Debug, PartialEq)]
pub struct NewestQuote {
    /// The numbers, the self-reported ones among them.
    pub quote: Quote,
    /// When it was fetched, the last time.
    pub fetched_at: DateTime<Utc>,
    /// With which batch.
    pub batch: BatchId,
    /// The oldest `last_updated` in the history; `None` when that was pruned.
    pub since: Option<DateTime<Utc>>,
}

/// What a coin was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoinIdentity {
    /// Symbol.
    pub symbol: String,
    /// Name.
    pub name: String,
    /// Slug.
    pub slug: String,
    /// When the oldest snapshot with all three was fetched.
    pub first_seen_at: DateTime<Utc>,
    /// When the newest was.
    pub last_seen_at: DateTime<Utc>,
}

/// A stretch of time that is divided into equal parts, to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divided {
    /// The first instant.
    pub from: DateTime<Utc>,
    /// The first instant that is not in it any more.
    pub until: DateTime<Utc>,
    seconds: u64,
}

impl Divided {
    /// From `from` until before `until` in at most so many `parts`, each a whole number of seconds long.
    pub fn new(from: DateTime<Utc>, until: DateTime<Utc>, parts: u32) -> Self {
        let seconds = Self::whole_seconds(from, until).div_ceil(parts.max(1).into()).max(1);
        Self { from, until, seconds }
    }

    /// How long each part is, in seconds; the last may be shorter. They begin at the whole second that `from` is in.
    pub fn seconds(&self) -> u64 {
        self.seconds
    }

    /// How many parts there are.
    fn parts(&self) -> u64 {
        Self::whole_seconds(self.from, self.until).div_ceil(self.seconds)
    }

    /// The same stretch in at most `most` pieces, oldest first, which have the same parts: what is found out of each of them, one after
    /// another, is what is found out of the whole.
    pub fn pieces(&self, most: u32) -> Vec<Self> {
        let each = self.parts().div_ceil(most.max(1).into()).max(1);
        let begins = |piece: u64| {
            let seconds = i64::try_from(piece * each * self.seconds).ok().and_then(TimeDelta::try_seconds);
            seconds.and_then(|after| self.from.trunc_subsecs(0).checked_add_signed(after))
        };
        let count = self.parts().div_ceil(each).max(1);
        let piece = |number: u64| Self {
            from: begins(number).filter(|_| number > 0).unwrap_or(self.from),
            until: begins(number + 1).filter(|_| number + 1 < count).unwrap_or(self.until),
            ..*self
        };
        (0..count).map(piece).collect()
    }

    /// How many seconds begin or go on between the two; 0 when there is nothing between them.
    fn whole_seconds(from: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        let whole = until.timestamp() - from.timestamp() + i64::from(until.timestamp_subsec_nanos() > 0);
        u64::try_from(whole).unwrap_or_default()
    }
}

/// What a coin did in a part of a stretch of time. Quotes without a price are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartPoint {
    /// The `last_updated` of its first quote there.
    pub first_at: DateTime<Utc>,
    /// The `last_updated` of its last.
    pub last_at: DateTime<Utc>,
    /// The price then, first.
    pub first: f64,
    /// The lowest price, which the last alone would hide.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// The last price.
    pub last: f64,
    /// Traded in the 24 hours before the last quote.
    pub volume_24h: Option<f64>,
    /// Market capitalisation at the last quote.
    pub market_cap: Option<f64>,
    /// How many quotes there are.
    pub quotes: u64,
}

/// The market at an instant, as far as the history tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketThen {
    /// Quotes in this currency.
    pub currency: String,
    /// Of each coin the newest quote that CoinMarketCap had then: its `last_updated` is this or earlier,
    pub at: DateTime<Utc>,
    /// and later than this, so that coins that had left are not in it.
    pub after: DateTime<Utc>,
}

/// Quotes of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistorySpan {
    /// With this `last_updated` or a later one,
    pub from: DateTime<Utc>,
    /// and before this.
    pub until: DateTime<Utc>,
    /// Of this coin in this currency; `None`: of all.
    pub of: Option<(u32, String)>,
    /// The newest first, and not the oldest.
    pub newest_first: bool,
}

/// A quote of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct PastQuote {
    /// Whose it is.
    pub coin_id: u32,
    /// The numbers that the history keeps.
    pub quote: Quote,
    /// When it was fetched, the last time.
    pub fetched_at: DateTime<Utc>,
    /// With which batch.
    pub batch: BatchId,
}

/// Looking at the quotes. Nothing here waits for a writer, or makes one wait.
#[async_trait]
pub trait Browse: Send + Sync + 'static {
    /// The currencies that there are quotes in: those of the newest snapshot as it was asked for them, then the others, the most
    /// recently fetched first.
    async fn currencies(&self) -> Result<Vec<CurrencyUse>, StoreError>;

    /// A page of the market. Goes through the newest quotes once or twice, and reads no history.
    async fn market(&self, query: &MarketQuery) -> Result<MarketTable, StoreError>;

    /// The coin with this id; `None` when no snapshot had it.
    async fn coin(&self, id: u32) -> Result<Option<CoinRecord>, StoreError>;

    /// The past of a coin in a currency: a point for each part of the span that it has quotes in, oldest first. Reads each quote of
    /// the span.
    async fn chart(&self, coin: u32, currency: &str, span: Divided) -> Result<Vec<ChartPoint>, StoreError>;

    /// The last price of each of these coins in each part of the span, oldest first, with its `last_updated`; coins without any are
    /// missing. For small drawings: what happened within a part does not show. For at most a few hundred coins: reads one quote for
    /// each coin and part.
    async fn sparklines(
        &self,
        coins: &[u32],
        currency: &str,
        span: Divided,
    ) -> Result<BTreeMap<u32, Vec<(DateTime<Utc>, f64)>>, StoreError>;

    /// The first `limit` coins of the market at an instant with an id greater than `after`, by id. Looks for each coin that there
    /// ever was until there are so many.
    async fn market_then(
        &self,
        then: &MarketThen,
        after: u32,
        limit: u32,
    ) -> Result<Vec<CoinQuote>, StoreError>;

    /// The first `limit` quotes of a span after `after`, in the order of `last_updated`, coin and currency, or in the opposite one.
    /// What is loaded between two calls may be missing.
    async fn history(
        &self,
        span: &HistorySpan,
        after: Option<&PastQuote>,
        limit: u32,
    ) -> Result<Vec<PastQuote>, StoreError>;
}
