//! Chunks that wait are loaded together: while one transaction runs, those that come meanwhile gather for the next
//! (group commit). Nobody waits for company: a chunk that comes alone is loaded at once, alone. How many quotes a transaction
//! may have follows from how long the last ones took.
//!
//! Whoever gets the turn loads for all. Should it be given up half-way (its deadline, the end of the process), or should the
//! store panic, each of the others loads its chunk by itself, so that a chunk's trouble stays its own.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Chunk;
use futures_util::FutureExt;
use ports::store::{Loaded, Store, StoreError};
use tokio::sync::{Mutex as Turn, oneshot};
use tokio::time::Instant;

use crate::failure;
use stage::Failure;

/// Quotes of one transaction: those of five pages. More of them make a transaction longer, not the average quote cheaper.
const MOST_QUOTES: usize = 25_000;

/// Quotes of the first transaction.
const FIRST_QUOTES: usize = 5000;

/// A transaction that takes longer has too many quotes for its database; one that takes less than a fifth may have more. Well
/// below the deadline of a chunk: all chunks of a transaction have to wait for its end.
const LONG: Duration = Duration::from_secs(5);

/// The chunks that wait, and the store.
pub(crate) struct Groups {
    store: Arc<dyn Store>,
    waiting: Mutex<VecDeque<Waiting>>,
    /// The quotes that the next transaction may have; a chunk of more is alone.
    limit: AtomicUsize,
    turn: Turn<()>,
}

/// A chunk that waits, and who is told what became of it.
struct Waiting {
    chunk: Arc<Chunk>,
    told: oneshot::Sender<Result<Loaded, Failure>>,
}

impl Groups {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, waiting: Mutex::default(), limit: AtomicUsize::new(FIRST_QUOTES), turn: Turn::new(()) }
    }

    /// Loads `chunk`, with those that wait as well.
    pub(crate) async fn load(&self, chunk: Chunk) -> Result<Loaded, Failure> {
        let chunk = Arc::new(chunk);
        let (told, mut answer) = oneshot::channel();
        self.waiting().push_back(Waiting { chunk: Arc::clone(&chunk), told });
        loop {
            tokio::select! {
                biased;
                told = &mut answer => match told {
                    Ok(outcome) => return outcome,
                    Err(_given_up) => {
                        let _turn = self.turn.lock().await;
                        return self.store.load(&chunk).await.map_err(|error| failure(&error));
                    }
                },
                _turn = self.turn.lock() => self.load_next().await,
            }
        }
    }

    /// Loads those that came first, and tells each what became of its chunk.
    async fn load_next(&self) {
        let group = self.next();
        let chunks: Vec<&Chunk> = group.iter().map(|waiting| &*waiting.chunk).collect();
        let begun = Instant::now();
        // Those of a group that panics are not told, and load by themselves.
        let Ok(outcome) = AssertUnwindSafe(self.store.load_all(&chunks)).catch_unwind().await else { return };
        self.adapt(chunks.iter().map(|chunk| quotes(chunk)).sum(), begun.elapsed());
        match outcome {
            Ok(all) => {
                for (waiting, loaded) in group.into_iter().zip(all) {
                    // Whoever is gone gets the chunk again, and loads it again.
                    let _gone = waiting.told.send(Ok(loaded));
                }
            }
            Err(error) => tell_all(group, &error),
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

    /// Takes the chunks of the next transaction: at least one of those that somebody still waits for, all of one kind.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let mut group: Vec<Waiting> = Vec::new();
        let (limit, mut in_group) = (self.limit.load(Ordering::Relaxed), 0);
        while let Some(next) = waiting.pop_front() {
            let is_of_kind = |first: &Waiting| first.chunk.page.simulated == next.chunk.page.simulated;
            in_group += quotes(&next.chunk);
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

fn quotes(chunk: &Chunk) -> usize {
    chunk.rows.iter().map(|row| row.quotes.len()).sum()
}

/// Tells all that the transaction failed.
fn tell_all(group: Vec<Waiting>, error: &StoreError) {
    for waiting in group {
        let _gone = waiting.told.send(Err(failure(error)));
    }
}

#[cfg(test)]
mod tests;
