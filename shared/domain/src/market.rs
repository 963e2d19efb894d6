//! The market beside its listings: kinds of batches, each described in one place.
//!
//! Everything that handles such a batch goes by its [description](KindDescription): what is asked for, how the answer is read,
//! and which columns its table has. A new kind is a new description, a table, and what the simulator answers.

mod chunk;
mod field;
mod kinds;
mod record;
mod value;

use std::fmt;
use std::time::Duration;

pub use self::chunk::MarketChunk;
pub use self::field::{Field, Form, Place};
pub use self::record::Record;
pub use self::value::Value;

/// What a batch of a kind without currencies has in their place.
pub const NO_CURRENCY: &str = "-";

/// A kind of batch about the market, beside the listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarketKind {
    /// Which coins CoinMarketCap has, and which of them are active.
    Map,
    /// Numbers of the whole market: its value, its volume, how many coins there are.
    GlobalMetrics,
    /// How greedy or fearful the market is, as CoinMarketCap reckons.
    FearAndGreed,
    /// The index of the hundred largest coins.
    Cmc100,
}

/// What an answer has in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An object, asked for once.
    Object,
    /// An object with a quote in one currency, asked for once for each: plans may not include several at once.
    ObjectPerCurrency,
    /// A list of coins in pages.
    List {
        /// Coins of a full page. One that is not full is the last.
        page_size: u32,
        /// More coins than there are. Who gets more is not given the market.
        most: u32,
    },
}

/// All that tells one kind from another.
#[derive(Debug)]
pub struct KindDescription {
    /// Its name in ids and in the ledger.
    pub endpoint: &'static str,
    /// Its key in `[market]` of the configuration.
    pub setting: &'static str,
    /// Its path at the API, with the version.
    pub path: &'static str,
    /// What is always asked for.
    pub query: &'static [(&'static str, &'static str)],
    /// What an answer has in it.
    pub shape: Shape,
    /// Credits that one call costs.
    pub credits: u32,
    /// How often the API has something new, and at least a minute.
    pub refreshed_every: Duration,
    /// Its table.
    pub table: &'static str,
    /// The columns of that table that come from the answer; those of its key first.
    pub fields: &'static [Field],
}

impl MarketKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Map, Self::GlobalMetrics, Self::FearAndGreed, Self::Cmc100];

    /// All that tells it from the others.
    pub const fn description(self) -> &'static KindDescription {
        match self {
            Self::Map => &kinds::MAP,
            Self::GlobalMetrics => &kinds::GLOBAL_METRICS,
            Self::FearAndGreed => &kinds::FEAR_AND_GREED,
            Self::Cmc100 => &kinds::CMC100,
        }
    }

    /// The kind of a batch with this `endpoint`; `None` for listings, and for what this version does not know.
    pub fn of_endpoint(endpoint: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.description().endpoint == endpoint)
    }

    /// Whether its rows are a list of things, which may vanish from it.
    pub const fn is_list(self) -> bool {
        matches!(self.description().shape, Shape::List { .. })
    }

    /// What is asked for when quotes are asked for in `convert`: the currencies of its batches, never none.
    pub fn currencies(self, convert: &[String]) -> Vec<String> {
        match self.description().shape {
            Shape::ObjectPerCurrency => convert.to_vec(),
            Shape::Object | Shape::List { .. } => vec![NO_CURRENCY.to_owned()],
        }
    }

    /// Credits that a batch costs when quotes are asked for in so many currencies.
    pub fn batch_credits(self, currencies: u32) -> u32 {
        let KindDescription { credits, shape, .. } = self.description();
        match shape {
            Shape::ObjectPerCurrency => credits.saturating_mul(currencies.max(1)),
            Shape::Object | Shape::List { .. } => *credits,
        }
    }
}

impl fmt::Display for MarketKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description().endpoint)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn kinds_are_known_by_their_endpoints_and_listings_are_none() {
        for kind in MarketKind::ALL {
            assert_eq!(MarketKind::of_endpoint(kind.description().endpoint), Some(kind));
        }
        assert_eq!(MarketKind::of_endpoint("listings"), None);
    }

    #[test]
    fn each_kind_has_a_table_of_its_own_whose_key_comes_first_and_is_required() {
        let tables: BTreeSet<_> = MarketKind::ALL.map(|kind| kind.description().table).into();
        assert_eq!(tables.len(), MarketKind::ALL.len());
        for kind in MarketKind::ALL {
            let fields = kind.description().fields;
            let keys = fields.iter().take_while(|field| field.is_key).count();
            assert!(keys > 0 && fields[keys..].iter().all(|field| !field.is_key), "{kind}");
            assert!(fields[..keys].iter().all(|field| field.is_required), "{kind}");
            let columns: BTreeSet<_> = fields.iter().map(|field| field.column).collect();
            assert_eq!(columns.len(), fields.len(), "{kind}");
        }
    }

    #[test]
    fn a_kind_with_currencies_costs_a_call_for_each() {
        let convert = ["USD".to_owned(), "EUR".to_owned()];
        let told = MarketKind::ALL.map(|kind| (kind.currencies(&convert).join(","), kind.batch_credits(2)));
        let expected = [("-", 0), ("USD,EUR", 2), ("-", 1), ("-", 1)];
        assert_eq!(told, expected.map(|(currencies, credits)| (currencies.to_owned(), credits)));
    }
}
