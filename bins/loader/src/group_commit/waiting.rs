//! The chunks that wait to be loaded, in the order they came in.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Chunk;
use domain::wire::{Descriptions, UnreadChunk};
use ports::store::Loaded;
use stage::Failure;
use tokio::sync::{Notify, oneshot};

use crate::undecodable;

/// Chunks that are read ahead at once: a few milliseconds of work, which is done again when it comes too late.
const AT_ONCE: usize = 3;

/// A chunk that waits, and who is told what became of it.
pub(super) struct Waiting {
    chunk: UnreadChunk,
    /// What came of reading its rows, when that was done ahead.
    read: Option<Result<Chunk, Failure>>,
    pub(super) told: oneshot::Sender<Result<Loaded, Failure>>,
    number: u64,
}

impl Waiting {
    /// Whether a simulator made the chunk up.
    fn is_simulated(&self) -> bool {
        self.chunk.head().page.simulated
    }
}

/// The chunks that wait.
#[derive(Default)]
pub(super) struct WaitingChunks {
    line: Mutex<Line>,
    arrived: Notify,
    /// What their coins are, and those of chunks before them.
    descriptions: Arc<Mutex<Descriptions>>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    /// How many have come.
    number: u64,
}

impl WaitingChunks {
    /// Adds a chunk at the end.
    pub(super) fn push(&self, chunk: UnreadChunk, told: oneshot::Sender<Result<Loaded, Failure>>) {
        let mut line = self.line();
        line.number += 1;
        let number = line.number;
        line.waiting.push_back(Waiting { chunk, read: None, told, number });
        drop(line);
        self.arrived.notify_one();
    }

    /// Takes the chunks of the next transaction: as many as `limit` quotes allow, but at least one; all real, or all simulated.
    /// Leaves out those that nobody waits for any more.
    pub(super) fn next(&self, limit: usize) -> Vec<Waiting> {
        let waiting = &mut self.line().waiting;
        let mut group: Vec<Waiting> = Vec::new();
        let mut in_group = 0;
        while let Some(next) = waiting.pop_front() {
            // A message may say anything of itself.
            in_group = next.chunk.quotes().saturating_add(in_group);
            let is_other = |first: &Waiting| first.is_simulated() != next.is_simulated();
            if !group.is_empty() && (in_group > limit || group.first().is_some_and(is_other)) {
                waiting.push_front(next);
                break;
            }
            if !next.told.is_closed() {
                group.push(next);
            }
        }
        group
    }

    /// Takes all.
    pub(super) fn take_all(&self) -> VecDeque<Waiting> {
        std::mem::take(&mut self.line().waiting)
    }

    /// The rows of the chunks. Those that cannot be read are told so, and left out.
    ///
    /// Not on the runtime's threads: it takes some 30 ms for a full transaction. And as it is nearly always the same thread, the
    /// allocator gives the rows the same memory again.
    pub(super) async fn read(&self, waiting: Vec<Waiting>) -> Option<(Vec<Waiting>, Vec<Chunk>)> {
        let descriptions = Arc::clone(&self.descriptions);
        let read_all = move || {
            let mut descriptions = descriptions.lock().unwrap_or_else(PoisonError::into_inner);
            let mut group = Vec::with_capacity(waiting.len());
            let mut chunks = Vec::with_capacity(waiting.len());
            for mut waiting in waiting {
                match waiting.read.take().unwrap_or_else(|| read(&waiting.chunk, &mut descriptions)) {
                    Ok(chunk) => {
                        chunks.push(chunk);
                        group.push(waiting);
                    }
                    Err(failure) => drop(waiting.told.send(Err(failure))),
                }
            }
            (group, chunks)
        };
        tokio::task::spawn_blocking(read_all).await.ok()
    }

    /// Reads the chunks of the next transaction as they come, for as long as it is polled.
    pub(super) async fn read_ahead(&self, limit: usize) -> Infallible {
        loop {
            let unread = self.unread(limit);
            if unread.is_empty() {
                self.arrived.notified().await;
                continue;
            }
            let descriptions = Arc::clone(&self.descriptions);
            let read_all = move || {
                let mut descriptions = descriptions.lock().unwrap_or_else(PoisonError::into_inner);
                let read = |(number, chunk)| (number, read(&chunk, &mut descriptions));
                unread.into_iter().map(read).collect::<Vec<_>>()
            };
            let Ok(read) = tokio::task::spawn_blocking(read_all).await else { return pending().await };
            let waiting = &mut self.line().waiting;
            for (number, read) in read {
                if let Some(waiting) = waiting.iter_mut().find(|waiting| waiting.number == number) {
                    waiting.read = Some(read);
                }
            }
        }
    }

    /// Some chunks within the first `limit` quotes that were not read yet.
    fn unread(&self, limit: usize) -> Vec<(u64, UnreadChunk)> {
        let line = self.line();
        let mut quotes = 0_usize;
        let within = |waiting: &&Waiting| {
            quotes = quotes.saturating_add(waiting.chunk.quotes());
            quotes <= limit
        };
        let unread = line.waiting.iter().take_while(within).filter(|waiting| waiting.read.is_none());
        unread.take(AT_ONCE).map(|waiting| (waiting.number, waiting.chunk.clone())).collect()
    }

    /// How many of those that wait were read.
    #[cfg(test)]
    pub(super) fn read_ahead_so_far(&self) -> usize {
        self.line().waiting.iter().filter(|waiting| waiting.read.is_some()).count()
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The chunk with its rows.
pub(super) fn read(chunk: &UnreadChunk, descriptions: &mut Descriptions) -> Result<Chunk, Failure> {
    chunk.read(descriptions).map_err(|error| undecodable(Some(chunk.head().page.batch.as_str()), &error))
}
