//! Leadership in memory.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::timestamp::later;

use super::MemoryQueue;
use ports::{Clock, Leadership, QueueError, Term};

/// The one who leads, and what was written.
#[derive(Default)]
pub(super) struct Throne {
    /// Terms so far; the number of the newest.
    terms: u64,
    /// The clock of its holder, whose standing still means that it is frozen; `None` when nobody leads.
    holder: Option<Arc<dyn Clock>>,
    note: Option<Vec<u8>>,
}

impl Throne {
    fn is_held_in(&self, term: u64) -> bool {
        self.terms == term && self.holder.is_some()
    }
}

impl MemoryQueue {
    /// When the one who leads counts as dead; `None` when nobody leads.
    fn throne_free_at(&self, throne: &Throne) -> Option<DateTime<Utc>> {
        throne.holder.as_ref().map(|clock| later(clock.now(), self.options.lease))
    }
}

#[async_trait]
impl Leadership for MemoryQueue {
    async fn lead(&self) -> Result<Box<dyn Term>, QueueError> {
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            let now = self.clock.now();
            let free_at = {
                let throne = &mut self.available()?.throne;
                match self.throne_free_at(throne) {
                    Some(free_at) if free_at > now => free_at,
                    _ => {
                        throne.terms += 1;
                        throne.holder = Some(Arc::clone(&self.clock));
                        let term = MemoryTerm {
                            queue: self.clone(),
                            number: throne.terms,
                            note: throne.note.clone(),
                        };
                        self.shared.changed.notify_waiters();
                        return Ok(Box::new(term));
                    }
                }
            };
            let wait = (free_at - now).to_std().unwrap_or_default();
            tokio::select! { () = changed => (), () = self.clock.sleep(wait) => () }
        }
    }
}

struct MemoryTerm {
    queue: MemoryQueue,
    number: u64,
    note: Option<Vec<u8>>,
}

#[async_trait]
impl Term for MemoryTerm {
    fn note(&self) -> Option<&[u8]> {
        self.note.as_deref()
    }

    async fn write(&mut self, note: Vec<u8>) -> Result<(), QueueError> {
        let throne = &mut self.queue.available()?.throne;
        if !throne.is_held_in(self.number) {
            return Err(QueueError::Lost);
        }
        throne.note = Some(note.clone());
        self.note = Some(note);
        Ok(())
    }

    async fn over(&mut self) {
        loop {
            let mut changed = std::pin::pin!(self.queue.shared.changed.notified());
            changed.as_mut().enable();
            if !self.queue.lock().throne.is_held_in(self.number) {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for MemoryTerm {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        if state.throne.is_held_in(self.number) {
            state.throne.holder = None;
        }
        drop(state);
        self.queue.shared.changed.notify_waiters();
    }
}
