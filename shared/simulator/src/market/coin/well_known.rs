//! A few coins that everyone knows, so that a simulated table looks like a table of coins.
//!
//! Ids, names and dates are CoinMarketCap's; prices and supplies are only plausible.

/// One well-known coin.
pub(in crate::market) struct WellKnown {
    pub(in crate::market) id: u32,
    pub(in crate::market) name: &'static str,
    pub(in crate::market) symbol: &'static str,
    pub(in crate::market) slug: &'static str,
    /// Year, month and day.
    pub(in crate::market) added: &'static str,
    /// Dollars, the centre of its walk.
    pub(in crate::market) price: f64,
    pub(in crate::market) circulating: f64,
    pub(in crate::market) total: f64,
    pub(in crate::market) max: Option<f64>,
    pub(in crate::market) kind: Kind,
}

/// How a well-known coin behaves.
#[derive(Clone, Copy)]
pub(in crate::market) enum Kind {
    /// A coin of its own chain.
    Native,
    /// Pegged to the dollar, with this contract on Ethereum.
    Stable(&'static str),
    /// A token that walks on its own, with this contract on Ethereum.
    Token(&'static str),
    /// A token that walks with the coin of this id.
    Wraps(u32, &'static str),
}

use Kind::{Native, Stable, Token, Wraps};

#[rustfmt::skip] // one coin a line reads as the table it is
pub(in crate::market) static WELL_KNOWN: [WellKnown; 25] = [
    coin(1, "Bitcoin", "BTC", "bitcoin", "2010-07-13", 91_000.0, 19_957_031.0, 19_957_031.0, Some(21e6), Native),
    coin(1027, "Ethereum", "ETH", "ethereum", "2015-08-07", 3_050.0, 120_694_782.316_2, 120_694_782.316_2, None, Native),
    coin(825, "Tether USDt", "USDT", "tether", "2015-02-25", 0.999_6, 184_611_902_337.54, 189_802_115_470.9, None, Stable("0xdac17f958d2ee523a2206206994597c13d831ec7")),
    coin(52, "XRP", "XRP", "xrp", "2013-08-04", 2.1, 60_331_634_327.0, 99_985_728_811.0, Some(1e11), Native),
    coin(1839, "BNB", "BNB", "bnb", "2017-07-25", 880.0, 137_735_004.27, 137_735_004.27, None, Native),
    coin(5426, "Solana", "SOL", "solana", "2020-04-10", 135.0, 559_262_268.501_3, 614_655_970.28, None, Native),
    coin(3408, "USDC", "USDC", "usd-coin", "2018-10-08", 0.999_9, 76_310_004_120.77, 76_310_004_120.77, None, Stable("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")),
    coin(74, "Dogecoin", "DOGE", "dogecoin", "2013-12-15", 0.14, 151_930_776_383.0, 151_930_776_383.0, None, Native),
    coin(1958, "TRON", "TRX", "tron", "2017-09-13", 0.28, 94_672_051_119.318, 94_672_060_402.11, None, Native),
    coin(2010, "Cardano", "ADA", "cardano", "2017-10-01", 0.42, 35_871_906_402.66, 44_994_601_877.5, Some(45e9), Native),
    coin(1831, "Bitcoin Cash", "BCH", "bitcoin-cash", "2017-07-23", 540.0, 19_960_006.0, 19_960_006.0, Some(21e6), Native),
    coin(1975, "Chainlink", "LINK", "chainlink", "2017-09-20", 13.2, 696_849_970.45, 1e9, Some(1e9), Token("0x514910771af9ca656af840dff83e8264ecf986ca")),
    coin(8085, "Lido Staked ETH", "stETH", "steth", "2021-01-27", 3_048.0, 8_523_700.118, 8_523_700.118, None, Wraps(1027, "0xae7ab96520de3a18e5e111b5eaab095312d7fe84")),
    coin(3717, "Wrapped Bitcoin", "WBTC", "wrapped-bitcoin", "2019-01-30", 90_900.0, 126_482.7, 126_482.7, Some(126_482.7), Wraps(1, "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599")),
    coin(512, "Stellar", "XLM", "stellar", "2014-08-05", 0.24, 32_194_016_022.8, 50_001_786_884.1, Some(50_001_806_812.0), Native),
    coin(328, "Monero", "XMR", "monero", "2014-05-21", 400.0, 18_446_744.07, 18_446_744.07, None, Native),
    coin(2, "Litecoin", "LTC", "litecoin", "2013-04-28", 84.0, 76_581_903.66, 84e6, Some(84e6), Native),
    coin(5805, "Avalanche", "AVAX", "avalanche", "2020-07-13", 14.0, 429_302_158.0, 462_402_158.0, Some(715_748_719.0), Native),
    coin(5994, "Shiba Inu", "SHIB", "shiba-inu", "2020-08-01", 8.5e-6, 589_246_116_504_882.2, 589_500_742_010_331.0, None, Token("0x95ad61b0a150d79219dcf64e1e6cc01f0b64c4ce")),
    coin(4943, "Dai", "DAI", "multi-collateral-dai", "2019-11-22", 0.999_8, 5_365_382_702.66, 5_365_382_702.66, None, Stable("0x6b175474e89094c44da98b954eedeac495271d0f")),
    coin(11419, "Toncoin", "TON", "toncoin", "2021-08-26", 1.6, 2_415_001_906.3, 5_144_880_021.7, None, Native),
    coin(6636, "Polkadot", "DOT", "polkadot-new", "2020-08-19", 2.2, 1_634_004_877.9, 1_634_004_877.9, None, Native),
    coin(7083, "Uniswap", "UNI", "uniswap", "2020-09-17", 5.9, 630_330_527.75, 899_450_020.0, None, Token("0x1f9840a85d5af5bf1d1762f925bdaddc4201f984")),
    coin(1321, "Ethereum Classic", "ETC", "ethereum-classic", "2016-07-24", 13.0, 154_302_991.7, 210_700_000.0, Some(210_700_000.0), Native),
    coin(5176, "Tether Gold", "XAUt", "tether-gold", "2020-02-07", 4_100.0, 375_572.297, 375_572.297, None, Token("0x68749665ff8d2d112fa859aa293f07a622782f38")),
];

#[expect(clippy::too_many_arguments, reason = "the columns of the table above")]
const fn coin(
    id: u32,
    name: &'static str,
    symbol: &'static str,
    slug: &'static str,
    added: &'static str,
    price: f64,
    circulating: f64,
    total: f64,
    max: Option<f64>,
    kind: Kind,
) -> WellKnown {
    WellKnown { id, name, symbol, slug, added, price, circulating, total, max, kind }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_and_slugs_are_unique_and_wrapped_coins_exist() {
        let ids: HashSet<_> = WELL_KNOWN.iter().map(|coin| coin.id).collect();
        let slugs: HashSet<_> = WELL_KNOWN.iter().map(|coin| coin.slug).collect();
        assert_eq!((ids.len(), slugs.len()), (WELL_KNOWN.len(), WELL_KNOWN.len()));
        for coin in &WELL_KNOWN {
            if let Wraps(id, _) = coin.kind {
                assert!(ids.contains(&id), "{} wraps an unknown coin", coin.name);
            }
        }
    }
}
