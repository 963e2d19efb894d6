//! The currencies that a listing can be asked for in.

/// A currency that `convert` may name.
#[derive(Debug)]
pub(crate) struct Currency {
    /// CoinMarketCap's id: fiat money and coins share one number space.
    pub(crate) id: u32,
    /// The symbol that `convert` takes and that the quote carries.
    pub(crate) symbol: &'static str,
    /// How much of it one dollar buys.
    pub(crate) per_dollar: PerDollar,
}

/// How much of a currency one dollar buys.
#[derive(Debug)]
pub(crate) enum PerDollar {
    /// An exchange rate that never moves.
    Fixed(f64),
    /// The inverse of the price of the coin with this id.
    InverseOf(u32),
}

use PerDollar::{Fixed, InverseOf};

static CURRENCIES: [Currency; 11] = [
    Currency { id: 2781, symbol: "USD", per_dollar: Fixed(1.0) },
    Currency { id: 2790, symbol: "EUR", per_dollar: Fixed(0.86) },
    Currency { id: 2791, symbol: "GBP", per_dollar: Fixed(0.75) },
    Currency { id: 2797, symbol: "JPY", per_dollar: Fixed(151.2) },
    Currency { id: 2785, symbol: "CHF", per_dollar: Fixed(0.80) },
    Currency { id: 2787, symbol: "CNY", per_dollar: Fixed(7.11) },
    Currency { id: 2782, symbol: "AUD", per_dollar: Fixed(1.53) },
    Currency { id: 2784, symbol: "CAD", per_dollar: Fixed(1.40) },
    Currency { id: 2796, symbol: "INR", per_dollar: Fixed(88.4) },
    Currency { id: 1, symbol: "BTC", per_dollar: InverseOf(1) },
    Currency { id: 1027, symbol: "ETH", per_dollar: InverseOf(1027) },
];

/// The currency with this symbol, in whatever case.
pub(crate) fn by_symbol(symbol: &str) -> Option<&'static Currency> {
    CURRENCIES.iter().find(|currency| currency.symbol.eq_ignore_ascii_case(symbol))
}
