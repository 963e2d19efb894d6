//! Coins and their quotes: one row of a listing after cleaning.

use chrono::{DateTime, Utc};

/// What kind of number a [`Measure`] holds; cleaning rules and column types follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The price of one coin in the quote's currency. Never rounded: real prices run from 5e-18 to 1e6.
    Price,
    /// An amount of money in the quote's currency.
    Money,
    /// A percentage: `1.5` means 1.5 %.
    Percent,
    /// A number of coins. Never rounded: supplies above 2^53 are real.
    Supply,
    /// A whole number from 0 to 2^32-1, held exactly.
    Count,
}

/// One numeric column of a quote, named as in the CoinMarketCap API and in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Measure {
    /// Price of one coin.
    Price,
    /// Traded in the last 24 hours.
    Volume24h,
    /// Change of the 24 h volume against the 24 h before.
    VolumeChange24h,
    /// Price change over the last hour.
    PercentChange1h,
    /// Price change over the last 24 hours.
    PercentChange24h,
    /// Price change over the last 7 days.
    PercentChange7d,
    /// Price change over the last 30 days.
    PercentChange30d,
    /// Price change over the last 60 days.
    PercentChange60d,
    /// Price change over the last 90 days.
    PercentChange90d,
    /// Price × circulating supply, as published.
    MarketCap,
    /// Share of the whole market's capitalisation.
    MarketCapDominance,
    /// Price × maximal supply, as published.
    FullyDilutedMarketCap,
    /// Coins in circulation. The same for every currency of a coin.
    CirculatingSupply,
    /// Coins that exist.
    TotalSupply,
    /// Coins that can ever exist; null when unlimited or unknown.
    MaxSupply,
    /// Active market pairs.
    NumMarketPairs,
    /// Rank by market capitalisation, from 1.
    CmcRank,
}

impl Measure {
    /// How many measures there are.
    pub const COUNT: usize = 17;

    /// All measures, in the order of the table columns and of the wire format. Append only.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Price,
        Self::Volume24h,
        Self::VolumeChange24h,
        Self::PercentChange1h,
        Self::PercentChange24h,
        Self::PercentChange7d,
        Self::PercentChange30d,
        Self::PercentChange60d,
        Self::PercentChange90d,
        Self::MarketCap,
        Self::MarketCapDominance,
        Self::FullyDilutedMarketCap,
        Self::CirculatingSupply,
        Self::TotalSupply,
        Self::MaxSupply,
        Self::NumMarketPairs,
        Self::CmcRank,
    ];

    /// The name in the API and the column name in every table.
    pub const fn column(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Volume24h => "volume_24h",
            Self::VolumeChange24h => "volume_change_24h",
            Self::PercentChange1h => "percent_change_1h",
            Self::PercentChange24h => "percent_change_24h",
            Self::PercentChange7d => "percent_change_7d",
            Self::PercentChange30d => "percent_change_30d",
            Self::PercentChange60d => "percent_change_60d",
            Self::PercentChange90d => "percent_change_90d",
            Self::MarketCap => "market_cap",
            Self::MarketCapDominance => "market_cap_dominance",
            Self::FullyDilutedMarketCap => "fully_diluted_market_cap",
            Self::CirculatingSupply => "circulating_supply",
            Self::TotalSupply => "total_supply",
            Self::MaxSupply => "max_supply",
            Self::NumMarketPairs => "num_market_pairs",
            Self::CmcRank => "cmc_rank",
        }
    }

    /// The kind of number.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Price => Kind::Price,
            Self::Volume24h | Self::MarketCap | Self::FullyDilutedMarketCap => Kind::Money,
            Self::VolumeChange24h
            | Self::PercentChange1h
            | Self::PercentChange24h
            | Self::PercentChange7d
            | Self::PercentChange30d
            | Self::PercentChange60d
            | Self::PercentChange90d
            | Self::MarketCapDominance => Kind::Percent,
            Self::CirculatingSupply | Self::TotalSupply | Self::MaxSupply => Kind::Supply,
            Self::NumMarketPairs | Self::CmcRank => Kind::Count,
        }
    }

    /// Whether the API writes it beside the coin (the same for every currency) or inside each `quote`.
    pub const fn is_per_coin(self) -> bool {
        matches!(self.kind(), Kind::Supply | Kind::Count)
    }
}

/// A set of measures; used to tell "the API did not send the field" from "it sent null".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeasureSet(u32);

impl MeasureSet {
    /// Adds `measure`.
    pub fn insert(&mut self, measure: Measure) {
        self.0 |= 1 << measure as u8;
    }

