//! The order of the rows: what `sort` may name, and what it means.

/// What `sort` may name, and what it means.
pub(super) const SORTS: [(&str, Sort); 17] = [
    ("market_cap", Sort::MarketCap),
    ("market_cap_strict", Sort::MarketCap),
    ("market_cap_by_total_supply_strict", Sort::MarketCapByTotalSupply),
    ("name", Sort::Name),
    ("symbol", Sort::Symbol),
    ("date_added", Sort::DateAdded),
    ("price", Sort::Price),
    ("circulating_supply", Sort::CirculatingSupply),
    ("total_supply", Sort::TotalSupply),
    ("max_supply", Sort::MaxSupply),
    ("num_market_pairs", Sort::MarketPairs),
    ("volume_24h", Sort::Volume),
    ("volume_7d", Sort::Volume),
    ("volume_30d", Sort::Volume),
    ("percent_change_1h", Sort::Change(60)),
    ("percent_change_24h", Sort::Change(1_440)),
    ("percent_change_7d", Sort::Change(7 * 1_440)),
];

/// The order of the rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sort {
    MarketCap,
    MarketCapByTotalSupply,
    Name,
    Symbol,
    DateAdded,
    Price,
    CirculatingSupply,
    TotalSupply,
    MaxSupply,
    MarketPairs,
    Volume,
    /// Percent change over so many minutes.
    Change(i32),
}

/// Which end of the order comes first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}
