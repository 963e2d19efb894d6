//! Well-known coins, from the table.

use super::details::{CHAINS, platform, tags};
use super::well_known::{Kind, WellKnown};
use super::{Coin, dice};
use crate::market::walk::Walk;

/// How the price of a well-known coin walks.
pub(in crate::market) fn known_walk(seed: u64, known: &WellKnown) -> Walk {
    let (follows, volatility) = match known.kind {
        Kind::Native | Kind::Token(_) => (known.id, if known.id == 1 { 0.45 } else { 0.65 }),
        Kind::Stable(_) => (known.id, 0.001),
        Kind::Wraps(1, _) => (1, 0.45),
        Kind::Wraps(id, _) => (id, 0.65),
    };
    Walk::new(known.price, volatility, &mut dice(seed, follows))
}

/// The coin for a line of the table.
pub(super) fn well_known(seed: u64, known: &WellKnown) -> Coin {
    let price = known_walk(seed, known);
    let mut rng = dice(seed, !known.id);
    let contract = match known.kind {
        Kind::Native => None,
        Kind::Stable(contract) | Kind::Token(contract) | Kind::Wraps(_, contract) => Some(contract),
    };
    let turnover = if matches!(known.kind, Kind::Stable(_)) { 0.4 } else { rng.f64() * 0.1 + 0.01 };
    Coin {
        id: known.id,
        name: known.name.to_owned(),
        symbol: known.symbol.to_owned(),
        slug: known.slug.to_owned(),
        date_added: format!("{}T00:00:00.000Z", known.added),
        market_pairs: rng.u32(300..12_000),
        tags: if matches!(known.kind, Kind::Stable(_)) {
            r#"["stablecoin"]"#.to_owned()
        } else {
            tags(&mut rng)
        },
        platform: contract.map(|contract| platform(CHAINS[0], contract)),
        infinite_supply: known.max.is_none() && contract.is_none(),
        circulating: known.circulating,
        total: known.total,
        max: known.max,
        self_reported: None,
        locked_share: None,
        dex_share: 0.002 + rng.f64() * 0.05,
        lag: rng.i32(1..=2),
        price,
        volume: Walk::new(known.price * known.circulating * turnover, 6.0, &mut rng),
    }
}
