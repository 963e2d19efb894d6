//! Group commit: one transaction loads all chunks that wait. Chunks that arrive while it runs wait for the next one. A chunk
//! that arrives when nothing runs is loaded at once, without waiting for others; only after a group the next one is given 10 ms
//! to gather. How many quotes a transaction may have follows from how long the last ones took.
//!
//! Chunks wait as they were received, which takes a third of the memory of their rows. Only those of the next transaction are
//! read ahead, while the one before it runs: otherwise the database would wait for that, 15 % of the time.
//!
//! On a server, transactions overlap: while one writes what a later one has to wait for (the newest quotes), the next one writes its
//! history ([`beside`]).
//!
//! The task that gets the lock loads for the whole group. When that task is dropped half-way (its deadline, the end of the
//! process), or the store panics, each of the others loads its own chunk, so that one chunk cannot fail the others.

mod beside;
mod waiting;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::Chunk;
use domain::wire::{Descriptions, UnreadChunk};
use futures_util::FutureExt;
use ports::store::{Loaded, MOST_QUOTES, Store, StoreError};
use stage::Failure;
use tokio::sync::{Mutex as Turn, MutexGuard, oneshot};
use tokio::time::Instant;

use self::beside::Beside;
use self::waiting::{Waiting, WaitingChunks, read};
use crate::failure;

/// Quotes of the first transaction.
const FIRST_QUOTES: usize = 5000;

/// After a transaction that took longer, the next one may have half as many quotes; after a full one that took less than a
/// fifth of this, twice as many. Well below the deadline of a chunk, because all chunks of a transaction wait for its end.
const LONG: Duration = Duration::from_secs(5);

/// When several chunks were loaded, there are probably more where they came from: so long those that come in their place may take
/// until the next transaction begins. Without them it would have half as many: those that waited meanwhile.
const GATHER: Duration = Duration::from_millis(10);

/// The chunks that wait, and the store.
pub(crate) struct GroupCommit {
    store: Arc<dyn Store>,
    waiting: WaitingChunks,
    /// The quotes that the next transaction may have; a chunk of more is alone.
    limit: AtomicUsize,
    /// Of the group that begins.
    turn: Turn<()>,
    /// Of the group that ends.
    finish: Turn<()>,
    replacement: Mutex<Option<Replacement>>,
}

/// The chunks that are expected in place of those that were loaded.
struct Replacement {
    /// How many will have come then.
    came: u64,
    /// They are not waited for any longer.
    until: Instant,
}

impl GroupCommit {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let limit = AtomicUsize::new(FIRST_QUOTES);
        let waiting = WaitingChunks::default();
        Self {
            store,
            waiting,
            limit,
            turn: Turn::new(()),
            finish: Turn::new(()),
            replacement: Mutex::default(),
        }
    }

    /// Loads `chunk`, with those that wait as well.
    pub(crate) async fn load(&self, chunk: UnreadChunk) -> Result<Loaded, Failure> {
        let (told, mut answer) = oneshot::channel();
        self.waiting.push(chunk.clone(), told);
        loop {
            tokio::select! {
                biased;
                told = &mut answer => match told {
                    Ok(outcome) => return outcome,
                    Err(_given_up) => {
                        let _turn = self.turn.lock().await;
                        let chunk = read(&chunk, &mut Descriptions::default())?;
                        return self.store.load(&chunk).await.map_err(|error| failure(&error));
                    }
                },
                turn = self.turn.lock() => self.load_next(turn).await,
            }
        }
    }

    /// Loads those that came first, and tells each what became of its chunk.
    async fn load_next(&self, turn: MutexGuard<'_, ()>) {
        self.have_been_replaced().await;
        let limit = self.limit.load(Ordering::Relaxed);
        let Some((group, chunks)) = self.waiting.read(self.waiting.next(limit)).await else { return };
        let chunks: Vec<&Chunk> = chunks.iter().collect();
        let begun = Instant::now();
        let beside = Beside::new(turn, &self.finish);
        let outcome = tokio::select! {
            outcome = AssertUnwindSafe(self.store.load_beside(&chunks, &beside)).catch_unwind() => outcome,
            never = beside.until_passed_on(self.waiting.read_ahead(limit)) => match never {},
        };
        // After a panic nobody is told, so each chunk of the group is loaded by its own task.
        let Ok(outcome) = outcome else { return };
        match outcome {
            Ok(all) => {
                self.adapt(chunks.iter().map(|chunk| chunk.quotes()).sum(), begun.elapsed());
                self.expect_replacements(group.len());
                for (waiting, loaded) in group.into_iter().zip(all) {
                    // A chunk that nobody waits for any more is delivered again, and then changes nothing.
                    let _gone = waiting.told.send(Ok(loaded));
                }
            }
            Err(error @ StoreError::Mixed { .. }) => tell_all(group, &error),
            Err(error) => {
                tell_all(group, &error);
                // The others would only find out the same, one group after the other, while their deadlines pass.
                tell_all(self.waiting.take_all(), &error);
            }
        }
    }

    /// As many chunks as were `loaded` will come in their place. For one alone none are waited for.
    fn expect_replacements(&self, loaded: usize) {
        let came = self.waiting.came() + if loaded > 1 { loaded as u64 } else { 0 };
        let expected = Replacement { came, until: Instant::now() + GATHER };
        *self.replacement.lock().unwrap_or_else(PoisonError::into_inner) = Some(expected);
    }

    /// Waits for the chunks that come in place of those of the last group.
    async fn have_been_replaced(&self) {
        let expected = self.replacement.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Replacement { came, until }) = expected {
            let _time_is_up = tokio::time::timeout_at(until, self.waiting.have_come(came)).await;
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
}

/// Tells all that the transaction failed.
fn tell_all(group: impl IntoIterator<Item = Waiting>, error: &StoreError) {
    for waiting in group {
        let _gone = waiting.told.send(Err(failure(error)));
    }
}

#[cfg(test)]
mod tests;
