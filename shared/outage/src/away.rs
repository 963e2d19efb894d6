//! Errors that may mean "away", and that can be told to others.

use std::fmt::Display;

use ports::{QueueError, StoreError};

/// An error that may mean "away", and that can be told to others who wait for the same.
pub trait Away: Display + Sized {
    /// Whether waiting can help.
    fn is_away(&self) -> bool;

    /// An error that says so, because of `reason`: the text of another one.
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
