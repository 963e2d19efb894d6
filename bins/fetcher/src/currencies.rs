//! The currencies that the API is known to quote in. Asking the API itself costs a credit.

/// Fiat money and metals, as CoinMarketCap's documentation lists them.
const FIAT: &str = "USD ALL DZD ARS AMD AUD AZN BHD BDT BYN BMD BOB BAM BRL BGN KHR CAD CLP CNY COP CRC HRK CUP CZK DKK DOP EGP EUR GEL \
                    GHS GTQ HNL HKD HUF ISK INR IDR IRR IQD ILS JMD JPY JOD KZT KES KWD KGS LBP MKD MYR MUR MXN MDL MNT MAD MMK NAD NPR \
                    TWD NZD NIO NGN NOK OMR PKR PAB PEN PHP PLN GBP QAR RON RUB SAR RSD SGD ZAR KRW SSP VES LKR SEK CHF THB TTD TND TRY \
                    UGX UAH AED UYU UZS VND XAU XAG XPT XPD";

/// Coins that people count in. Any other coin will do, too.
const COINS: &str = "BTC ETH USDT USDC BNB XRP SOL";

/// Whether the API is known to quote in `currency`, which is in upper case. Of a coin's symbol that may not be known.
pub fn is_known_currency(currency: &str) -> bool {
    [FIAT, COINS].iter().any(|known| known.split_whitespace().any(|known| known == currency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_of_the_documentation_are_known_and_misspelt_ones_are_not() {
        assert_eq!(FIAT.split_whitespace().count(), 93 + 4);
        for (currency, known) in [
            ("USD", true),
            ("VND", true),
            ("XAU", true),
            ("BTC", true),
            ("USDX", false),
            ("", false),
            ("EUR USD", false),
        ] {
            assert_eq!(is_known_currency(currency), known, "{currency}");
        }
    }
}
