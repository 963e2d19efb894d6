//! The note about what was told of changes of the API, in the spool's folder.

use super::disk::Content;
use super::names::DRIFT;
use super::{Spool, SpoolError};

impl Spool {
    /// The note; empty when there is none, or none that can be read.
    pub(crate) fn told_drift(&self) -> Vec<u8> {
        match self.disk.read(&self.dir().join(DRIFT)) {
            Ok(Content::Bytes(json)) => json,
            _ => Vec::new(),
        }
    }

    /// Writes the note, over one that is there.
    pub(crate) fn put_told_drift(&self, json: &[u8]) -> Result<(), SpoolError> {
        self.disk.write(&self.dir().join(DRIFT), &[json])
    }
}
