//! Slots of the listings that were missed: counted, and kept in the spool until the leaders' note says that they are to be filled. So what is
//! told in letters, counted and filled is one list, and a fetcher that ends in between forgets none.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use config::CatchUp;
use domain::{Slot, timestamp};
use tracing::{debug, warn};

use super::Collector;
use crate::history::MOST_FILLED;
use crate::spool::{Spool, blocking};

/// What is kept in the spool about it.
#[derive(Default)]
pub(super) struct Missed(Mutex<BTreeSet<Slot>>);

impl Missed {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector {
    /// So many slots were missed, and of these `slots` the history may tell: of too many the newest.
    pub(crate) async fn miss(&self, count: u64, slots: impl IntoIterator<Item = Slot>) {
        self.metrics.missed(count);
        if !self.fills_gaps() {
            return;
        }
        {
            let mut missed = self.missed.lock();
            missed.extend(slots);
            while missed.len() > MOST_FILLED {
                missed.pop_first();
            }
        }
        self.keep_missed().await;
    }

    /// Slots that were missed, and of which the leaders' note does not know.
    pub(crate) fn missed(&self) -> BTreeSet<Slot> {
        self.missed.lock().clone()
    }

    /// The leaders' note knows of `slots`.
    pub(crate) async fn forget_missed(&self, slots: &BTreeSet<Slot>) {
        if !slots.is_empty() {
            self.missed.lock().retain(|slot| !slots.contains(slot));
            self.keep_missed().await;
        }
    }

    /// Goes on with what an earlier run kept.
    pub(super) async fn recall_missed(&self) {
        if !self.fills_gaps() {
            return;
        }
        match blocking(&self.spool, Spool::missed).await {
            Ok(json) => {
                let texts: Vec<String> = serde_json::from_slice(&json).unwrap_or_default();
                let slots = texts.iter().filter_map(|text| timestamp::from_text(text)).map(Slot::at);
                self.missed.lock().extend(slots);
            }
            Err(error) => {
                warn!("cannot read which slots were missed: {}", telemetry::error_chain(&error));
            }
        }
    }

    /// Whether missed slots are filled without being asked to. Without a key the API tells nothing of the past.
    fn fills_gaps(&self) -> bool {
        self.settings.catch_up != CatchUp::None && !self.client.is_keyless()
    }

    /// A disk that does not take it loses them only when the fetcher ends before the note is written.
    async fn keep_missed(&self) {
        let texts: Vec<_> =
            self.missed.lock().iter().map(|slot| timestamp::to_text(slot.starts_at())).collect();
        let json = serde_json::to_vec(&texts).expect("texts are JSON");
        if let Err(error) = blocking(&self.spool, move |spool| spool.put_missed(&json)).await {
            debug!("cannot keep which slots were missed: {}", telemetry::error_chain(&error));
        }
    }
}
