//! One coin of the generated market: what never changes about it, and the walks of its price and volume.

mod details;
mod known;
mod made_up;
mod well_known;

pub(super) use self::known::known_walk;
use self::known::well_known;
use self::made_up::made_up;
pub(super) use self::well_known::WELL_KNOWN;
use super::names::Names;
use super::walk::Walk;

/// A coin. Amounts are in coins, prices and volumes in dollars.
#[derive(Clone, Debug)]
pub(crate) struct Coin {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) symbol: String,
    pub(crate) slug: String,
    /// As the API writes it.
    pub(crate) date_added: String,
    pub(crate) market_pairs: u32,
    /// A JSON array.
    pub(crate) tags: String,
    /// A JSON object, for tokens.
    pub(crate) platform: Option<String>,
    pub(crate) infinite_supply: bool,
    /// 0 when nobody has verified it, which makes the market cap 0 too: 64 % of the real coins.
    pub(crate) circulating: f64,
    pub(crate) total: f64,
    pub(crate) max: Option<f64>,
    /// What the project claims circulates.
    pub(crate) self_reported: Option<f64>,
    /// Value locked in its contracts, as a share of its market cap.
    pub(crate) locked_share: Option<f64>,
    /// Share of the volume that is traded on decentralised exchanges.
    pub(crate) dex_share: f64,
    /// Minutes that its quotes are behind the clock: 1 or 2.
    pub(crate) lag: i32,
    pub(crate) price: Walk,
    pub(crate) volume: Walk,
}

/// The first `count` coins of the market grown from `seed`: the well-known ones, then made-up ones.
pub(crate) fn coins(seed: u64, count: u32) -> Vec<Coin> {
    let mut names = Names::default();
    (0..count)
        .map(|index| match usize::try_from(index).ok().and_then(|index| WELL_KNOWN.get(index)) {
            Some(known) => {
                names.reserve(known.symbol, known.slug);
                well_known(seed, known)
            }
            None => {
                made_up(seed, index.saturating_sub(u32::try_from(WELL_KNOWN.len()).unwrap_or(0)), &mut names)
            }
        })
        .collect()
}

/// Dice of one coin in one market: the same for every run, unrelated between coins.
fn dice(seed: u64, id: u32) -> fastrand::Rng {
    fastrand::Rng::with_seed(seed ^ u64::from(id).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_and_slugs_are_unique_in_a_market_of_ten_thousand() {
        let coins = coins(1, 10_000);
        assert_eq!(coins.iter().map(|coin| coin.id).collect::<HashSet<_>>().len(), 10_000);
        assert_eq!(coins.iter().map(|coin| &coin.slug).collect::<HashSet<_>>().len(), 10_000);
    }

    #[test]
    fn a_smaller_market_is_the_beginning_of_a_larger_one() {
        let (small, large) = (coins(1, 40), coins(1, 80));
        assert!(small.iter().zip(&large).all(|(a, b)| (a.id, &a.symbol) == (b.id, &b.symbol)));
    }

    #[test]
    fn another_seed_grows_another_market() {
        assert_ne!(coins(1, 40)[39].name, coins(2, 40)[39].name);
    }
}
