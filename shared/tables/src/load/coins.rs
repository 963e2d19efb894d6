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

/// The coins of `rows` by id, and their identities by coin, in the order they came in.
pub fn seen<'a>(rows: &[LoadRow<'a>]) -> (Vec<SeenCoin<'a>>, Vec<SeenIdentity<'a>>) {
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
    (coins, identities)
}

/// Adds the identity of `row` to those of its coin, which come after `others` of other coins.
fn identify<'a>(identities: &mut Vec<SeenIdentity<'a>>, others: usize, row: &LoadRow<'a>) {
    let is_same = |seen: &&mut SeenIdentity<'a>| {
        std::ptr::eq(seen.coin, row.coin)
            || (&seen.coin.symbol, &seen.coin.name, &seen.coin.slug)
                == (&row.coin.symbol, &row.coin.name, &row.coin.slug)
    };
    match identities[others..].iter_mut().find(is_same) {
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
    /// The newest fetch.
    pub last_seen_at: DateTime<Utc>,
}

/// What to write of the coins that were seen.
#[derive(Debug)]
pub struct Changes<'a> {
    /// Rows to write whole: they are new, or say something new.
    pub write: Split<SeenCoin<'a>>,
    /// Coins that only were seen again, by the instant.
    pub seen_again: BTreeMap<DateTime<Utc>, Vec<u32>>,
}

/// What to write of the identities that were seen.
#[derive(Debug)]
pub struct IdentityChanges<'a> {
    /// The coins whose only identity was seen again, by the instant: nearly all, and found by their id alone. To be done first,
    /// before one of them gets another identity.
    pub seen_again: BTreeMap<DateTime<Utc>, Vec<u32>>,
    /// Rows to write whole.
    pub write: Vec<SeenIdentity<'a>>,
}

/// What to write of `seen`, where `known` is what the table holds of these coins.
pub fn changes<'a>(seen: Vec<SeenCoin<'a>>, known: &BTreeMap<u32, Known<Coin>>) -> Changes<'a> {
    let (mut write, mut seen_again) = (Vec::new(), BTreeMap::<_, Vec<_>>::new());
    for coin in seen {
        let Some(held) = known.get(&coin.coin.id) else {
            write.push(coin);
            continue;
        };
        let is_newer = coin.last_seen_at > held.last_seen_at;
        let describes = is_newer || coin.is_rebuild && coin.last_seen_at == held.last_seen_at;
        if describes && !is_described(coin.coin, &held.what) || coin.first_seen_at < held.first_seen_at {
            write.push(coin);
        } else if is_newer {
            seen_again.entry(coin.last_seen_at).or_default().push(coin.coin.id);
        }
    }
    Changes { write: Split::of(write, |seen| seen.is_rebuild), seen_again }
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

/// What to write of `seen`, where `known` is what the table holds of the identities of these coins; `key` is the table's key.
pub fn identity_changes<'a, K: Ord>(
    seen: Vec<SeenIdentity<'a>>,
    known: &BTreeMap<(u32, K), Known<()>>,
    key: impl Fn(&Coin) -> (u32, K),
) -> IdentityChanges<'a> {
    let mut identities: BTreeMap<u32, usize> = BTreeMap::new();
    for (coin, _) in known.keys() {
        *identities.entry(*coin).or_default() += 1;
    }
    let mut changes = IdentityChanges { seen_again: BTreeMap::new(), write: Vec::new() };
    for identity in seen {
        let id = identity.coin.id;
        match known.get(&key(identity.coin)) {
            Some(held) if identity.first_seen_at >= held.first_seen_at => {
                if identity.last_seen_at <= held.last_seen_at {
                    continue;
                }
                if identities.get(&id) == Some(&1) {
                    changes.seen_again.entry(identity.last_seen_at).or_default().push(id);
                } else {
                    changes.write.push(identity);
                }
            }
            _ => changes.write.push(identity),
        }
    }
    changes
}

#[cfg(test)]
mod tests;
