//! What is remembered of earlier snapshots, in the spool's folder.

use super::disk::Content;
use super::names::JUDGED;
use super::{Spool, SpoolError};

impl Spool {
    /// Writes it, over what is there.
    pub(crate) fn put_judged(&self, json: &[u8]) -> Result<(), SpoolError> {
        self.disk.write(&self.dir().join(JUDGED), &[json])
    }

    /// What is there, if anything.
    pub(crate) fn judged(&self) -> Result<Option<Vec<u8>>, SpoolError> {
        Ok(match self.disk.read(&self.dir().join(JUDGED))? {
            Content::Bytes(json) => Some(json),
            Content::Absent | Content::NotAFile(_) => None,
        })
    }
}
