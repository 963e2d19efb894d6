//! Made-up coins, as nasty as the real ones.

use chrono::{Days, NaiveDate};

use super::details::{CHAINS, contract, platform, tags};
use super::well_known::WELL_KNOWN;
use super::{Coin, dice};
use crate::market::names::Names;
use crate::market::walk::Walk;

/// Ids of generated coins start here, three apart or so, above CoinMarketCap's ids of fiat money.
const FIRST_ID: u32 = 2_801;
/// The share of coins whose supply, and so market cap, is unknown.
const UNVERIFIED: f64 = 0.642;
/// Total supplies that people choose for their tokens; the last three are above 2^53.
const ROUND_SUPPLIES: [f64; 10] =
    [21e6, 1e8, 1e9, 1e9, 1e10, 1e12, 420.69e12, 1e16, 155_579_987_314_341_800.0, 1e18];
/// The `nth` made-up coin.
pub(super) fn made_up(seed: u64, nth: u32, names: &mut Names) -> Coin {
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
    let free: Vec<u32> =
        (block..block + 3).filter(|id| WELL_KNOWN.iter().all(|known| known.id != *id)).collect();
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
