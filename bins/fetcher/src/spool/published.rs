//! Which slots are done, so that a restart does not pay for one again.

use std::fs;
use std::io;
use std::path::PathBuf;

use domain::{BatchId, Slot};
use serde::{Deserialize, Serialize};

use super::durable::{self, SetAside};
use super::record::Manifest;
use super::{Spool, SpoolError};

/// Batches that are remembered: enough for the clock of a schedule of one minute to step back four hours.
const MOST: usize = 256;

#[derive(Default, Serialize, Deserialize)]
struct PublishedFile {
    batches: Vec<Published>,
}

/// A batch that the queue has confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Published {
    batch: String,
    slot: String,
    host: String,
}

impl Spool {
    /// Remembers that `manifest`'s batch is published.
    pub fn remember(&self, manifest: &Manifest) -> Result<(), SpoolError> {
        let entry = Published {
            batch: manifest.batch.as_str().to_owned(),
            slot: domain::timestamp::to_text(manifest.slot.starts_at()),
            host: manifest.host.clone(),
        };
        // What cannot be read has been reported when the spool was opened for running.
        let mut file = self.read_published().unwrap_or_default();
        file.batches.retain(|known| *known != entry);
        file.batches.push(entry);
        let surplus = file.batches.len().saturating_sub(MOST);
        file.batches.drain(..surplus);
        let json = serde_json::to_vec(&file).expect("texts are JSON");
        durable::write(&self.published_path(), &[&json])
    }

    /// The slots of which the same was published from the same host: `batch_of` names what a slot's batch
    /// would be. What cannot be read is set aside.
    pub fn published(
        &self,
        host: &str,
        batch_of: impl Fn(Slot) -> BatchId,
    ) -> Result<(Vec<Slot>, Option<SetAside>), SpoolError> {
        let file = match self.read_published() {
            Ok(file) => file,
            Err(reason) => {
                let aside = durable::set_aside(&self.corrupt_dir(), &self.published_path(), reason)?;
                return Ok((Vec::new(), Some(aside)));
            }
        };
        let entries = file.batches.iter().filter(|entry| entry.host == host);
        let slots = entries.filter_map(|entry| {
            let slot = Slot::at(domain::timestamp::from_text(&entry.slot)?);
            (batch_of(slot).as_str() == entry.batch).then_some(slot)
        });
        Ok((slots.collect(), None))
    }

    fn read_published(&self) -> Result<PublishedFile, String> {
        match fs::read(self.published_path()) {
            Ok(json) => serde_json::from_slice(&json).map_err(|error| error.to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(PublishedFile::default()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn published_path(&self) -> PathBuf {
        self.dir.join("published.json")
    }
}
