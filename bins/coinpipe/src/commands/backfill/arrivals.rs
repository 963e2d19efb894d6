//! Whether what was fetched is in the tables, as the ledger proves.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use chrono::TimeDelta;
use domain::BatchId;
use outage::Away;
use ports::QueueName;
use service::Process;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use crate::adapters::Adapters;
use crate::numbers;

const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// How many batches one statement looks up; the others follow in turn.
const LOOKED_UP: usize = 16;
/// A queue in a file counts what every process holds: when that is nothing, nothing more can come.
const PATIENCE_WITH_FILES: TimeDelta = TimeDelta::seconds(3);
/// A broker does not tell what others hold, and a page may be tried again for minutes.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);

/// Batches on their way.
pub(super) struct Arrivals {
    waiting: BTreeSet<BatchId>,
    quotes: u64,
}

impl Arrivals {
    pub(super) fn new(batches: &[BatchId]) -> Self {
        Self { waiting: batches.iter().cloned().collect(), quotes: 0 }
    }

    /// Quotes of the batches that arrived.
    pub(super) fn quotes(&self) -> u64 {
        self.quotes
    }

    /// Waits until all are complete in the tables. `false` when asked to stop before; an error when one will not be.
    pub(super) async fn wait(
        &mut self,
        process: &Process,
        adapters: &Adapters,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> anyhow::Result<bool> {
        let is_on_files = service::file_of(&process.config().queue.url).is_some();
        let mut quiet_since = process.clock.now();
        let mut seen = None;
        let all = numbers::counted(self.waiting.len() as u64, "slot");
        while !self.waiting.is_empty() {
            if stop.is_cancelled() {
                return Ok(false);
            }
            progress.show(&format!("loading {all}"));
            let waiting = numbers::counted(self.waiting.len() as u64, "slot");
            let now = process.clock.now();
            match self.look(adapters).await {
                Ok(state) => {
                    if seen.replace(state) != Some(state) {
                        quiet_since = now;
                    }
                    let (_, in_queues) = state;
                    let is_hopeless =
                        is_on_files && in_queues == 0 && now - quiet_since >= PATIENCE_WITH_FILES;
                    if is_hopeless || now - quiet_since >= PATIENCE {
                        let first = self.waiting.first().map(ToString::to_string).unwrap_or_default();
                        bail!(
                            "not loaded: {waiting}, of them {first}; `coinpipe dead list` says why, and `coinpipe status` what still waits"
                        );
                    }
                }
                Err(Trouble::Away(reason)) => progress.show(&format!("waiting: {reason}")),
                Err(Trouble::Lasting(error)) => return Err(error),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = process.clock.sleep(POLL_INTERVAL) => {}
            }
        }
        Ok(true)
    }

    /// Looks some of them up. How many are waiting then, and how many messages are in the queues.
    async fn look(&mut self, adapters: &Adapters) -> Result<(usize, u64), Trouble> {
        // Before the ledger: what was in none of them then is in the tables, or held by somebody.
        let mut in_queues = 0;
        for queue in [QueueName::Raw, QueueName::Rows] {
            in_queues += adapters.queues.queue.depth(queue).await?.total();
        }
        let ids: Vec<_> = self.waiting.iter().take(LOOKED_UP).cloned().collect();
        for record in adapters.stores.ledger.batches_of(&ids).await? {
            if record.fetched_at.is_some() && record.is_complete() {
                self.waiting.remove(&record.id);
                self.quotes += record.written + record.unchanged + record.stale;
            }
        }
        Ok((self.waiting.len(), in_queues))
    }
}

/// Why nothing can be seen.
enum Trouble {
    Away(String),
    Lasting(anyhow::Error),
}

impl<E: Away + Into<anyhow::Error> + std::fmt::Display> From<E> for Trouble {
    fn from(error: E) -> Self {
        if error.is_away() { Self::Away(error.to_string()) } else { Self::Lasting(error.into()) }
    }
}
