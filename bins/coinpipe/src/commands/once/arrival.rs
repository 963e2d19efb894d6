//! When a snapshot has arrived. The ledger proves it: every chunk is recorded, or a letter on the desk says why one never
//! will be. That the queues are empty proves nothing: a broker does not tell what other workers hold.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::BatchId;
use fetcher::FetchedBatch;
use outage::Growth;
use ports::store::Missing;
use ports::{Clock, Depth, QueueError, QueueName, StoreError};
use tokio_util::sync::CancellationToken;

use super::Progress;
use crate::adapters::Adapters;
use crate::batch_state::parts;
use crate::numbers;

/// The waits between polls while nothing happens.
const POLL_INTERVAL: Growth = Growth::doubling(Duration::from_millis(50), Duration::from_secs(1));

/// How long to wait while nothing happens: longer than a broker takes to deliver the messages of a dead worker to another.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// The same for messages of other snapshots in the queues, once ours has arrived.
const PATIENCE_WITH_OTHERS: TimeDelta = TimeDelta::seconds(30);
/// After so long the progress says that it waits for another worker.
const STILL: TimeDelta = TimeDelta::seconds(2);
/// How long a letter about a failed fetch is waited for.
const PATIENCE_WITH_LETTERS: TimeDelta = TimeDelta::minutes(1);

/// How waiting ended.
pub(super) enum Arrival {
    /// The batch is complete, or letters say what became of the rest.
    Proved,
    /// Nothing happened for long; in words.
    Late(String),
    /// Asked to stop; what was missing then, in words.
    Stopped(String),
}

/// What can be seen of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct BatchState {
    /// Parts that are not loaded.
    missing: Vec<Missing>,
    /// So many of them are dead letters.
    dead: usize,
    /// What is in the queues, ours or others'.
    depth: Depth,
}

/// Queue or store is away for now; why, in words.
struct Unavailable(String);

/// Waits until `snapshot` has arrived, and what earlier runs left in the queues, too.
pub(super) async fn wait(
    clock: &dyn Clock,
    stop: &CancellationToken,
    adapters: &Adapters,
    snapshot: &FetchedBatch,
    progress: &Progress,
) -> anyhow::Result<Arrival> {
    let doing = format!("cleaning and loading {}", numbers::counted(u64::from(snapshot.coins), "coin"));
    let mut last = None;
    let mut moved_at = clock.now();
    let mut polls = 0;
    loop {
        let now = clock.now();
        let state = look(adapters, &snapshot.batch, snapshot.pages).await?;
        if last.as_ref().and_then(|last: &Result<BatchState, Unavailable>| last.as_ref().ok())
            != state.as_ref().ok()
        {
            (moved_at, polls) = (now, 0);
        }
        match &state {
            Ok(state) => {
                // What waits for its time is not forgotten.
                if state.depth.delayed > 0 && state.is_open() {
                    moved_at = now;
                }
                let patience = if state.is_open() { PATIENCE } else { PATIENCE_WITH_OTHERS };
                if !state.is_open()
                    && (state.depth.total() == 0 || stop.is_cancelled() || now - moved_at >= patience)
                {
                    return Ok(Arrival::Proved);
                }
                progress.show(&state.describe(&doing, now - moved_at >= STILL));
            }
            Err(Unavailable(reason)) => progress.show(&format!("waiting: {reason}")),
        }
        if stop.is_cancelled() {
            return Ok(Arrival::Stopped(describe_missing(state.as_ref(), &snapshot.batch)));
        }
        if now - moved_at >= PATIENCE {
            return Ok(Arrival::Late(late(state.as_ref(), &snapshot.batch, now - moved_at)));
        }
        last = Some(state);
        polls += 1;
        tokio::select! {
            () = stop.cancelled() => {}
            () = clock.sleep(POLL_INTERVAL.whole_wait(polls)) => {}
        }
    }
}

/// Waits until the letters that were written are on the desk, for a while.
pub(super) async fn wait_for_letters(clock: &dyn Clock, stop: &CancellationToken, adapters: &Adapters) {
    let until: DateTime<Utc> = clock.now() + PATIENCE_WITH_LETTERS;
    let mut polls = 0;
    while clock.now() < until && !stop.is_cancelled() {
        if adapters.queues.queue.depth(QueueName::Dead).await.is_ok_and(|depth| depth.total() == 0) {
            return;
        }
        polls += 1;
        tokio::select! {
            () = stop.cancelled() => {}
            () = clock.sleep(POLL_INTERVAL.whole_wait(polls)) => {}
        }
    }
}

/// Reads the state. An outage that may end is `Unavailable`; an error is one that waiting cannot help.
async fn look(
    adapters: &Adapters,
    batch: &BatchId,
    pages: u32,
) -> anyhow::Result<Result<BatchState, Unavailable>> {
    match read_state(adapters, batch, pages).await {
        Ok(state) => Ok(Ok(state)),
        Err(error) => {
            let store = error.downcast_ref::<StoreError>().map(StoreError::is_transient);
            let queue = error.downcast_ref::<QueueError>().map(QueueError::is_transient);
            if store.or(queue) == Some(true) { Ok(Err(Unavailable(error.to_string()))) } else { Err(error) }
        }
    }
}

async fn read_state(adapters: &Adapters, batch: &BatchId, pages: u32) -> anyhow::Result<BatchState> {
    // The queues first: what leaves them meanwhile is in the ledger by then.
    let mut depth = Depth::default();
    for queue in QueueName::ALL {
        let one = adapters.queues.queue.depth(queue).await?;
        depth.ready += one.ready;
        depth.delayed += one.delayed;
        depth.unsettled += one.unsettled;
    }
    let record = adapters.stores.ledger.batch(batch).await?;
    // Before anything is recorded, the fetcher knows how many pages there are.
    let missing = record.map_or_else(|| (1..=pages).map(Missing::Page).collect(), |record| record.missing);
    let dead = site::letters_about(&*adapters.stores.letters, batch, &missing).await?.len();
    Ok(BatchState { missing, dead, depth })
}

impl BatchState {
    /// Whether something is neither loaded nor dead.
    fn is_open(&self) -> bool {
        self.dead < self.missing.len()
    }

    fn describe(&self, doing: &str, is_still: bool) -> String {
        let Depth { delayed, .. } = self.depth;
        if delayed > 0 && delayed == self.depth.total() {
            return format!(
                "waiting: {} failed and will be tried again",
                numbers::counted(delayed, "message")
            );
        }
        if !self.is_open() {
            return format!(
                "loading what else is in the queues: {}",
                numbers::counted(self.depth.total(), "message")
            );
        }
        if self.depth.total() == 0 && is_still {
            return format!("waiting for another worker, who has {}", parts(&self.missing));
        }
        doing.to_owned()
    }
}

fn describe_missing(state: Result<&BatchState, &Unavailable>, batch: &BatchId) -> String {
    match state {
        Ok(state) => format!("missing {} of batch {batch}", parts(&state.missing)),
        Err(Unavailable(reason)) => format!("what is missing of batch {batch} cannot be seen: {reason}"),
    }
}

fn late(state: Result<&BatchState, &Unavailable>, batch: &BatchId, waited: TimeDelta) -> String {
    let missing = describe_missing(state, batch);
    let place = match state {
        Ok(state) if state.depth.total() == 0 => {
            "; it is in no queue and no dead letter, so another worker may hold it"
        }
        _ => "",
    };
    format!(
        "nothing happened for {} minutes: {missing}{place}; `coinpipe batches --incomplete` shows when it arrived",
        waited.num_minutes()
    )
}

#[cfg(test)]
mod tests;
