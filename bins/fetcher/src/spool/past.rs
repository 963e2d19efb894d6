//! What filling gaps keeps in the spool's folder, beside its batches.

use std::collections::BTreeSet;
use std::path::Path;

use domain::BatchId;

use super::disk::Content;
use super::names::{BATCHES, MANIFEST, MISSED, PAST_COINS, PAST_PAID, PAST_PRICE};
use super::record::Manifest;
use super::{Spool, SpoolError};

impl Spool {
    /// Makes room for a batch, unless it is there already.
    pub(crate) fn make_room(&self, manifest: &Manifest) -> Result<(), SpoolError> {
        let path = self.batch_dir(&manifest.batch).join(MANIFEST);
        if path.is_file() { Ok(()) } else { self.put_manifest(manifest) }
    }

    /// Writes which coins are asked for, over what is there.
    pub(crate) fn put_past_coins(&self, json: &[u8]) -> Result<(), SpoolError> {
        self.disk.write(&self.dir().join(PAST_COINS), &[json])
    }

    /// The coins that are asked for; empty when that is not known.
    pub(crate) fn past_coins(&self) -> Result<Vec<u8>, SpoolError> {
        self.read_past(PAST_COINS)
    }

    /// Writes which batches were paid for, over what is there.
    pub(crate) fn put_past_paid(&self, json: &[u8]) -> Result<(), SpoolError> {
        self.disk.write(&self.dir().join(PAST_PAID), &[json])
    }

    /// The batches that were paid for; empty when there are none.
    pub(crate) fn past_paid(&self) -> Result<Vec<u8>, SpoolError> {
        self.read_past(PAST_PAID)
    }

    /// Writes what the history takes, over what is there.
    pub(crate) fn put_past_price(&self, json: &[u8]) -> Result<(), SpoolError> {
        self.disk.write(&self.dir().join(PAST_PRICE), &[json])
    }

    /// What the history takes; empty when that is not known to be more than it should.
    pub(crate) fn past_price(&self) -> Result<Vec<u8>, SpoolError> {
        self.read_past(PAST_PRICE)
    }

    /// Writes which slots were missed and are noted nowhere else, over what is there.
    pub(crate) fn put_missed(&self, json: &[u8]) -> Result<(), SpoolError> {
        self.disk.write(&self.dir().join(MISSED), &[json])
    }

    /// The slots that were missed; empty when there are none.
    pub(crate) fn missed(&self) -> Result<Vec<u8>, SpoolError> {
        self.read_past(MISSED)
    }

    fn read_past(&self, name: &str) -> Result<Vec<u8>, SpoolError> {
        Ok(match self.disk.read(&self.dir().join(name))? {
            Content::Bytes(json) => json,
            Content::Absent | Content::NotAFile(_) => Vec::new(),
        })
    }
}

/// The batches of the past in the spool in the folder `spool`, whoever holds it, as far as a look tells.
pub(crate) fn history_in(spool: &Path) -> BTreeSet<BatchId> {
    manifests_in(spool).map(|manifest| manifest.batch).collect()
}

/// Those of them that are not finished.
pub(crate) fn unfinished_history_in(spool: &Path) -> BTreeSet<BatchId> {
    manifests_in(spool).filter(|manifest| manifest.pages.is_none()).map(|manifest| manifest.batch).collect()
}

fn manifests_in(spool: &Path) -> impl Iterator<Item = Manifest> {
    let folders = std::fs::read_dir(spool.join(BATCHES)).into_iter().flatten().flatten();
    let manifests = folders.filter_map(|folder| std::fs::read(folder.path().join(MANIFEST)).ok());
    manifests.filter_map(|json| Manifest::from_json(&json).ok()).filter(Manifest::is_history)
}
