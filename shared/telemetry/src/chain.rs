//! An error and its causes as text, for letters: they keep one line, not a chain of sources.

use std::error::Error;

/// `error` and everything that caused it, in one line.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
