//! A row as its tables take it: what they would change without a word is refused here.

use domain::{Coin, Kind, Measure};
use sha2::{Digest, Sha256};
use tables::load::LoadRow;
use tables::load::coins::{Known, SeenIdentity};
use tables::row::{Row, Unreadable};
use tables::write::Parameter;
use tables::write::contents::tags;
use tables::write::load as write;

use super::parameters::{fits, whole};

/// Longer texts fit no column, and would make the packet of a statement too large: 512 characters of four
/// bytes. Below that the server decides.
const TEXT_BYTES: usize = 2048;

/// The longest list of tags, as JSON.
const TAGS_BYTES: usize = 1 << 20;

/// Why the tables cannot hold this quote. A server rounds a count that is not whole and says nothing; numbers
/// that are none, and instants far from now, cannot even be sent.
pub(super) fn misfit(row: &LoadRow<'_>) -> Option<String> {
    let LoadRow { coin, quote, .. } = row;
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
    if !fits(row.fetched_at) {
        return Some(format!("fetched_at is {}", row.fetched_at));
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
        ("platform_name", coin.platform_name.as_deref().unwrap_or_default()),
        ("token_address", coin.token_address.as_deref().unwrap_or_default()),
        ("currency", &quote.currency),
    ];
    if let Some((column, _)) = texts.into_iter().find(|(_, text)| text.len() > TEXT_BYTES) {
        return Some(format!("{column} is too long"));
    }
    // The JSON is only made for a list that may be too long.
    let long = tag_bytes(coin) > TAGS_BYTES && tags(coin).is_some_and(|json| json.len() > TAGS_BYTES);
    long.then(|| "tags are too long".to_owned())
}

/// The most bytes that the tags of `coin` take as JSON: six for each of a text that has to be escaped.
pub(super) fn tag_bytes(coin: &Coin) -> usize {
    2 + coin.tags.iter().flatten().map(|tag| 6 * tag.len() + 3).sum::<usize>()
}

/// What tells one symbol, name and slug of a coin from another: a hash of the three, which fits a key.
pub(super) type IdentityKey = [u8; 32];

/// The key of the identity that `coin` has.
pub(super) fn identity_key(coin: &Coin) -> IdentityKey {
    let mut hash = Sha256::new();
    for text in [&coin.symbol, &coin.name, &coin.slug] {
        // With its length in front, a text cannot run over into the next.
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

/// The row of `coin_names`: its hash, and what it has in every database.
pub(super) fn identity<'a>(seen: &SeenIdentity<'a>) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
    [Parameter::Bytes(identity_key(seen.coin).to_vec().into())].into_iter().chain(write::identity(seen))
}

/// The columns of `coin_names` that [`known_identity`] reads.
pub(super) const IDENTITY: [&str; 4] = ["coin_id", "identity", "first_seen_at", "last_seen_at"];

/// An identity that the table has, and its key.
pub(super) fn known_identity(row: &dyn Row) -> Result<((u32, IdentityKey), Known<()>), Unreadable> {
    let hash: Vec<u8> = row.get("identity")?;
    let hash = hash.try_into().map_err(|_| Unreadable::new("identity", "not the 32 bytes of a hash"))?;
    let (first_seen_at, last_seen_at) = (row.get("first_seen_at")?, row.get("last_seen_at")?);
    Ok(((row.get("coin_id")?, hash), Known { what: (), first_seen_at, last_seen_at }))
}

#[cfg(test)]
mod tests {
    use testkit::contract::store::sample::{at, chunk, row};

    use super::*;

    #[test]
    fn what_a_server_would_change_or_cannot_be_sent_is_refused() {
        let check = |says: &str, spoil: &dyn Fn(&mut domain::CoinRow)| {
            let page = chunk(&[]).page;
            let mut coin = row(2, 1.0, at(0));
            let reason = |coin: &domain::CoinRow| {
                misfit(&LoadRow {
                    chunk: 0,
                    page: &page,
                    batch: 1,
                    fetched_at: page.fetched_at,
                    seen_at: page.fetched_at,
                    is_rebuild: false,
                    coin: &coin.coin,
                    quote: &coin.quotes[0],
                })
            };
            assert_eq!(reason(&coin), None);
            spoil(&mut coin);
            let reason = reason(&coin).unwrap_or_default();
            assert!(reason.contains(says), "{says}: {reason}");
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
            identity_key(&row.coin)
        };
        assert_ne!(with("ab", "c"), with("a", "bc"));
        assert_eq!(with("ab", "c"), with("ab", "c"));
    }
}
