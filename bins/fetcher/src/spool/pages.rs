//! The pages of a batch in the spool.
//!
//! A page has a megabyte, and is read once: when it is published. Sealing a batch and listing its pages takes the first
//! line of each file and its length. (Reading, checking and copying each page three times took 0.6 ms more, and moved 7 MB.)

use std::collections::BTreeSet;
use std::path::Path;

use domain::{BatchId, Bytes};

use super::disk::Content;
use super::names::{MANIFEST, page_name, page_number};
use super::record::{Manifest, PageRecord};
use super::{Found, Spool, SpoolError, lock};

/// The longest first line of a page; ours have about 250 bytes.
const MOST_OF_LINE: u64 = 4096;

/// What was read of a page, or what is wrong with it. `None`: there is none.
type Checked<T> = Option<Result<T, String>>;

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
        self.find_pages(batch, |path| {
            let read = self.read_page(path)?;
            Ok(read.map(|read| read.map(|(page, _)| page)))
        })
    }

    /// The same without their bodies: one that is damaged and as long as it was is found by [`page_body`](Self::page_body).
    pub(crate) fn list_pages(&self, batch: &BatchId) -> Result<Found<PageRecord>, SpoolError> {
        self.find_pages(batch, |path| self.read_record(path))
    }

    fn find_pages(
        &self,
        batch: &BatchId,
        read: impl Fn(&Path) -> Result<Checked<PageRecord>, SpoolError>,
    ) -> Result<Found<PageRecord>, SpoolError> {
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
            match read(&path) {
                Ok(Some(Ok(page))) if page.page == number => found.items.push(page),
                Ok(Some(Ok(page))) => {
                    self.set_page_aside(
                        batch,
                        number,
                        &format!("it says that it is page {}", page.page),
                        &mut found,
                    );
                }
                Ok(Some(Err(reason))) => self.set_page_aside(batch, number, &reason, &mut found),
                // Removed since the names were read.
                Ok(None) => continue,
                Err(error) => found.troubles.push(error),
            }
            seen.insert(number);
        }
        found.items.sort_by_key(|page| page.page);
        let mut inventory = lock(&self.inventory);
        found.lost.extend(inventory.take_lost_pages(batch, |page| seen.contains(&page)));
        found.items.iter().for_each(|page| inventory.add(batch, page.page));
        drop(inventory);
        Ok(found)
    }

    /// The compressed body of a page that was listed, unless something is wrong with it.
    pub(crate) fn page_body(&self, batch: &BatchId, page: u32) -> Found<Bytes> {
        let path = self.batch_dir(batch).join(page_name(page));
        let mut found = Found::default();
        match self.read_page(&path) {
            Ok(Some(Ok((_, body)))) => found.items.push(body),
            Ok(Some(Err(reason))) => self.set_page_aside(batch, page, &reason, &mut found),
            // The next list misses it.
            Ok(None) => found.troubles.push(SpoolError::at(&path)(std::io::Error::other("it is gone"))),
            Err(error) => found.troubles.push(error),
        }
        found
    }

    fn set_page_aside<T>(&self, batch: &BatchId, page: u32, reason: &str, found: &mut Found<T>) {
        let path = self.batch_dir(batch).join(page_name(page));
        found.set_aside(self, &path, format!("page {page} of {batch}: {reason}"));
        lock(&self.inventory).forget_page(batch, page);
    }

    /// What a page's first line says, if its body is as long as that says.
    fn read_record(&self, path: &Path) -> Result<Checked<PageRecord>, SpoolError> {
        let (content, file_bytes) = self.disk.read_beginning(path, MOST_OF_LINE)?;
        Ok(content.into_page().map(|bytes| {
            let bytes = bytes?;
            let end = end_of_line(&bytes)?;
            let (page, seal) = PageRecord::from_json(&bytes[..end])?;
            seal.check_length(file_bytes.saturating_sub(end as u64))?;
            Ok(page)
        }))
    }

    /// A page and its body. They are parts of what was read, not copies.
    fn read_page(&self, path: &Path) -> Result<Checked<(PageRecord, Bytes)>, SpoolError> {
        Ok(self.disk.read(path)?.into_page().map(|bytes| {
            let mut line = Bytes::from(bytes?);
            let body = line.split_off(end_of_line(&line)?);
            let (page, seal) = PageRecord::from_json(&line)?;
            seal.check(&body)?;
            Ok((page, body))
        }))
    }
}

impl Content {
    /// The bytes of a page's file, or why it is none.
    fn into_page(self) -> Checked<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(Ok(bytes)),
            Self::Absent => None,
            Self::NotAFile(reason) => Some(Err(reason.to_owned())),
        }
    }
}

/// Where the first line ends, with the byte that ends it.
fn end_of_line(bytes: &[u8]) -> Result<usize, String> {
    match bytes.iter().position(|&byte| byte == b'\n') {
        Some(at) => Ok(at + 1),
        None => Err("it has no first line".to_owned()),
    }
}
