//! A row as its tables take it: what they would change without a word is refused here.

use domain::{Chunk, Coin, Kind, Measure, Quote};
use ports::{Loaded, Refused};
use sha2::{Digest, Sha256};
use tables::group::coins::{Known, SeenIdentity};
use tables::group::{GroupRow, rows};
use tables::row::{Row, Unreadable};
use tables::write::Parameter;
use tables::write::contents::tags;
use tables::write::group as write;

use super::parameters::{fits, whole};

/// Longer texts fit no column, and would make the packet of a statement too large: 512 characters of four
/// bytes. Below that the server decides.
const TEXT_BYTES: usize = 2048;

/// The longest list of tags, as JSON.
const TAGS_BYTES: usize = 1 << 20;

/// The quotes of `chunks` as [`rows`] gives them. Those that the tables cannot hold as they are, are added to what was
/// refused of their chunk.
pub(super) fn fitting<'a>(chunks: &[&'a Chunk], loaded: &mut [Loaded]) -> Vec<GroupRow<'a>> {
    let mut rows = rows(chunks);
    rows.retain(|row| {
        let reason = match unfit(row.coin, row.quote) {
            None if !fits(row.fetched_at) => Some(format!("fetched_at is {}", row.fetched_at)),
            reason => reason,
        };
        let fits = reason.is_none();
        let refused = reason.map(|reason| Refused { coin_id: row.coin.id, reason });
        loaded[row.chunk].refused.extend(refused);
        fits
    });
    rows
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
    // The JSON is only made for a list that may be too long.
    let long = tag_bytes(coin) > TAGS_BYTES && tags(coin).is_some_and(|json| json.len() > TAGS_BYTES);
    long.then(|| "tags are too long".to_owned())
}

/// The most bytes that the tags of `coin` take as JSON: six for each of a text that has to be escaped.
pub(super) fn tag_bytes(coin: &Coin) -> usize {
    2 + coin.tags.iter().flatten().map(|tag| 6 * tag.len() + 3).sum::<usize>()
}

/// What tells one symbol, name and slug of a coin from another: its id and a hash of the three, which fits a key.
pub(super) type IdentityKey = (u32, [u8; 32]);

/// The key of the identity that `coin` has.
pub(super) fn identity_key(coin: &Coin) -> IdentityKey {
    let mut hash = Sha256::new();
    for text in [&coin.symbol, &coin.name, &coin.slug] {
        // With its length in front, a text cannot run over into the next.
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text);
    }
    (coin.id, hash.finalize().into())
}

/// The row of `coin_identities`: its hash, and what it has in every database.
pub(super) fn identity<'a>(seen: &SeenIdentity<'a>) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
    let (_, hash) = identity_key(seen.coin);
    [Parameter::Bytes(hash.to_vec().into())].into_iter().chain(write::identity(seen))
}

/// The statement that reads the identities of coins, for [`known_identity`].
pub(super) fn identities_of(ids: &str) -> String {
    format!(
        "SELECT coin_id, identity, first_seen_at, last_seen_at FROM coin_identities WHERE coin_id IN ({ids})"
    )
}

/// An identity that the table has, and its key.
pub(super) fn known_identity(row: &dyn Row) -> Result<(IdentityKey, Known<()>), Unreadable> {
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
            let mut bad = row(2, 1.0, at(0));
            spoil(&mut bad);
            let chunk = Chunk { rows: vec![row(1, 1.0, at(0)), bad], ..chunk(&[]) };
            let mut loaded = [Loaded::default()];
            let rows = fitting(&[&chunk], &mut loaded);
            assert_eq!(rows.iter().map(|row| row.coin.id).collect::<Vec<_>>(), [1], "{says}");
            let [Loaded { refused, .. }] = loaded;
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
            identity_key(&row.coin)
        };
        assert_ne!(with("ab", "c"), with("a", "bc"));
        assert_eq!(with("ab", "c"), with("ab", "c"));
    }
}
