//! What a batch is of: the listings, or a kind of the market beside them.

use std::time::Duration;

use domain::MarketKind;

use crate::spool::Manifest;

/// What a batch is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The listings, or coins by their ids: a snapshot.
    Listings,
    /// What there is beside them.
    Market(MarketKind),
}

impl Subject {
    /// What `order` asks for.
    pub(crate) fn of(order: &Manifest) -> Self {
        Self::of_endpoint(&order.endpoint)
    }

    /// What batches with this endpoint are of.
    pub(crate) fn of_endpoint(endpoint: &str) -> Self {
        MarketKind::of_endpoint(endpoint).map_or(Self::Listings, Self::Market)
    }
}

/// How often `kind` is fetched; `None` when it is not.
pub(crate) fn interval(market: &config::Market, kind: MarketKind) -> Option<Duration> {
    let every = match kind {
        MarketKind::Map => market.map,
        MarketKind::GlobalMetrics => market.global_metrics,
        MarketKind::FearAndGreed => market.fear_and_greed,
        MarketKind::Cmc100 => market.cmc100,
    };
    every.interval()
}

/// The key in `[market]` that says how often `kind` is fetched.
pub(crate) fn setting(kind: MarketKind) -> &'static str {
    match kind {
        MarketKind::Map => "map",
        MarketKind::GlobalMetrics => "global_metrics",
        MarketKind::FearAndGreed => "fear_and_greed",
        MarketKind::Cmc100 => "cmc100",
    }
}

/// How often each of what is fetched on a schedule is: snapshots first.
pub fn intervals(config: &config::Config) -> Vec<Duration> {
    let kinds = MarketKind::ALL.into_iter().filter_map(|kind| interval(&config.market, kind));
    [config.fetch.every].into_iter().chain(kinds).collect()
}