    /// Whether `measure` is in the set.
    pub fn contains(self, measure: Measure) -> bool {
        self.0 & (1 << measure as u8) != 0
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in column order.
    pub fn iter(self) -> impl Iterator<Item = Measure> {
        Measure::ALL.into_iter().filter(move |&measure| self.contains(measure))
    }

    /// The column names joined by commas, or `None` for the empty set: the form kept in the tables.
    pub fn to_column_list(self) -> Option<String> {
        (!self.is_empty()).then(|| self.iter().map(Measure::column).collect::<Vec<_>>().join(","))
    }

    /// The set as bits: bit `n` stands for `Measure::ALL[n]`.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The set for these bits; bits beyond the known measures are dropped.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits & ((1 << Measure::COUNT) - 1))
    }
}

impl FromIterator<Measure> for MeasureSet {
    fn from_iter<I: IntoIterator<Item = Measure>>(measures: I) -> Self {
        let mut set = Self::default();
        measures.into_iter().for_each(|measure| set.insert(measure));
        set
    }
}

/// What a coin is, apart from its market numbers. The id is CoinMarketCap's and the only key: symbols,
/// names and slugs are neither unique nor stable.
#[derive(Clone, Debug, PartialEq)]
pub struct Coin {
    /// CoinMarketCap's id, at least 1.
    pub id: u32,
    /// Display name, as sent.
    pub name: String,
    /// Ticker symbol, as sent; shared by other coins one time in ten, and case matters.
    pub symbol: String,
    /// URL slug.
    pub slug: String,
    /// When CoinMarketCap listed it.
    pub date_added: Option<DateTime<Utc>>,
    /// The coin id of the platform a token lives on.
    pub platform_id: Option<u32>,
    /// The token's address on that platform.
    pub token_address: Option<String>,
    /// Tags; `None` when the API did not send any field.
    pub tags: Option<Vec<String>>,
    /// Whether the supply has no upper bound.
    pub infinite_supply: Option<bool>,
    /// Whether the coin still trades; only some API versions say so.
    pub is_active: Option<bool>,
}

/// The market numbers of one coin in one currency at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote {
    /// The symbol sent as `convert`, e.g. `USD`.
    pub currency: String,
    /// The numbers, indexed by [`Measure`]; all finite. `None` when null or missing, see `missing`.
    pub numbers: [Option<f64>; Measure::COUNT],
    /// The measures whose field the API did not send at all (as opposed to null).
    pub missing: MeasureSet,
    /// When CoinMarketCap last changed this quote; whole milliseconds.
    pub last_updated: DateTime<Utc>,
}

impl Quote {
    /// The number for `measure`.
    pub fn get(&self, measure: Measure) -> Option<f64> {
        self.numbers[measure as usize]
    }

    /// Whether all numbers are those of `other`, bit for bit, and the same ones were not sent.
    pub fn has_numbers_of(&self, other: &Self) -> bool {
        let bits = |quote: &Self| quote.numbers.map(|number| number.map(f64::to_bits));
        self.missing == other.missing && bits(self) == bits(other)
    }
}

/// A cleaned coin with one quote per requested currency.
#[derive(Clone, Debug, PartialEq)]
pub struct CoinRow {
    /// The coin.
    pub coin: Coin,
    /// Its quotes, in the order of the requested currencies. Never empty.
    pub quotes: Vec<Quote>,
}

impl CoinRow {
    /// About how many bytes it takes in memory: what bounds a message of very many, very small ones.
    pub fn memory(&self) -> usize {
        /// What an allocator adds to a text.
        const TEXT: usize = 32;
        let Self { coin, quotes } = self;
        let names = [&coin.name, &coin.symbol, &coin.slug].into_iter().chain(&coin.token_address);
        let names: usize = names.map(|text| TEXT + text.len()).sum();
        let tags = coin.tags.iter().flatten().map(|tag| size_of::<String>() + TEXT + tag.len());
        let quotes = quotes.iter().map(|quote| size_of::<Quote>() + TEXT + quote.currency.len());
        size_of::<Self>() + names + tags.sum::<usize>() + quotes.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_all_is_the_index_of_each_measure() {
        for (index, measure) in Measure::ALL.into_iter().enumerate() {
            assert_eq!(measure as usize, index);
        }
    }

    #[test]
    fn a_set_names_its_columns_and_drops_unknown_bits() {
        let set: MeasureSet = [Measure::MaxSupply, Measure::Price].into_iter().collect();
        assert_eq!(set.to_column_list().as_deref(), Some("price,max_supply"));
        assert_eq!(MeasureSet::from_bits(set.bits() | 1 << 30), set);
        assert_eq!(MeasureSet::default().to_column_list(), None);
    }
}
