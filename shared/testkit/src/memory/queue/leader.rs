//! Leadership in memory.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::timestamp::later;

use super::MemoryQueue;
use ports::{Clock, Leadership, QueueError, Term};

/// The leader, and its note.
#[derive(Default)]
pub(super) struct LeaderState {
    /// Terms so far; the number of the newest.
    terms: u64,
    /// The clock of its holder, whose standing still means that it is frozen; `None` when nobody leads.
    holder: Option<Arc<dyn Clock>>,
    note: Option<Vec<u8>>,
}

impl LeaderState {
    fn is_held_in(&self, term: u64) -> bool {
        self.terms == term && self.holder.is_some()
    }
}

impl MemoryQueue {
    /// When the leader counts as dead; `None` when nobody leads.
    fn gone_at(&self, leader: &LeaderState) -> Option<DateTime<Utc>> {
        leader.holder.as_ref().map(|clock| later(clock.now(), self.options.lease))
    }
}

#[async_trait]
impl Leadership for MemoryQueue {
    async fn lead(&self) -> Result<Box<dyn Term>, QueueError> {
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            let now = self.clock.now();
            let gone_at = {
                let leader = &mut self.available()?.leader;
                match self.gone_at(leader) {
                    Some(gone_at) if gone_at > now => gone_at,
                    _ => {
                        leader.terms += 1;
                        leader.holder = Some(Arc::clone(&self.clock));
                        let term = MemoryTerm {
                            queue: self.clone(),
                            number: leader.terms,
                            note: leader.note.clone(),
                        };
                        self.shared.changed.notify_waiters();
                        return Ok(Box::new(term));
                    }
                }
            };
            let wait = (gone_at - now).to_std().unwrap_or_default();
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
        let leader = &mut self.queue.available()?.leader;
        if !leader.is_held_in(self.number) {
            return Err(QueueError::Lost);
        }
        leader.note = Some(note.clone());
        self.note = Some(note);
        Ok(())
    }

    async fn over(&mut self) {
        loop {
            let mut changed = std::pin::pin!(self.queue.shared.changed.notified());
            changed.as_mut().enable();
            if !self.queue.lock().leader.is_held_in(self.number) {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for MemoryTerm {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        if state.leader.is_held_in(self.number) {
            state.leader.holder = None;
        }
        drop(state);
        self.queue.shared.changed.notify_waiters();
    }
}
