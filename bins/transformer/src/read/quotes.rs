//! Reads the quotes of a coin, in the shape that is there: a map by currency (v1) or an array (v3).
//!
//! The shape is looked up per coin and not in the page's header, so that a page of either shape, or of
//! both, is read.

use std::convert::Infallible;
use std::sync::LazyLock;

use domain::json::each_element;
use domain::{Measure, Quote, timestamp};

use super::numbers::Numbers;
use super::{CoinFault, columns, describe};
use crate::fields::Fields;

/// The fields of a quote that are looked at.
static QUOTE: LazyLock<Vec<&str>> =
    LazyLock::new(|| ["symbol", "last_updated"].into_iter().chain(columns(false)).collect());

/// One quote for each currency of `convert`, in that order. Other currencies are not looked at.
pub(super) fn read(coin: &Fields<'_, '_>, convert: &[String]) -> Result<Vec<Quote>, CoinFault> {
    let sent = SentQuotes::of(coin, convert);
    let mut of_coin = Numbers::default();
    of_coin.read(coin, Measure::ALL.into_iter().filter(|measure| measure.is_per_coin()))?;
    let quote = |currency: &String| {
        let fields = sent.find(currency).ok_or_else(|| CoinFault::CurrencyMissing(currency.clone()))?;
        let mut numbers = of_coin;
        numbers.read(fields, Measure::ALL.into_iter().filter(|measure| !measure.is_per_coin()))?;
        let last_updated = fields.get("last_updated");
        let text = fields.text("last_updated");
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

/// The quotes of a coin, as they were sent: the first in each currency that was asked for.
struct SentQuotes<'c, 'a>(Vec<(&'c str, Fields<'static, 'a>)>);

impl<'c, 'a> SentQuotes<'c, 'a> {
    fn of(coin: &Fields<'_, 'a>, convert: &'c [String]) -> Self {
        let mut quotes = Self(Vec::new());
        let Some(raw) = coin.get("quote").value() else {
            return quotes;
        };
        // `[{"symbol": "USD", …}]`
        let listed = each_element(raw, |quote| {
            if let Some(fields) = Fields::of(quote, &QUOTE)
                && let Some(symbol) = fields.text("symbol")
                && let Some(currency) = convert.iter().find(|currency| **currency == symbol)
                && quotes.find(currency).is_none()
            {
                quotes.0.push((currency, fields));
            }
            Ok::<_, Infallible>(())
        });
        // `{"USD": {…}}`
        if listed.is_none()
            && let Some(by_currency) = Fields::of(raw, convert)
        {
            let fields = |currency| Fields::of(by_currency.get(currency).value()?, &QUOTE);
            let found = convert.iter().filter_map(|currency| Some((&**currency, fields(currency)?)));
            quotes.0.extend(found);
        }
        quotes
    }

    fn find(&self, currency: &str) -> Option<&Fields<'static, 'a>> {
        self.0.iter().find(|(of, _)| *of == currency).map(|(_, fields)| fields)
    }
}
