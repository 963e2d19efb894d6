//! A made-up market of thousands of coins whose state at any minute follows from the seed alone.
//!
//! Nothing is stored and nothing ticks: a price is a function of (seed, coin, UTC minute), so two simulators
//! with one seed agree, a test can ask for any instant, and `percent_change_*` fits the prices that were served
//! before. It has the nasty properties measured on the real data; `tests/api/market.rs` holds it to them.

mod coin;
mod currency;
mod known;
mod names;
mod number;
mod order;
mod row;
mod walk;

use chrono::{DateTime, Utc};

use coin::Coin;
use currency::PerDollar;
use row::{Standing, Style};
use walk::{Minute, Walk};

use crate::page::Page;
use crate::query::ListingQuery;
use domain::ApiVersion;

pub(crate) use currency::{Currency, by_symbol};

/// The coins, and the walks that other currencies than money are measured by.
pub(crate) struct Market {
    coins: Vec<Coin>,
    anchors: Vec<(u32, Walk)>,
}

impl Market {
    /// The market of `count` coins grown from `seed`.
    pub(crate) fn grow(seed: u64, count: u32) -> Self {
        let anchors = known::KNOWN.iter().map(|known| (known.id, coin::known_walk(seed, known))).collect();
        Self { coins: coin::coins(seed, count), anchors }
    }

    /// The rows that `query` asks for, as they are at `now`, as if the coins in `vanished` had never been.
    pub(crate) fn page(
        &self,
        now: DateTime<Utc>,
        version: ApiVersion,
        query: &ListingQuery,
        vanished: &[u32],
    ) -> Page {
        let now = Minute::of(now);
        let mut standings: Vec<Standing<'_>> = self
            .coins
            .iter()
            .filter(|coin| !vanished.contains(&coin.id))
            .map(|coin| Standing::at(coin, now))
            .collect();
        order::rank(&mut standings);
        let total_cap = standings.iter().map(|standing| standing.cap).sum();
        order::sort(&mut standings, query.sort, query.direction);
        let style = Style {
            version,
            aux: &query.aux,
            converts: &query.converts,
            total_cap,
            per_dollar: &|currency, minute| self.per_dollar(currency, minute),
        };
        let rows = query.slice(&standings).iter().map(|standing| row::render(standing, &style)).collect();
        Page { rows, total_count: standings.len() }
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
