//! Why a look at queue and store together tells nothing.

use ports::{QueueError, StoreError};

/// Queue or store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl outage::Away for LookError {
    fn is_away(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Queue(error) => error.is_transient(),
        }
    }

    fn away(reason: String) -> Self {
        Self::Store(StoreError::Unavailable { reason })
    }
}
