//! Batches in the spool: begun, filled page by page, sealed, and finished once they are published.

use std::fs;
use std::path::{Path, PathBuf};

use domain::BatchId;

use super::durable::{self, SetAside, UNFINISHED};
use super::record::{Manifest, PageRecord};
use super::{Found, Spool, SpoolError};

const MANIFEST: &str = "batch.json";
const PAGE: &str = "page-";
/// The beginning of a batch's name while it is removed.
const FINISHED: &str = "finished-";

impl Spool {
    /// Makes room for a batch, before anything is paid for; or changes what is known about it.
    pub fn put_manifest(&self, manifest: &Manifest) -> Result<(), SpoolError> {
        let _guard = self.lock_batches();
        let dir = self.batch_dir(&manifest.batch);
        if !dir.exists() {
            fs::create_dir(&dir).map_err(SpoolError::at(&dir))?;
            durable::sync_dir(&self.batches_dir())?;
        }
        durable::write(&dir.join(MANIFEST), &[&manifest.to_json()])
    }

    /// All batches, oldest slot first. A crash between making the directory and its manifest leaves an
    /// empty directory, which is cleared away.
    pub fn batches(&self) -> Result<Found<Manifest>, SpoolError> {
        let _guard = self.lock_batches();
        let mut found = Found::default();
        for name in durable::names(&self.batches_dir())? {
            if name.starts_with(FINISHED) {
                continue;
            }
            let dir = self.batches_dir().join(&name);
            let manifest = fs::read(dir.join(MANIFEST)).map_err(|error| error.to_string());
            match manifest.and_then(|json| Manifest::from_json(&json)) {
                Ok(manifest) if self.batch_dir(&manifest.batch) == dir => found.items.push(manifest),
                Ok(manifest) => {
                    let reason = format!("it says that it is batch {}", manifest.batch);
                    found.aside.push(self.set_aside(&dir, reason)?);
                }
                Err(_) if durable::names(&dir).is_ok_and(|names| names.is_empty()) => {
                    fs::remove_dir_all(&dir).map_err(SpoolError::at(&dir))?;
                }
                Err(reason) => found.aside.push(self.set_aside(&dir, reason)?),
            }
        }
        found.items.sort_by_key(|manifest| manifest.slot);
        Ok(found)
    }

    /// Keeps a page; `body` is compressed.
    pub fn put_page(&self, batch: &BatchId, page: &PageRecord, body: &[u8]) -> Result<(), SpoolError> {
        let path = self.batch_dir(batch).join(page_name(page.page));
        durable::write(&path, &[&page.to_json(body), b"\n", body])
    }

    /// The pages of `batch`, in order, each read and checked. Nothing when there is no such batch.
    pub fn pages(&self, batch: &BatchId) -> Result<Found<PageRecord>, SpoolError> {
        let dir = self.batch_dir(batch);
        let mut found = Found::default();
        if !dir.exists() {
            return Ok(found);
        }
        for name in durable::names(&dir)? {
            if !name.starts_with(PAGE) {
                continue;
            }
            let path = dir.join(&name);
            match read_page(&path) {
                Ok((page, _)) if page_name(page.page) == name => found.items.push(page),
                Ok((page, _)) => {
                    found
                        .aside
                        .push(self.set_aside(&path, format!("it says that it is page {}", page.page))?);
                }
                Err(reason) => found.aside.push(self.set_aside(&path, reason)?),
            }
        }
        found.items.sort_by_key(|page| page.page);
        Ok(found)
    }

    /// The compressed body of a page that [`pages`](Self::pages) listed.
    pub fn page_body(&self, batch: &BatchId, page: u32) -> Result<Vec<u8>, SpoolError> {
        let path = self.batch_dir(batch).join(page_name(page));
        let read = read_page(&path).map_err(std::io::Error::other).map_err(SpoolError::at(&path));
        read.map(|(_, body)| body)
    }

    /// Forgets a batch: all of it or, when a crash comes between, nothing.
    pub fn finish(&self, batch: &BatchId) -> Result<(), SpoolError> {
        let _guard = self.lock_batches();
        let dir = self.batch_dir(batch);
        if !dir.exists() {
            return Ok(());
        }
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let finished = self.batches_dir().join(format!("{FINISHED}{name}"));
        fs::rename(&dir, &finished).map_err(SpoolError::at(&dir))?;
        durable::sync_dir(&self.batches_dir())?;
        fs::remove_dir_all(&finished).map_err(SpoolError::at(&finished))
    }

    /// Clears away what a crash left half removed or half written.
    pub(super) fn remove_finished(&self) -> Result<(), SpoolError> {
        for dir in [self.dir.clone(), self.batches_dir(), self.letters_dir()] {
            for entry in fs::read_dir(&dir).map_err(SpoolError::at(&dir))? {
                let path = entry.map_err(SpoolError::at(&dir))?.path();
                if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(FINISHED)) {
                    fs::remove_dir_all(&path).map_err(SpoolError::at(&path))?;
                } else if path.extension().is_some_and(|extension| extension == UNFINISHED) {
                    fs::remove_file(&path).map_err(SpoolError::at(&path))?;
                }
            }
        }
        Ok(())
    }

    fn batch_dir(&self, batch: &BatchId) -> PathBuf {
        self.batches_dir().join(durable::file_name(batch.as_str()))
    }

    fn set_aside(&self, path: &Path, reason: String) -> Result<SetAside, SpoolError> {
        durable::set_aside(&self.corrupt_dir(), path, reason)
    }
}

fn page_name(page: u32) -> String {
    format!("{PAGE}{page:05}")
}

fn read_page(path: &Path) -> Result<(PageRecord, Vec<u8>), String> {
    let mut line = fs::read(path).map_err(|error| error.to_string())?;
    let end = line.iter().position(|&byte| byte == b'\n').ok_or("it has no first line")?;
    let body = line.split_off(end + 1);
    let page = PageRecord::from_json(&line, &body)?;
    Ok((page, body))
}
