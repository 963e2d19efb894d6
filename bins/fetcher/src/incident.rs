//! Incidents: letters to the alerter about what a person should know. They wait in the spool until the
//! queue takes them, and each is written once.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{DeadLetter, MessageId, StageName};
use ports::Clock;
use tokio::sync::Notify;
use tracing::error;

use crate::spool::{SetAside, Spool, blocking};

/// Letters that are remembered as written. A forgotten one is written again under its id and filed once.
const MOST_REMEMBERED: usize = 1000;

pub(crate) struct Incidents {
    spool: Arc<Spool>,
    clock: Arc<dyn Clock>,
    /// Woken when there is something to publish.
    changed: Arc<Notify>,
    written: Mutex<HashSet<MessageId>>,
}

impl Incidents {
    pub(crate) fn new(spool: Arc<Spool>, clock: Arc<dyn Clock>, changed: Arc<Notify>) -> Self {
        Self { spool, clock, changed, written: Mutex::default() }
    }

    /// Writes the letter about `code`, unless there is one for the same `occasion`.
    pub(crate) async fn report(&self, code: &str, occasion: impl fmt::Display, reason: &str) {
        let letter = DeadLetter::incident(StageName::Fetcher, code, occasion, reason, self.clock.now());
        let message = letter.into_message();
        let id = message.id.clone();
        {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            if written.len() >= MOST_REMEMBERED {
                written.clear();
            }
            if !written.insert(id.clone()) {
                return;
            }
        }
        match blocking(&self.spool, move |spool| spool.put_letter(&message)).await {
            Ok(true) => self.changed.notify_one(),
            Ok(false) => error!(%id, "too many letters wait for the queue; this one is dropped: {reason}"),
            Err(error) => {
                error!(%id, "cannot keep a letter in the spool ({}): {reason}", stage::error_chain(&error));
                // The next occurrence tries again.
                self.written.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            }
        }
    }

    /// Reports files that could not be read.
    pub(crate) async fn report_aside(&self, aside: Vec<SetAside>) {
        for SetAside { path, reason } in aside {
            let reason = format!("a spool file could not be read and is now {}: {reason}", path.display());
            error!("{reason}");
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            self.report("spool_corrupt", name, &reason).await;
        }
    }
}
