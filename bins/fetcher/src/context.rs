//! What the parts of a fetcher share.

use std::sync::Arc;
use std::time::Duration;

use ports::Clock;
use stage::Failpoints;

use crate::crash::Crashes;
use crate::metrics::FetchMetrics;
use crate::retry_turns::RetryTurns;

/// What the process gives the parts of a fetcher, and what they share. Clones share it too.
#[derive(Clone)]
pub(crate) struct FetchContext {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: FetchMetrics,
    pub(crate) crashes: Crashes,
    /// Taken by every loop that waits for something that is away.
    pub(crate) turns: Arc<RetryTurns>,
    /// When a snapshot is not what it claims to be.
    pub(crate) judge: Arc<config::Judge>,
    /// What is fetched beside the listings.
    pub(crate) market: Arc<config::Market>,
    /// Age at which quotes leave the tables; zero: never.
    pub(crate) keep: Duration,
}

impl FetchContext {
    /// Time is `clock`'s, `metrics` count, and it crashes where `failpoints` say.
    pub(crate) fn new(clock: Arc<dyn Clock>, metrics: FetchMetrics, failpoints: Failpoints) -> Self {
        let turns = Arc::new(RetryTurns::new(Arc::clone(&clock)));
        let config::Config { judge, market, .. } = config::Config::defaults();
        let (judge, market) = (Arc::new(judge), Arc::new(market));
        Self { clock, metrics, crashes: Crashes::at(failpoints), turns, judge, market, keep: Duration::ZERO }
    }

    /// Beside the listings, what `market` says is fetched.
    pub(crate) fn fetching(self, market: config::Market) -> Self {
        Self { market: Arc::new(market), ..self }
    }

    /// Quotes leave the tables at the age `keep`; zero: never.
    pub(crate) fn keeping(self, keep: Duration) -> Self {
        Self { keep, ..self }
    }

    /// Snapshots are judged as `judge` says, not by the defaults.
    pub(crate) fn judging_by(self, judge: config::Judge) -> Self {
        Self { judge: Arc::new(judge), ..self }
    }
}
