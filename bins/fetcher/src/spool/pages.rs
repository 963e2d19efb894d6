//! The pages of a batch in the spool.

use std::collections::BTreeSet;
use std::path::Path;

use domain::BatchId;

use super::disk::Content;
use super::names::{MANIFEST, page_name, page_number};
use super::record::{Manifest, PageRecord};
use super::{Found, Spool, SpoolError, lock};

/// A page and its body, or what is wrong with it.
type Checked = Result<(PageRecord, Vec<u8>), String>;

impl Spool {
    /// Keeps a page of the batch `manifest`, whose folder is made again when somebody deleted it; `body` is compressed.
    pub(crate) fn put_page(
        &self,
        manifest: &Manifest,
        page: &PageRecord,
        body: &[u8],
    ) -> Result<(), SpoolError> {
        self.ensure()?;
        let dir = self.batch_dir(&manifest.batch);
        if !self.disk.is_folder(&dir)? {
            self.put_manifest(manifest)?;
        }
        self.disk.write(&dir.join(page_name(page.page)), &[&page.to_json(body), b"\n", body])?;
        lock(&self.inventory).add(&manifest.batch, page.page);
        Ok(())
    }

    /// The pages of `batch`, in order, each read and checked. Nothing when there is no such batch.
    pub(crate) fn pages(&self, batch: &BatchId) -> Result<Found<PageRecord>, SpoolError> {
        let dir = self.batch_dir(batch);
        let mut found = Found::default();
        let mut seen = BTreeSet::new();
        for name in self.disk.names(&dir)? {
            let path = dir.join(&name);
            let Some(number) = name.to_str().and_then(page_number) else {
                if !name.to_str().is_some_and(|name| name.starts_with(MANIFEST)) {
                    self.leave_alone(&path);
                }
                continue;
            };
            let wrong = match self.read_page(&path) {
                Ok(Some(Ok((page, _)))) if page.page == number => {
                    found.items.push(page);
                    None
                }
                Ok(Some(Ok((page, _)))) => Some(format!("it says that it is page {}", page.page)),
                Ok(Some(Err(reason))) => Some(reason),
                // Removed since the names were read.
                Ok(None) => continue,
                Err(error) => {
                    found.troubles.push(error);
                    None
                }
            };
            seen.insert(number);
            if let Some(reason) = wrong {
                found.set_aside(self, &path, format!("page {number} of {batch}: {reason}"));
                lock(&self.inventory).forget_page(batch, number);
            }
        }
        found.items.sort_by_key(|page| page.page);
        let mut inventory = lock(&self.inventory);
        found.lost.extend(inventory.take_lost_pages(batch, |page| seen.contains(&page)));
        found.items.iter().for_each(|page| inventory.add(batch, page.page));
        drop(inventory);
        Ok(found)
    }

    /// The compressed body of a page that [`pages`](Self::pages) listed.
    pub(crate) fn page_body(&self, batch: &BatchId, page: u32) -> Result<Vec<u8>, SpoolError> {
        let path = self.batch_dir(batch).join(page_name(page));
        let read = self.read_page(&path)?.unwrap_or_else(|| Err("it is gone".to_owned()));
        // The next listing sets it aside, or misses it.
        let read = read.map_err(std::io::Error::other).map_err(SpoolError::at(&path));
        read.map(|(_, body)| body)
    }

    /// `None` when there is none.
    fn read_page(&self, path: &Path) -> Result<Option<Checked>, SpoolError> {
        let mut line = match self.disk.read(path)? {
            Content::Bytes(bytes) => bytes,
            Content::Absent => return Ok(None),
            Content::NotAFile(reason) => return Ok(Some(Err(reason.to_owned()))),
        };
        let Some(end) = line.iter().position(|&byte| byte == b'\n') else {
            return Ok(Some(Err("it has no first line".to_owned())));
        };
        let body = line.split_off(end + 1);
        Ok(Some(PageRecord::from_json(&line, &body).map(|page| (page, body))))
    }
}
