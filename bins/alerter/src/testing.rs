//! What the tests of several modules need.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use ports::store::Mail;
use tokio::sync::Notify;

use crate::{SendError, SendErrorKind, Sent, Transport};

/// A server that answers as it is told and remembers what it took.
#[derive(Default)]
pub(crate) struct Server {
    /// What it answers instead of taking a mail.
    pub(crate) answer: Mutex<Option<SendErrorKind>>,
    /// Whom it takes mails for, if not for all.
    pub(crate) sent: Mutex<Option<Sent>>,
    /// The mails that it took, and the ids of those that it was given.
    pub(crate) taken: Mutex<Vec<Mail>>,
    pub(crate) tried: Mutex<Vec<String>>,
    /// Takes its time: until it is released, once for each mail.
    pub(crate) is_slow: AtomicBool,
    pub(crate) release: Notify,
}

#[async_trait]
impl Transport for Server {
    async fn send(&self, mail: &Mail) -> Result<Sent, SendError> {
        self.tried.lock().unwrap().push(mail.id.clone());
        if self.is_slow.load(Ordering::Relaxed) {
            self.release.notified().await;
        }
        if let Some(kind) = *self.answer.lock().unwrap() {
            return Err(SendError { kind, reason: "no".to_owned() });
        }
        self.taken.lock().unwrap().push(mail.clone());
        Ok(self.sent.lock().unwrap().clone().unwrap_or(Sent::ToAll))
    }

    async fn check(&self) -> Result<String, SendError> {
        Ok(String::new())
    }
}
