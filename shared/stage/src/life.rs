//! The life of a message: of a replay, its id; of what was fetched, none. What a stage makes of a message has the same life.

use domain::{Headers, header};

/// Copies the life from the headers of a message, `came`, to the `headers` of what was made of it.
pub(crate) fn pass_on(came: &Headers, headers: &mut Headers) {
    if let Some(life) = came.get(header::LIFE) {
        headers.set(header::LIFE, life);
    }
}
