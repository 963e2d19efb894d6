//! One coin of the generated market: what never changes about it, and the walks of its price and volume.

use chrono::{Days, NaiveDate};

use super::known::{KNOWN, Kind, Known};
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

/// Ids of generated coins start here, three apart or so, above CoinMarketCap's ids of fiat money.
const FIRST_ID: u32 = 2_801;
/// The share of coins whose supply, and so market cap, is unknown.
const UNVERIFIED: f64 = 0.642;
/// Total supplies that people choose for their tokens; the last three are above 2^53.
const ROUND_SUPPLIES: [f64; 10] =
    [21e6, 1e8, 1e9, 1e9, 1e10, 1e12, 420.69e12, 1e16, 155_579_987_314_341_800.0, 1e18];
/// Chains that generated tokens live on: id, name, symbol, slug.
const CHAINS: [(u32, &str, &str, &str); 5] = [
    (1027, "Ethereum", "ETH", "ethereum"),
    (1839, "BNB", "BNB", "bnb"),
    (5426, "Solana", "SOL", "solana"),
    (1958, "TRON", "TRX", "tron"),
    (5805, "Avalanche", "AVAX", "avalanche"),
];
/// 48 tags; coins take them in strides that are coprime to 48, so that no coin has a tag twice.
const TAGS: [&str; 48] = [
    "mineable",
    "pow",
    "pos",
    "smart-contracts",
    "defi",
    "memes",
    "collectibles-nfts",
    "gaming",
    "metaverse",
    "ai-big-data",
    "dao",
    "governance",
    "yield-farming",
    "amm",
    "dex",
    "lending-borrowing",
    "layer-1",
    "layer-2",
    "rollups",
    "scaling",
    "zero-knowledge-proofs",
    "privacy",
    "oracles",
    "interoperability",
    "payments",
    "storage",
    "filesharing",
    "identity",
    "iot",
    "logistics",
    "real-world-assets",
    "tokenized-stock",
    "stablecoin",
    "wrapped-tokens",
    "liquid-staking-derivatives",
    "restaking",
    "depin",
    "socialfi",
    "sports",
    "fan-token",
    "ethereum-ecosystem",
    "bnb-chain-ecosystem",
    "solana-ecosystem",
    "tron20-ecosystem",
    "avalanche-ecosystem",
    "polygon-ecosystem",
    "arbitrum-ecosystem",
    "base-ecosystem",
];
const STRIDES: [usize; 5] = [1, 5, 7, 11, 13];

/// The first `count` coins of the market grown from `seed`: the well-known ones, then made-up ones.
pub(crate) fn coins(seed: u64, count: u32) -> Vec<Coin> {
    let mut names = Names::default();
    (0..count)
        .map(|index| match usize::try_from(index).ok().and_then(|index| KNOWN.get(index)) {
            Some(known) => {
                names.reserve(known.symbol, known.slug);
                well_known(seed, known)
            }
            None => made_up(seed, index.saturating_sub(u32::try_from(KNOWN.len()).unwrap_or(0)), &mut names),
        })
        .collect()
}

/// How the price of a well-known coin walks.
pub(crate) fn known_walk(seed: u64, known: &Known) -> Walk {
    let (follows, volatility) = match known.kind {
        Kind::Native | Kind::Token(_) => (known.id, if known.id == 1 { 0.45 } else { 0.65 }),
        Kind::Stable(_) => (known.id, 0.001),
        Kind::Wraps(1, _) => (1, 0.45),
        Kind::Wraps(id, _) => (id, 0.65),
    };
    Walk::new(known.price, volatility, &mut dice(seed, follows))
}

