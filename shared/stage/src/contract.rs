//! What a stage is.

use async_trait::async_trait;
use domain::{Class, Message, StageName};
use ports::{QueueError, QueueName, StoreError};

/// A message for a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Where it goes.
    pub to: QueueName,
    /// The message; its id is the same whenever the same input is handled again.
    pub message: Message,
}

/// Why a message could not be handled; the loop's answer follows from the variant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It may pass: try again later, a limited number of times.
    #[error("{reason}")]
    Retry {
        /// Stable word for machines.
        code: &'static str,
        /// What happened, without secrets.
        reason: String,
    },
    /// It can never succeed: to the dead letters, at once.
    #[error("{reason}")]
    Reject {
        /// Coarse cause.
        class: Class,
        /// Stable word for machines.
        code: &'static str,
        /// What happened, without secrets.
        reason: String,
    },
    /// Not the message's fault: something that the stage needs is away. The message goes back without
    /// counting an attempt, and the loop stops consuming until [`Stage::ready`] says yes.
    #[error("{reason}")]
    Outage {
        /// What is away.
        reason: String,
    },
    /// Waiting cannot help: someone has to change the configuration. The stage ends with an error.
    #[error("{reason}")]
    Fatal {
        /// What is wrong and what to do.
        reason: String,
    },
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        let reason = error.to_string();
        if error.is_transient() { Self::Outage { reason } } else { Self::Fatal { reason } }
    }
}

impl From<QueueError> for Failure {
    fn from(error: QueueError) -> Self {
        let reason = error.to_string();
        match error {
            QueueError::Refused { .. } => Self::Reject { class: Class::Poison, code: "refused", reason },
            error if error.is_transient() => Self::Outage { reason },
            _ => Self::Fatal { reason },
        }
    }
}

/// One step of the pipeline. Stages know ports and domain, never an adapter and never each other.
///
/// # What a stage owes
/// [`handle`](Self::handle) may run any number of times for one message, in any number of processes at
/// once: its outputs' ids depend only on the message, and its effects repeat harmlessly. It may be
/// dropped at any await (deadline, hard stop).
///
/// # What the loop owes
/// The outputs are durable before the input is settled; each input is settled exactly once.
#[async_trait]
pub trait Stage: Send + Sync + 'static {
    /// Its name in logs, metrics and dead letters.
    fn name(&self) -> StageName;

    /// The queue it consumes.
    fn input(&self) -> QueueName;

    /// Handles one message and returns what goes on. Dead letters about parts of the message (rejected
    /// rows) are outputs too.
    async fn handle(&self, message: &Message) -> Result<Vec<Output>, Failure>;

    /// Whether what it needs is there again after an [`Failure::Outage`].
    async fn ready(&self) -> Result<(), Failure> {
        Ok(())
    }
}
