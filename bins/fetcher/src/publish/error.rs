//! Why something could not be published, and whether waiting helps.

use ports::QueueError;

use crate::spool::SpoolError;

/// Something could not be published. What is in the spool stays there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl PublishError {
    /// Whether waiting can help. A disk may be full now and not later. A page that the queue refuses stays where it
    /// is, and the others go on: it is published once the queue allows larger messages.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Queue(error) => error.is_transient() || matches!(error, QueueError::Refused { .. }),
            Self::Spool(_) => true,
        }
    }

    /// The error, when it is about one message or file: the others can go on. Any other ends the round.
    pub(super) fn or_end(self) -> Result<Self, Self> {
        match self {
            Self::Spool(_) | Self::Queue(QueueError::Refused { .. }) => Ok(self),
            Self::Queue(_) => Err(self),
        }
    }
}
