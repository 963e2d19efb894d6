//! Incidents: letters to the alerter about what somebody has to know or do. They wait in the spool until the queue takes
//! them, and each is written once. While the disk takes none, they wait in memory.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{BatchId, DeadLetter, Message, MessageId, StageName, header};
use outage::AwayOnce;
use ports::Clock;
use tracing::error;

use crate::spool::{Found, Lost, MOST_LETTERS, Manifest, SetAside, Spool, SpoolError, blocking};

/// Letters that are remembered as written. A forgotten one is written again under its id and filed once.
const MOST_REMEMBERED: usize = 1000;

pub(crate) struct Incidents {
    spool: Arc<Spool>,
    clock: Arc<dyn Clock>,
    written: Mutex<HashSet<MessageId>>,
    /// Letters that the disk refused.
    unkept: Mutex<Vec<Message>>,
    /// Whether the disk refused the newest letter: that is logged once.
    disk: AwayOnce,
}

impl Incidents {
    pub(crate) fn new(spool: Arc<Spool>, clock: Arc<dyn Clock>) -> Self {
        Self { spool, clock, written: Mutex::default(), unkept: Mutex::default(), disk: AwayOnce::default() }
    }

    /// Writes the letter about `code`, unless there is one for the same `occasion`.
    pub(crate) async fn report(&self, code: &str, occasion: impl fmt::Display, reason: &str) {
        let letter = DeadLetter::incident(StageName::Fetcher, code, occasion, reason, self.clock.now());
        self.write(letter, reason).await;
    }

    /// As [`report`](Self::report), about a try at the batch of `order` that is followed by others: the alerter closes it when
    /// the batch is whole in the tables.
    pub(crate) async fn report_try(&self, code: &str, order: &Manifest, reason: &str) {
        self.report_of_batch(code, order.slot, &order.batch, reason).await;
    }

    /// As [`report`](Self::report), about `batch`, by which it is found.
    pub(crate) async fn report_of_batch(
        &self,
        code: &str,
        occasion: impl fmt::Display,
        batch: &BatchId,
        reason: &str,
    ) {
        let mut letter = DeadLetter::incident(StageName::Fetcher, code, occasion, reason, self.clock.now());
        letter.headers.set(header::BATCH, batch);
        self.write(letter, reason).await;
    }

    async fn write(&self, letter: DeadLetter, reason: &str) {
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
        let kept = message.clone();
        match blocking(&self.spool, move |spool| spool.put_letter(&kept)).await {
            Ok(true) => {
                self.disk.worked();
            }
            Ok(false) => {
                return error!(%id, "too many letters wait for the queue; this one is dropped: {reason}");
            }
            Err(error) => {
                if self.disk.failed() {
                    let error = telemetry::error_chain(&error);
                    error!(%id, "cannot keep a letter in the spool ({error}); it waits in memory: {reason}");
                }
                let mut unkept = self.unkept();
                if unkept.len() < MOST_LETTERS {
                    unkept.push(message);
                }
            }
        }
        self.spool.wake_publisher();
    }

    /// The letters that are in memory only.
    pub(crate) fn in_memory(&self) -> Vec<Message> {
        self.unkept().clone()
    }

    /// The queue has the letter `id`.
    pub(crate) fn forget(&self, id: &MessageId) {
        self.unkept().retain(|letter| letter.id != *id);
    }

    fn unkept(&self) -> std::sync::MutexGuard<'_, Vec<Message>> {
        self.unkept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports what is wrong or gone, and returns the rest: what is there, and why it may not be all.
    pub(crate) async fn report_found<T>(&self, found: Found<T>) -> (Vec<T>, Option<SpoolError>) {
        let Found { items, aside, troubles, lost } = found;
        for SetAside { path, reason } in aside {
            let reason = format!("a spool file is damaged and is now {}: {reason}", path.display());
            error!("{reason}");
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            self.report("spool_corrupt", name, &reason).await;
        }
        for Lost { batch, pages } in lost {
            let numbers = pages.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let reason = format!(
                "page {numbers} of {batch} was paid for and is lost: somebody deleted it from the spool {} before it was \
                 published",
                self.spool.dir().display()
            );
            error!("{reason}");
            self.report("spool_lost", format!("{batch}/p{numbers}"), &reason).await;
        }
        (items, troubles.into_iter().next())
    }
}
