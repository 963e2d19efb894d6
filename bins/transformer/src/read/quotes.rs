//! Reads the quotes of a coin, in the shape that is there: a map by currency (v1) or an array (v3).
//!
//! The shape is looked up per coin and not in the page's header, so that a page of either shape, or of
//! both, is read.

use std::borrow::Cow;

use domain::{Measure, Quote, timestamp};
use serde_json::value::RawValue;

use super::numbers::Numbers;
use super::{CoinFault, describe};
use crate::fields::{Fields, parse_as};

/// One quote for each currency of `convert`, in that order. Other currencies are not looked at.
pub(super) fn read(coin: &Fields, convert: &[String]) -> Result<Vec<Quote>, CoinFault> {
    let sent = SentQuotes::of(coin);
    let mut of_coin = Numbers::default();
    of_coin.read(coin, Measure::ALL.into_iter().filter(|measure| measure.is_per_coin()))?;
    let quote = |currency: &String| {
        let fields = sent.find(currency).ok_or_else(|| CoinFault::CurrencyMissing(currency.clone()))?;
        let mut numbers = of_coin;
        numbers.read(&fields, Measure::ALL.into_iter().filter(|measure| !measure.is_per_coin()))?;
        let last_updated = fields.get("last_updated");
        let text = last_updated.value().and_then(parse_as::<Cow<str>>);
        let last_updated = text.and_then(|text| timestamp::from_text(&text)).ok_or_else(|| {
            CoinFault::BadLastUpdated { currency: currency.clone(), found: describe(last_updated) }
        })?;
        Ok(Quote {
            currency: currency.clone(),
            numbers: numbers.values,
            missing: numbers.missing,
            last_updated,
        })
    };
    convert.iter().map(quote).collect()
}

/// What stands in a coin's `quote`.
enum SentQuotes<'a> {
    /// `{"USD": {…}}`
    ByCurrency(Fields<'a>),
    /// `[{"symbol": "USD", …}]`
    Listed(Vec<&'a RawValue>),
    /// Neither.
    Unknown,
}

impl<'a> SentQuotes<'a> {
    fn of(coin: &Fields<'a>) -> Self {
        let Some(raw) = coin.get("quote").value() else {
            return Self::Unknown;
        };
        if let Some(listed) = parse_as(raw) {
            return Self::Listed(listed);
        }
        Fields::of(raw).map_or(Self::Unknown, Self::ByCurrency)
    }

    /// The fields of the quote in `currency`; of several, the first.
    fn find(&self, currency: &str) -> Option<Fields<'a>> {
        match self {
            Self::ByCurrency(quotes) => quotes.get(currency).value().and_then(Fields::of),
            Self::Listed(quotes) => quotes.iter().copied().filter_map(Fields::of).find(|quote| {
                let symbol = quote.optional::<Cow<str>>("symbol");
                symbol.is_some_and(|symbol| symbol == currency)
            }),
            Self::Unknown => None,
        }
    }
}
