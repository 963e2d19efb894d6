//! The replay id header (`x-life`), absent for live pages. A stage copies it to everything that it makes of a message.

use domain::{Headers, header};

/// Copies the replay id from the headers of a message, `came`, to the `headers` of what was made of it.
pub(crate) fn pass_on(came: &Headers, headers: &mut Headers) {
    if let Some(id) = came.get(header::REPLAY_ID) {
        headers.set(header::REPLAY_ID, id);
    }
}
