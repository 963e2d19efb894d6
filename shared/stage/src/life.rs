//! Which sending of a message into the pipeline what is made of it comes from.

use domain::{Headers, header};

/// Makes `headers`, of what was made of a message, name the life that the message's own name in `came`.
pub(crate) fn pass_on(came: &Headers, headers: &mut Headers) {
    if let Some(life) = came.get(header::LIFE) {
        headers.set(header::LIFE, life);
    }
}