fn well_known(seed: u64, known: &Known) -> Coin {
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

fn made_up(seed: u64, nth: u32, names: &mut Names) -> Coin {
    let id = made_up_id(nth);
    let mut rng = dice(seed, id);
    let name = Names::name(&mut rng);
    let symbol = names.symbol(&name, &mut rng);
    let slug = names.slug(&name, id);
    let (price, volatility) = price(nth, &mut rng);
    let verified = nth > 1 && rng.f64() >= UNVERIFIED;
    // A few are worth billions, most around a million.
    let cap = 2.5e9 / (1.0 + rng.f64() * 450.0).powf(1.25);
    let claimed = *rng.choice(&ROUND_SUPPLIES).unwrap_or(&1e9);
    let circulating = match (verified, rng.bool()) {
        (false, _) => 0.0,
        (true, true) => (cap / price).round().max(1.0),
        (true, false) => cap / price,
    };
    let total = match (verified, rng.bool()) {
        (false, _) => claimed,
        (true, true) => circulating,
        (true, false) => circulating * (1.0 + rng.f64()),
    };
    let max = (rng.f64() < 0.55).then_some(total);
    let turnover = if rng.f64() < 0.15 { 0.0 } else { 10f64.powf(-3.5 + 3.0 * rng.f64()) };
    let traded = if verified { cap * turnover } else { 1e6 * turnover };
    let chain = (rng.f64() < 0.85).then(|| *rng.choice(CHAINS).as_ref().unwrap_or(&CHAINS[0]));
    let contract = contract(&mut rng);
    Coin {
        id,
        name,
        symbol,
        slug,
        date_added: date_added(id, &mut rng),
        market_pairs: if verified { rng.u32(2..400) } else { rng.u32(0..12) },
        tags: tags(&mut rng),
        platform: chain.map(|chain| platform(chain, &contract)),
        infinite_supply: max.is_none() && rng.f64() < 0.2,
        circulating,
        total,
        max,
        self_reported: (!verified || rng.f64() < 0.2).then(|| (total * rng.f64()).round()),
        locked_share: (verified && rng.f64() < 0.05).then(|| 0.05 + rng.f64()),
        dex_share: rng.f64(),
        lag: rng.i32(1..=2),
        price: Walk::new(price, volatility, &mut rng),
        volume: Walk::new(traded, 8.0, &mut rng),
    }
}

/// The centre and the volatility of the price of the `nth` made-up coin.
fn price(nth: u32, rng: &mut fastrand::Rng) -> (f64, f64) {
    let power = match nth {
        // The two prices that break a table with fixed decimals or integer columns are in every market.
        0 => return (5e-18, 0.0),
        1 => return (1.0, 0.0),
        _ if rng.f64() < 0.015 => -17.0 + 8.0 * rng.f64(),
        _ => -8.0 + 3.5 * (rng.f64() + rng.f64() + rng.f64()),
    };
    // Nobody trades every tenth coin: its price has few digits and stands still.
    if rng.f64() < 0.1 {
        (10f64.powf(power.floor()) * f64::from(rng.u32(1..10)), 0.0)
    } else {
        (10f64.powf(power), 0.8 + 2.0 * rng.f64())
    }
}

/// Ids with gaps, never one of a well-known coin.
fn made_up_id(nth: u32) -> u32 {
    let block = FIRST_ID + nth * 3;
    let free: Vec<u32> = (block..block + 3).filter(|id| KNOWN.iter().all(|known| known.id != *id)).collect();
    let skipped = usize::from(nth.is_multiple_of(7));
    free.get(skipped).or(free.first()).copied().unwrap_or(block)
}

/// CoinMarketCap numbers coins as they are listed, so a later id has a later date.
fn date_added(id: u32, rng: &mut fastrand::Rng) -> String {
    let day = NaiveDate::from_ymd_opt(2018, 6, 1)
        .and_then(|first| first.checked_add_days(Days::new(u64::from((id - FIRST_ID) / 12))))
        .unwrap_or_default();
    format!("{day}T{:02}:{:02}:{:02}.000Z", rng.u32(..24), rng.u32(..60), rng.u32(..60))
}

fn tags(rng: &mut fastrand::Rng) -> String {
    let stride = *rng.choice(&STRIDES).unwrap_or(&1);
    let tags: Vec<String> = TAGS
        .iter()
        .cycle()
        .skip(rng.usize(..TAGS.len()))
        .step_by(stride)
        .take(rng.usize(1..=24))
        .map(|tag| format!("\"{tag}\""))
        .collect();
    format!("[{}]", tags.join(","))
}

fn platform((id, name, symbol, slug): (u32, &str, &str, &str), contract: &str) -> String {
    format!(
        r#"{{"id":{id},"name":"{name}","symbol":"{symbol}","slug":"{slug}","token_address":"{contract}"}}"#
    )
}

fn contract(rng: &mut fastrand::Rng) -> String {
    format!("0x{:032x}{:08x}", rng.u128(..), rng.u32(..))
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
