//! Batches in the spool: begun, filled page by page, sealed, and finished once they are published.

use std::path::{Path, PathBuf};

use domain::BatchId;

use super::disk::{self, Content, unfinished};
use super::names::{MANIFEST, file_name, page_number};
use super::record::Manifest;
use super::{Found, Spool, SpoolError, lock};

/// The beginning of a batch's name while it is removed.
const FINISHED: &str = "finished-";

impl Spool {
    /// Makes room for a batch, before anything is paid for; or changes what is known about it.
    pub(crate) fn put_manifest(&self, manifest: &Manifest) -> Result<(), SpoolError> {
        self.ensure()?;
        let _guard = self.lock_batches();
        let dir = self.batch_dir(&manifest.batch);
        self.disk.make(&dir)?;
        self.disk.write(&dir.join(MANIFEST), &[&manifest.to_json()])
    }

    /// All batches, oldest slot first. A crash between making the directory and its manifest leaves an
    /// empty directory, which is cleared away.
    pub(crate) fn batches(&self) -> Result<Found<Manifest>, SpoolError> {
        self.ensure()?;
        let _guard = self.lock_batches();
        let mut found = Found::default();
        for name in self.disk.names(&self.batches_dir())? {
            let dir = self.batches_dir().join(&name);
            match name.to_str() {
                Some(name) if name.starts_with(FINISHED) => {}
                Some(_) => self.read_batch(&dir, &mut found),
                None => self.leave_alone(&dir),
            }
        }
        found.items.sort_by_key(|manifest| manifest.slot);
        found.lost = lock(&self.inventory).take_lost_batches(|batch| !disk::is_gone(&self.batch_dir(batch)));
        Ok(found)
    }

    fn read_batch(&self, dir: &Path, found: &mut Found<Manifest>) {
        let path = dir.join(MANIFEST);
        let content = match self.disk.is_folder(dir) {
            Ok(true) => self.disk.read(&path),
            Ok(false) => return self.leave_alone(dir),
            Err(error) => Err(error),
        };
        match content {
            Ok(Content::Bytes(json)) => match Manifest::from_json(&json) {
                Ok(manifest) if self.batch_dir(&manifest.batch) == dir => found.items.push(manifest),
                Ok(manifest) => {
                    self.set_batch_aside(dir, format!("it says that it is batch {}", manifest.batch), found);
                }
                Err(reason) => self.set_batch_aside(dir, reason, found),
            },
            Ok(Content::NotAFile(reason)) => {
                self.set_batch_aside(dir, format!("{MANIFEST}: {reason}"), found);
            }
            Ok(Content::Absent) => match self.disk.names(dir) {
                Ok(names) if names.iter().any(|name| name.to_str().and_then(page_number).is_some()) => {
                    self.set_batch_aside(dir, format!("it has no {MANIFEST}"), found);
                }
                // Nothing was paid for. Other files in there are not the spool's.
                Ok(_) => {
                    let removed =
                        self.disk.remove(&unfinished(&path)).and_then(|()| self.disk.remove_folder(dir));
                    if removed.is_ok_and(|removed| !removed) {
                        self.leave_alone(dir);
                    }
                }
                Err(error) => found.troubles.push(error),
            },
            Err(error) => found.troubles.push(error),
        }
    }

    fn set_batch_aside(&self, dir: &Path, reason: String, found: &mut Found<Manifest>) {
        found.set_aside(self, dir, reason);
        lock(&self.inventory).forget_batches(|batch| self.batch_dir(batch) == dir);
    }

    /// Forgets a batch: all of it or, when a crash comes between, nothing.
    pub(crate) fn finish(&self, batch: &BatchId) -> Result<(), SpoolError> {
        let _guard = self.lock_batches();
        let dir = self.batch_dir(batch);
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let finished = disk::free(&self.batches_dir(), &format!("{FINISHED}{name}"), "");
        if self.disk.rename(&dir, &finished)? {
            self.disk.sync(&self.batches_dir())?;
            if let Err(error) = self.clear(&finished) {
                // It is forgotten; the next start clears it away.
                self.notice(format!("cannot clear up in the spool: {}", telemetry::error_chain(&error)));
            }
        }
        lock(&self.inventory).forget(batch);
        Ok(())
    }

    /// Clears away what a crash left half removed.
    pub(super) fn clear_finished(&self) -> Result<(), SpoolError> {
        for name in self.disk.names(&self.batches_dir())? {
            let path = self.batches_dir().join(&name);
            if name.to_str().is_some_and(|name| name.starts_with(FINISHED)) && self.disk.is_folder(&path)? {
                self.clear(&path)?;
            }
        }
        Ok(())
    }

    /// Removes a batch that is forgotten. What somebody else put there is kept among the corrupt files.
    fn clear(&self, dir: &Path) -> Result<(), SpoolError> {
        for name in self.disk.names(dir)? {
            let Some(name) = name.to_str() else { continue };
            let stem = name.strip_suffix(&format!(".{}", disk::UNFINISHED)).unwrap_or(name);
            if (stem == MANIFEST || page_number(stem).is_some()) && !self.disk.is_folder(&dir.join(name))? {
                self.disk.remove(&dir.join(name))?;
            }
        }
        if self.disk.remove_folder(dir)? {
            return Ok(());
        }
        if let Some(place) = self.set_aside(dir)? {
            let place = place.display();
            self.notice(format!(
                "what somebody put into a batch of the spool, which is published, is kept in {place}"
            ));
        }
        Ok(())
    }

    pub(super) fn batch_dir(&self, batch: &BatchId) -> PathBuf {
        self.batches_dir().join(file_name(batch.as_str()))
    }
}
