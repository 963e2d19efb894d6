//! The note about what the fetcher waits for, in the spool's folder.

use super::names::WAITING;
use super::{Spool, SpoolError};

impl Spool {
    /// Writes the note, over one that is there.
    pub(crate) fn put_waiting(&self, json: &[u8]) -> Result<(), SpoolError> {
        self.disk.write(&self.dir().join(WAITING), &[json])
    }

    /// Removes the note, if there is one.
    pub(crate) fn remove_waiting(&self) -> Result<(), SpoolError> {
        self.disk.remove(&self.dir().join(WAITING))
    }
}
