//! Errors that may mean "away", and that can be passed on to other callers.

use std::fmt::Display;

use ports::{QueueError, StoreError};

/// An error that may mean "away", and that can be passed on to other callers that wait for the same.
pub trait Away: Display + Sized {
    /// Whether waiting can help.
    fn is_away(&self) -> bool;

    /// The error for "away", with the text of another error as its `reason`.
    fn away(reason: String) -> Self;
}

impl Away for StoreError {
    fn is_away(&self) -> bool {
        self.is_transient()
    }

    fn away(reason: String) -> Self {
        Self::Unavailable { reason }
    }
}

impl Away for QueueError {
    fn is_away(&self) -> bool {
        self.is_transient()
    }

    fn away(reason: String) -> Self {
        Self::Unavailable { reason }
    }
}
