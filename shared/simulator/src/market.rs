//! A made-up market of thousands of coins whose state at any minute follows from the seed alone.
//!
//! Nothing is stored and nothing ticks: a price is a function of (seed, coin, UTC minute), so two simulators
//! with one seed agree, a test can ask for any instant, and `percent_change_*` fits the prices that were served
//! before. It has the nasty properties measured on the real data; `tests/api/market.rs` holds it to them.

mod beside;
mod coin;
mod names;
mod number;
mod order;
mod row;
mod state;
mod walk;

use chrono::{DateTime, Utc};
use domain::ApiVersion;

use self::coin::Coin;
use self::row::Style;
use self::state::CoinState;
use self::walk::{Minute, Walk};
use crate::currency::{Currency, PerDollar};
use crate::listing_page::ListingPage;
use crate::query::{HistoryQuery, ListingQuery};

/// The coins, and the walks that other currencies than money are measured by.
pub(crate) struct Market {
    coins: Vec<Coin>,
    anchors: Vec<(u32, Walk)>,
}

impl Market {
    /// The market of `count` coins grown from `seed`.
    pub(crate) fn grow(seed: u64, count: u32) -> Self {
        let anchors =
            coin::WELL_KNOWN.iter().map(|known| (known.id, coin::known_walk(seed, known))).collect();
        Self { coins: coin::coins(seed, count), anchors }
    }

    /// The rows that `query` asks for, as they are at `now`, as if the coins in `vanished` had never been.
    pub(crate) fn page(
        &self,
        now: DateTime<Utc>,
        version: ApiVersion,
        query: &ListingQuery,
        vanished: &[u32],
    ) -> ListingPage {
        let mut states = self.ranked(Minute::of(now), vanished);
        let total_cap = states.iter().map(|state| state.cap).sum();
        if let Some(ids) = &query.ids {
            let place = |id| ids.iter().position(|asked| *asked == id);
            states.retain(|state| place(state.coin.id).is_some());
            states.sort_by_key(|state| place(state.coin.id));
        } else {
            order::sort(&mut states, query.sort, query.direction);
        }
        let style = Style {
            version,
            whole_tags: query.ids.is_some(),
            aux: &query.aux,
            converts: &query.converts,
            total_cap,
            per_dollar: &|currency, minute| self.per_dollar(currency, minute),
        };
        let rows = query.slice(&states).iter().map(|state| row::render(state, &style)).collect();
        ListingPage { rows, total_count: query.ids.is_none().then_some(states.len()) }
    }

    /// The coins that `query` asks for and that there are, each with its id, with quotes as a listing's were at `instants`.
    pub(crate) fn history(&self, query: &HistoryQuery, instants: &[DateTime<Utc>]) -> Vec<(u32, String)> {
        let minutes: Vec<Minute> = instants.iter().map(|at| Minute::of(*at)).collect();
        let coins = query.ids.iter().filter_map(|id| self.coins.iter().find(|coin| coin.id == *id));
        let per_dollar = |currency: &Currency, minute| self.per_dollar(currency, minute);
        coins.map(|coin| (coin.id, row::render_history(coin, &minutes, query, &per_dollar))).collect()
    }

    /// The coins at `now`, with their ranks.
    fn ranked(&self, now: Minute, vanished: &[u32]) -> Vec<CoinState<'_>> {
        let coins = self.coins.iter().filter(|coin| !vanished.contains(&coin.id));
        let mut states: Vec<_> = coins.map(|coin| CoinState::at(coin, now)).collect();
        order::rank(&mut states);
        states
    }

    fn per_dollar(&self, currency: &Currency, minute: Minute) -> f64 {
        match currency.per_dollar {
            PerDollar::Fixed(rate) => rate,
            PerDollar::InverseOf(coin) => {
                let anchor = self.anchors.iter().find(|(id, _)| *id == coin);
                anchor.map_or(1.0, |(_, walk)| 1.0 / walk.at(minute))
            }
        }
    }
}
