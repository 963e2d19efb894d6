//! Chunks that wait are loaded together: while one transaction runs, those that come meanwhile gather for the next
//! (group commit). Nobody waits for company: a chunk that comes alone is loaded at once, alone.
//!
//! Whoever gets the turn loads for all. Should it be given up half-way (its deadline, the end of the process), or should the
//! store panic, each of the others loads its chunk by itself, so that a chunk's trouble stays its own.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Chunk;
use futures_util::FutureExt;
use ports::store::{Loaded, Store, StoreError};
use tokio::sync::{Mutex as Turn, oneshot};

use crate::failure;
use stage::Failure;

/// Quotes of one transaction: those of five pages. More of them make a transaction longer, not the average quote cheaper.
const MOST_QUOTES: usize = 25_000;

/// The chunks that wait, and the store.
pub(crate) struct Groups {
    store: Arc<dyn Store>,
    waiting: Mutex<VecDeque<Waiting>>,
    turn: Turn<()>,
}

/// A chunk that waits, and who is told what became of it.
struct Waiting {
    chunk: Arc<Chunk>,
    told: oneshot::Sender<Result<Loaded, Failure>>,
}

impl Groups {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, waiting: Mutex::default(), turn: Turn::new(()) }
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
        // Those of a group that panics are not told, and load by themselves.
        let Ok(outcome) = AssertUnwindSafe(self.store.load_all(&chunks)).catch_unwind().await else { return };
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

    /// Takes the chunks of the next transaction: at least one of those that somebody still waits for, all of one kind.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let mut group: Vec<Waiting> = Vec::new();
        let mut quotes = 0;
        while let Some(next) = waiting.pop_front() {
            let is_of_kind = |first: &Waiting| first.chunk.page.simulated == next.chunk.page.simulated;
            quotes += next.chunk.rows.iter().map(|row| row.quotes.len()).sum::<usize>();
            if !group.is_empty() && (quotes > MOST_QUOTES || !group.first().is_some_and(is_of_kind)) {
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

/// Tells all that the transaction failed.
fn tell_all(group: Vec<Waiting>, error: &StoreError) {
    for waiting in group {
        let _gone = waiting.told.send(Err(failure(error)));
    }
}

#[cfg(test)]
mod tests;
