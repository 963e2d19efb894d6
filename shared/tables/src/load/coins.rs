//! Which descriptions and identities of coins are to be written: those that say something new.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Coin, timestamp};

use super::{LoadRow, Split};

/// What the group says of a coin.
#[derive(Clone, Debug)]
pub struct SeenCoin<'a> {
    /// The newest description.
    pub coin: &'a Coin,
    /// Whether it is of a rebuild.
    pub is_rebuild: bool,
    /// The oldest fetch.
    pub first_seen_at: DateTime<Utc>,
    /// The newest fetch, which the description is from.
    pub last_seen_at: DateTime<Utc>,
}

/// A symbol, name and slug of a coin in the group.
#[derive(Clone, Debug)]
pub struct SeenIdentity<'a> {
    /// The coin, with these texts.
    pub coin: &'a Coin,
    /// The oldest fetch.
    pub first_seen_at: DateTime<Utc>,
    /// The newest fetch.
    pub last_seen_at: DateTime<Utc>,
}

/// What the group says of coins.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The coins, by id.
    pub coins: Vec<SeenCoin<'a>>,
    /// Their identities by coin, in the order they came in.
    pub identities: Vec<SeenIdentity<'a>>,
}

/// What `rows` say of coins.
pub fn seen<'a>(rows: &[LoadRow<'a>]) -> Seen<'a> {
    let (mut coins, mut identities) = (Vec::new(), Vec::new());
    for of_coin in rows.chunk_by(|one, next| one.coin.id == next.coin.id) {
        let mut described = of_coin[0];
        let mut first_seen_at = described.seen_at;
        let others = identities.len();
        for row in of_coin {
            if row.describes_after(described.seen_at, Some(described.chunk)) {
                described = *row;
            }
            first_seen_at = first_seen_at.min(row.seen_at);
            identify(&mut identities, others, row);
        }
        coins.push(SeenCoin {
            coin: described.coin,
            is_rebuild: described.is_rebuild,
            first_seen_at,
            last_seen_at: described.seen_at,
        });
    }
    Seen { coins, identities }
}

/// Adds the identity of `row` to those of its coin, which come after `others` of other coins.
fn identify<'a>(identities: &mut Vec<SeenIdentity<'a>>, others: usize, row: &LoadRow<'a>) {
    match identities[others..].iter_mut().find(|seen| has_name(seen.coin, row.coin)) {
        Some(seen) => {
            seen.first_seen_at = seen.first_seen_at.min(row.seen_at);
            seen.last_seen_at = seen.last_seen_at.max(row.seen_at);
        }
        None => identities.push(SeenIdentity {
            coin: row.coin,
            first_seen_at: row.seen_at,
            last_seen_at: row.seen_at,
        }),
    }
}

/// What a table holds of a coin, or of one of its identities.
#[derive(Clone, Debug)]
pub struct Known<T> {
    /// What it says.
    pub what: T,
    /// The oldest fetch.
    pub first_seen_at: DateTime<Utc>,
    /// The newest fetch that the row tells; the newest quotes may [tell](crate::told) of a later one.
    pub last_seen_at: DateTime<Utc>,
}

/// What the tables hold of the coins. `K` is what tells one identity of a coin from another.
#[derive(Debug)]
pub struct KnownCoins<K> {
    /// Their descriptions.
    pub coins: BTreeMap<u32, Known<Coin>>,
    /// Their identities.
    pub identities: BTreeMap<(u32, K), Known<()>>,
}

/// What to write of the coins that were seen, in this order, and before their newest quotes.
#[derive(Debug)]
pub struct Changes<'a> {
    /// Coins whose rows are to say first when they were [seen last](crate::told).
    pub untold: Vec<u32>,
    /// Descriptions to write whole: they are new, or say something new.
    pub write: Split<SeenCoin<'a>>,
    /// Identities to write whole.
    pub names: Vec<SeenIdentity<'a>>,
    /// Coins that were seen later than anything tells, by the instant: those of which a fetch has only old quotes.
    pub seen_again: BTreeMap<DateTime<Utc>, Vec<u32>>,
}

/// What to write of what was `seen`, where `known` is what the tables hold of these coins; `key` is what tells their identities
/// apart. `before` and `after` is when the newest quotes of a coin were fetched, without and with those of the group.
pub fn changes<'a, K: Ord>(
    seen: &Seen<'a>,
    known: &KnownCoins<K>,
    before: impl Fn(u32) -> Option<DateTime<Utc>>,
    after: impl Fn(u32) -> Option<DateTime<Utc>>,
    key: impl Fn(&Coin) -> K,
) -> Changes<'a> {
    let (mut untold, mut write, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let mut seen_again = BTreeMap::<_, Vec<_>>::new();
    let mut identities = seen.identities.chunk_by(|one, next| one.coin.id == next.coin.id);
    for coin in &seen.coins {
        let id = coin.coin.id;
        let identities = identities.next().unwrap_or_default();
        let Some(held) = known.coins.get(&id) else {
            write.push(coin.clone());
            names.extend_from_slice(identities);
            continue;
        };
        let last_seen_at = before(id).map_or(held.last_seen_at, |told| told.max(held.last_seen_at));
        let is_newer = coin.last_seen_at > last_seen_at;
        let describes = is_newer || coin.is_rebuild && coin.last_seen_at == last_seen_at;
        let description = if describes { coin.coin } else { &held.what };
        let mut in_row = held.last_seen_at;
        if describes && !is_described(coin.coin, &held.what) || coin.first_seen_at < held.first_seen_at {
            if in_row < last_seen_at || !has_name(description, &held.what) {
                untold.push(id);
            }
            in_row = coin.last_seen_at.max(last_seen_at);
            write.push(coin.clone());
        }
        if after(id).max(Some(in_row)) < Some(coin.last_seen_at.max(last_seen_at)) {
            seen_again.entry(coin.last_seen_at.max(last_seen_at)).or_default().push(id);
        }
        for identity in identities {
            let is_told = match known.identities.get(&(id, key(identity.coin))) {
                None => false,
                Some(row) if identity.first_seen_at < row.first_seen_at => false,
                Some(row) => {
                    let was_named = has_name(identity.coin, &held.what);
                    let told = if was_named { row.last_seen_at.max(last_seen_at) } else { row.last_seen_at };
                    // Where another name takes its place, the row says it by then.
                    identity.last_seen_at <= told || has_name(identity.coin, description)
                }
            };
            if !is_told {
                names.push(identity.clone());
            }
        }
    }
    Changes { untold, write: Split::of(write, |seen| seen.is_rebuild), names, seen_again }
}

/// Whether `coin` has the name of `other`: its symbol, name and slug.
fn has_name(coin: &Coin, other: &Coin) -> bool {
    std::ptr::eq(coin, other)
        || (&coin.symbol, &coin.name, &coin.slug) == (&other.symbol, &other.name, &other.slug)
}

/// Whether `held` says all that `coin` says.
fn is_described(coin: &Coin, held: &Coin) -> bool {
    let date_added = coin.date_added.map(timestamp::to_millis);
    let Coin { id, name, symbol, slug, platform_id, platform_name, token_address, .. } = coin;
    let Coin { tags, infinite_supply, is_active, .. } = coin;
    (id, name, symbol, slug) == (&held.id, &held.name, &held.symbol, &held.slug)
        && (platform_id, platform_name) == (&held.platform_id, &held.platform_name)
        && (token_address, tags) == (&held.token_address, &held.tags)
        && (infinite_supply, is_active) == (&held.infinite_supply, &held.is_active)
        && date_added == held.date_added
}

#[cfg(test)]
mod tests;
