//! Which coin comes first: ranks by market cap, and the orders that `sort` can ask for.

use std::cmp::Ordering;

use super::state::CoinState;
use crate::query::{Direction, Sort};

/// Sorts by market cap, largest first, and numbers the places. Coins without one keep the order of their ids.
pub(crate) fn rank(states: &mut [CoinState<'_>]) {
    states.sort_by(|a, b| b.cap.total_cmp(&a.cap).then(a.coin.id.cmp(&b.coin.id)));
    for (place, state) in states.iter_mut().enumerate() {
        state.rank = place + 1;
    }
}

/// Sorts ranked coins by `sort`. Equal ones stay in the order of their ranks; unknown values come last.
pub(crate) fn sort(states: &mut [CoinState<'_>], sort: Sort, direction: Direction) {
    if sort == Sort::MarketCap && direction == Direction::Descending {
        return;
    }
    let turn = |ordering: Ordering| match direction {
        Direction::Ascending => ordering,
        Direction::Descending => ordering.reverse(),
    };
    match sort {
        Sort::Name => states.sort_by(|a, b| turn(a.coin.name.cmp(&b.coin.name))),
        Sort::Symbol => states.sort_by(|a, b| turn(a.coin.symbol.cmp(&b.coin.symbol))),
        Sort::DateAdded => states.sort_by(|a, b| turn(a.coin.date_added.cmp(&b.coin.date_added))),
        _ => {
            let mut keyed: Vec<_> = states.iter().map(|state| (number(state, sort), *state)).collect();
            keyed.sort_by(|(a, _), (b, _)| match (a, b) {
                (Some(a), Some(b)) => turn(a.total_cmp(b)),
                (a, b) => b.is_some().cmp(&a.is_some()),
            });
            for (place, (_, state)) in states.iter_mut().zip(keyed) {
                *place = state;
            }
        }
    }
}

/// The number that `sort` looks at.
fn number(state: &CoinState<'_>, sort: Sort) -> Option<f64> {
    let coin = state.coin;
    Some(match sort {
        Sort::Name | Sort::Symbol | Sort::DateAdded => return None,
        Sort::MarketCap => state.cap,
        Sort::MarketCapByTotalSupply => state.price * coin.total,
        Sort::Price => state.price,
        Sort::CirculatingSupply => coin.circulating,
        Sort::TotalSupply => coin.total,
        Sort::MaxSupply => return coin.max,
        Sort::MarketPairs => f64::from(coin.market_pairs),
        Sort::Volume => state.volume,
        Sort::Change(minutes) => state.change(minutes),
    })
}
