//! What is fetched beside the listings, as far as it costs credits.

use std::time::Duration;

use domain::MarketKind;

use crate::subject::{interval, setting};

/// How often each kind of the market is fetched, and the credits that a batch of it costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Beside([Option<(Duration, u32)>; MarketKind::ALL.len()]);

impl Beside {
    /// As `market` says, in so many `currencies`.
    pub(super) fn of(market: &config::Market, currencies: u32) -> Self {
        Self(MarketKind::ALL.map(|kind| {
            let every = interval(market, kind)?.max(Duration::from_secs(1));
            Some((every, kind.batch_credits(currencies)))
        }))
    }

    /// Credits that all of it costs, when there are so many `batches` of a kind by its interval.
    pub(super) fn credits(&self, batches: impl Fn(Duration) -> u64) -> u64 {
        let costs = self.0.iter().flatten();
        costs.map(|(every, cost)| batches(*every).saturating_mul((*cost).into())).fold(0, u64::saturating_add)
    }

    /// The keys in `[market]` of what costs something.
    pub(super) fn settings(&self) -> Vec<&'static str> {
        let kinds = MarketKind::ALL.into_iter().zip(self.0);
        kinds
            .filter(|(_, each)| each.is_some_and(|(_, cost)| cost > 0))
            .map(|(kind, _)| setting(kind))
            .collect()
    }

    /// What all of it costs in `time`, in `parts` of a credit.
    pub(super) fn parts_of_credits(&self, time: Duration, parts: u128) -> u128 {
        let costs = self.0.iter().flatten();
        costs.map(|(every, cost)| u128::from(*cost) * time.as_millis() * parts / every.as_millis()).sum()
    }
}
