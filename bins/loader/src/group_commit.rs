//! Group commit: one transaction loads all chunks that wait. Chunks that arrive while it runs wait for the next one. A chunk
//! that arrives when nothing runs is loaded at once, without waiting for others. How many quotes a transaction may have follows
//! from how long the last ones took.
//!
//! Chunks wait as they were received, and their rows are read when their transaction begins: that takes a third of the memory, so
//! three times as many can wait for the same transaction.
//!
//! The task that gets the lock loads for the whole group. When that task is dropped half-way (its deadline, the end of the
//! process), or the store panics, each of the others loads its own chunk, so that one chunk cannot fail the others.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Chunk;
use domain::wire::UnreadChunk;
use futures_util::FutureExt;
use ports::store::{Loaded, MOST_QUOTES, Store, StoreError};
use tokio::sync::{Mutex as Turn, oneshot};
use tokio::time::Instant;

use crate::{failure, undecodable};
use stage::Failure;

/// Quotes of the first transaction.
const FIRST_QUOTES: usize = 5000;

/// After a transaction that took longer, the next one may have half as many quotes; after a full one that took less than a
/// fifth of this, twice as many. Well below the deadline of a chunk, because all chunks of a transaction wait for its end.
const LONG: Duration = Duration::from_secs(5);

/// The chunks that wait, and the store.
pub(crate) struct GroupCommit {
    store: Arc<dyn Store>,
    waiting: Mutex<VecDeque<Waiting>>,
    /// The quotes that the next transaction may have; a chunk of more is alone.
    limit: AtomicUsize,
    turn: Turn<()>,
}

/// A chunk that waits, and who is told what became of it.
struct Waiting {
    chunk: UnreadChunk,
    told: oneshot::Sender<Result<Loaded, Failure>>,
}

impl GroupCommit {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, waiting: Mutex::default(), limit: AtomicUsize::new(FIRST_QUOTES), turn: Turn::new(()) }
    }

    /// Loads `chunk`, with those that wait as well.
    pub(crate) async fn load(&self, chunk: UnreadChunk) -> Result<Loaded, Failure> {
        let (told, mut answer) = oneshot::channel();
        self.waiting().push_back(Waiting { chunk: chunk.clone(), told });
        loop {
            tokio::select! {
                biased;
                told = &mut answer => match told {
                    Ok(outcome) => return outcome,
                    Err(_given_up) => {
                        let _turn = self.turn.lock().await;
                        return self.store.load(&read(&chunk)?).await.map_err(|error| failure(&error));
                    }
                },
                _turn = self.turn.lock() => self.load_next().await,
            }
        }
    }

    /// Loads those that came first, and tells each what became of its chunk.
    async fn load_next(&self) {
        let waiting = self.next();
        // Not on the runtime's threads: it takes some 30 ms for a full transaction. And as it is nearly always the same thread,
        // the allocator gives the rows the same memory again: the loader peaks at 95 MiB in a replay, otherwise at 109.
        let Ok((group, chunks)) = tokio::task::spawn_blocking(|| read_all(waiting)).await else { return };
        let chunks: Vec<&Chunk> = chunks.iter().collect();
        let begun = Instant::now();
        // After a panic nobody is told, so each chunk of the group is loaded by its own task.
        let Ok(outcome) = AssertUnwindSafe(self.store.load_all(&chunks)).catch_unwind().await else { return };
        match outcome {
            Ok(all) => {
                self.adapt(chunks.iter().map(|chunk| chunk.quotes()).sum(), begun.elapsed());
                for (waiting, loaded) in group.into_iter().zip(all) {
                    // A chunk that nobody waits for any more is delivered again, and then changes nothing.
                    let _gone = waiting.told.send(Ok(loaded));
                }
            }
            Err(error @ StoreError::Mixed { .. }) => tell_all(group, &error),
            Err(error) => {
                tell_all(group, &error);
                // The others would only find out the same, one group after the other, while their deadlines pass.
                let others = std::mem::take(&mut *self.waiting());
                tell_all(others, &error);
            }
        }
    }

    /// Lets the next transaction have fewer quotes when this one was long, and more when it was short and full.
    fn adapt(&self, quotes: usize, took: Duration) {
        let limit = self.limit.load(Ordering::Relaxed);
        let next = if took > LONG {
            quotes.min(limit) / 2
        } else if took < LONG / 5 && quotes > limit / 2 {
            (limit * 2).min(MOST_QUOTES)
        } else {
            limit
        };
        self.limit.store(next.max(1), Ordering::Relaxed);
    }

    /// Takes the chunks of the next transaction: as many as the limit allows, but at least one; all real, or all simulated.
    /// Leaves out those that nobody waits for any more.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let mut group: Vec<Waiting> = Vec::new();
        let (limit, mut in_group) = (self.limit.load(Ordering::Relaxed), 0);
        while let Some(next) = waiting.pop_front() {
            let is_of_kind = |first: &Waiting| kind_of(first) == kind_of(&next);
            // A message may say anything of itself.
            in_group = next.chunk.quotes().saturating_add(in_group);
            if !group.is_empty() && (in_group > limit || !group.first().is_some_and(is_of_kind)) {
                waiting.push_front(next);
                break;
            }
            if !next.told.is_closed() {
                group.push(next);
            }
        }
        group
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a simulator made the chunk up.
fn kind_of(waiting: &Waiting) -> bool {
    waiting.chunk.head().page.simulated
}

/// Reads the rows of the chunks. Those that cannot be read are told so, and left out.
fn read_all(waiting: Vec<Waiting>) -> (Vec<Waiting>, Vec<Chunk>) {
    let mut group = Vec::with_capacity(waiting.len());
    let mut chunks = Vec::with_capacity(waiting.len());
    for waiting in waiting {
        match read(&waiting.chunk) {
            Ok(chunk) => {
                chunks.push(chunk);
                group.push(waiting);
            }
            Err(failure) => drop(waiting.told.send(Err(failure))),
        }
    }
    (group, chunks)
}

/// The chunk with its rows.
fn read(chunk: &UnreadChunk) -> Result<Chunk, Failure> {
    chunk.read().map_err(|error| undecodable(Some(chunk.head().page.batch.as_str()), &error))
}

/// Tells all that the transaction failed.
fn tell_all(group: impl IntoIterator<Item = Waiting>, error: &StoreError) {
    for waiting in group {
        let _gone = waiting.told.send(Err(failure(error)));
    }
}

#[cfg(test)]
mod tests;
