//! An error and its causes as text, for letters: they keep one line, not a chain of sources.

use std::error::Error;

/// `error` and its causes, in one line. A cause that the text has already is left out: some errors repeat theirs.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
