//! What decides what a message is: an edit that changes it makes another message of it, which nobody is to do without knowing.

use domain::{Headers, MarketKind, PageMeta, endpoint, header};

/// Headers that say which page of which batch it is, once they say it.
const PLACE: [&str; 5] = [header::BATCH, header::SLOT, header::PAGE, header::CONVERT, header::CURRENCY];

/// Headers that say which rows a chunk holds, and by which the ledger knows them.
const OF_CHUNKS: [&str; 3] = [header::BATCH, header::CHUNK_COINS, header::CHUNK_ORDER];

/// Whether `text` is the name of something that is fetched.
fn is_endpoint(text: &str) -> bool {
    [endpoint::LISTINGS, endpoint::HISTORY, endpoint::QUOTES].contains(&text)
        || text.starts_with(endpoint::IMPORTED)
        || MarketKind::of_endpoint(text).is_some()
}

/// The headers that make another message of it, where `before` they said what it is and `after` they say something else; with what
/// they said. A header that was missing or senseless may become what it should be.
pub(crate) fn changed_kind(before: &Headers, after: &Headers, is_page: bool) -> Vec<String> {
    let says_kind = |name: &str| match name {
        header::ENDPOINT => before.get(name).is_some_and(is_endpoint),
        header::SIMULATED => before.get(name).is_some_and(|text| text.parse::<bool>().is_ok()),
        _ => false,
    };
    let has_place = PageMeta::from_headers(before).is_ok();
    let mut deciding: Vec<_> = if is_page {
        [header::ENDPOINT, header::SIMULATED].into_iter().filter(|name| says_kind(name)).collect()
    } else {
        OF_CHUNKS.into_iter().filter(|name| before.get(name).is_some()).collect()
    };
    if is_page && has_place {
        deciding.extend(PLACE);
    }
    let changed = deciding.into_iter().filter(|name| before.get(name) != after.get(name));
    let shown = |text: Option<&str>| text.map_or("nothing".to_owned(), |text| domain::one_line(text, 100));
    changed.map(|name| format!("{name}: {} → {}", shown(before.get(name)), shown(after.get(name)))).collect()
}
