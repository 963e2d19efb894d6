//! What the parts of a fetcher share.

use std::sync::Arc;

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
}

impl FetchContext {
    /// Time is `clock`'s, `metrics` count, and it crashes where `failpoints` say.
    pub(crate) fn new(clock: Arc<dyn Clock>, metrics: FetchMetrics, failpoints: Failpoints) -> Self {
        let turns = Arc::new(RetryTurns::new(Arc::clone(&clock)));
        Self { clock, metrics, crashes: Crashes::at(failpoints), turns }
    }
}
