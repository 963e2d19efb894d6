//! The one error of this crate: a sentence for whoever reads the failed test.

use std::fmt;

/// What could not be done, and the tail of the server's log where there is one.
#[derive(Debug)]
pub struct LabError(String);

impl LabError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// For `map_err`: what was tried, then what the system said.
    pub(crate) fn io(tried: impl fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self(format!("cannot {tried}: {error}"))
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for LabError {}
