//! A row as its tables take it: what they would change without a word is refused here.

use domain::{Chunk, Coin, Kind, Measure, Quote, timestamp};
use ports::Refused;
use sha2::{Digest, Sha256};
use tables::rows::{CoinQuote, coin_quotes};
use tables::write::contents::tags;

use super::parameters::{fits, whole};

/// Longer texts fit no column, and would make the packet of a statement too large: 512 characters of four
/// bytes. Below that the server decides.
const TEXT_BYTES: usize = 2048;

/// The longest list of tags, as JSON.
const TAGS_BYTES: usize = 1 << 20;

/// The quotes of `chunk` as [`coin_quotes`] gives them, and those that the tables cannot hold as they are.
pub(super) fn fitting(chunk: &Chunk) -> (Vec<CoinQuote<'_>>, Vec<Refused>) {
    let fetched_at = timestamp::to_millis(chunk.page.fetched_at);
    let late = (!fits(fetched_at)).then(|| format!("fetched_at is {fetched_at}"));
    let mut refused = Vec::new();
    let mut rows = coin_quotes(chunk);
    rows.retain(|(coin, quote)| {
        let reason = late.clone().or_else(|| unfit(coin, quote));
        let fits = reason.is_none();
        refused.extend(reason.map(|reason| Refused { coin_id: coin.id, reason }));
        fits
    });
    (rows, refused)
}

/// Why the tables cannot hold this quote. A server rounds a count that is not whole and says nothing; numbers
/// that are none, and instants far from now, cannot even be sent.
fn unfit(coin: &Coin, quote: &Quote) -> Option<String> {
    for measure in Measure::ALL {
        let Some(number) = quote.get(measure) else { continue };
        if !number.is_finite() {
            return Some(format!("{} is {number}", measure.column()));
        }
        if measure.kind() == Kind::Count && whole(number).is_none() {
            return Some(format!(
                "{} is {number}, not a whole number from 0 to {}",
                measure.column(),
                u32::MAX
            ));
        }
    }
    if !fits(quote.last_updated) {
        return Some(format!("last_updated is {}", quote.last_updated));
    }
    if let Some(date_added) = coin.date_added.filter(|date_added| !fits(*date_added)) {
        return Some(format!("date_added is {date_added}"));
    }
    let texts = [
        ("symbol", coin.symbol.as_str()),
        ("name", &coin.name),
        ("slug", &coin.slug),
        ("token_address", coin.token_address.as_deref().unwrap_or_default()),
        ("currency", &quote.currency),
    ];
    if let Some((column, _)) = texts.into_iter().find(|(_, text)| text.len() > TEXT_BYTES) {
        return Some(format!("{column} is too long"));
    }
    let long = tags(coin).is_some_and(|json| json.len() > TAGS_BYTES);
    long.then(|| "tags are too long".to_owned())
}

/// `quote` as the tables hold it, and give it back: its instant in whole milliseconds, and zeros without a
/// sign, which MariaDB drops.
pub(super) fn stored(quote: &Quote) -> Quote {
    let numbers = quote.numbers.map(|number| number.map(|number| number + 0.0));
    Quote { numbers, last_updated: timestamp::to_millis(quote.last_updated), ..quote.clone() }
}

/// What tells one symbol, name and slug from another: a hash, which fits a key.
pub(super) fn identity(coin: &Coin) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in [&coin.symbol, &coin.name, &coin.slug] {
        // With its length in front, a text cannot run over into the next.
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use testkit::contract::store::sample::{at, chunk, row};

    use super::*;

    #[test]
    fn what_a_server_would_change_or_cannot_be_sent_is_refused() {
        let check = |says: &str, spoil: &dyn Fn(&mut domain::CoinRow)| {
            let mut bad = row(2, 1.0, at(0));
            spoil(&mut bad);
            let chunk = Chunk { rows: vec![row(1, 1.0, at(0)), bad], ..chunk(&[]) };
            let (rows, refused) = fitting(&chunk);
            assert_eq!(rows.iter().map(|(coin, _)| coin.id).collect::<Vec<_>>(), [1], "{says}");
            assert!(refused[0].coin_id == 2 && refused[0].reason.contains(says), "{refused:?}");
        };
        let number = |measure: Measure, number: f64| {
            move |row: &mut domain::CoinRow| row.quotes[0].numbers[measure as usize] = Some(number)
        };
        check("price is NaN", &number(Measure::Price, f64::NAN));
        check("market_cap is inf", &number(Measure::MarketCap, f64::INFINITY));
        check("cmc_rank is 1.5", &number(Measure::CmcRank, 1.5));
        check("cmc_rank is -1", &number(Measure::CmcRank, -1.0));
        check("num_market_pairs is 4294967296", &number(Measure::NumMarketPairs, 4_294_967_296.0));
        check("last_updated is", &|row| {
            row.quotes[0].last_updated = chrono::DateTime::<chrono::Utc>::MAX_UTC;
        });
        check("date_added is", &|row| row.coin.date_added = Some(chrono::DateTime::<chrono::Utc>::MIN_UTC));
        check("slug is too long", &|row| row.coin.slug = "x".repeat(2049));
        check("currency is too long", &|row| row.quotes[0].currency = "x".repeat(2049));
        check("tags are too long", &|row| row.coin.tags = Some(vec!["x".repeat(1 << 20)]));
    }

    #[test]
    fn texts_do_not_run_over_into_each_other() {
        let with = |symbol: &str, name: &str| {
            let mut row = row(1, 1.0, at(0));
            (row.coin.symbol, row.coin.name) = (symbol.to_owned(), name.to_owned());
            identity(&row.coin)
        };
        assert_ne!(with("ab", "c"), with("a", "bc"));
        assert_eq!(with("ab", "c"), with("ab", "c"));
    }
}
