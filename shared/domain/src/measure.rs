//! Measures: the numeric columns of a quote.

mod set;

pub use self::set::MeasureSet;

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
    /// Coins in circulation, as the project itself says.
    SelfReportedCirculatingSupply,
    /// Price × self-reported supply, as published: one number a coin, whatever currencies were asked for.
    SelfReportedMarketCap,
    /// Locked in the protocol of the coin.
    Tvl,
}

impl Measure {
    /// How many measures there are.
    pub const COUNT: usize = 20;

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
        Self::SelfReportedCirculatingSupply,
        Self::SelfReportedMarketCap,
        Self::Tvl,
    ];

    /// How many of them the history keeps.
    pub const HISTORY_COUNT: usize = 17;

    /// Those that the history keeps, the first of [`ALL`](Self::ALL). The newest value of the others is in the latest quotes: in
    /// each row of the history they would take 8 bytes (decision 18).
    pub const HISTORY: [Self; Self::HISTORY_COUNT] = *Self::ALL.first_chunk().expect("fewer than all");

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
            Self::SelfReportedCirculatingSupply => "self_reported_circulating_supply",
            Self::SelfReportedMarketCap => "self_reported_market_cap",
            Self::Tvl => "tvl",
        }
    }

    /// The kind of number.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Price => Kind::Price,
            Self::Volume24h
            | Self::MarketCap
            | Self::FullyDilutedMarketCap
            | Self::SelfReportedMarketCap
            | Self::Tvl => Kind::Money,
            Self::VolumeChange24h
            | Self::PercentChange1h
            | Self::PercentChange24h
            | Self::PercentChange7d
            | Self::PercentChange30d
            | Self::PercentChange60d
            | Self::PercentChange90d
            | Self::MarketCapDominance => Kind::Percent,
            Self::CirculatingSupply
            | Self::TotalSupply
            | Self::MaxSupply
            | Self::SelfReportedCirculatingSupply => Kind::Supply,
            Self::NumMarketPairs | Self::CmcRank => Kind::Count,
        }
    }

    /// Whether the API writes it beside the coin (the same for every currency) or inside each `quote`.
    pub const fn is_per_coin(self) -> bool {
        matches!(self.kind(), Kind::Supply | Kind::Count) || matches!(self, Self::SelfReportedMarketCap)
    }

    /// Whether a coin is as good without it: a value that is no number, or less than zero, is NULL and rejects nothing. Projects say
    /// these numbers, and nobody verifies them.
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::SelfReportedCirculatingSupply | Self::SelfReportedMarketCap | Self::Tvl)
    }

    /// Whether the history keeps it.
    pub const fn is_in_history(self) -> bool {
        (self as usize) < Self::HISTORY_COUNT
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
}
