//! Parse and clean: pages as they were received in, rows out.

use std::path::PathBuf;

use domain::decompress_body;
use ports::{Clock, SystemClock};
use transformer::clean;

use crate::page_file;
use crate::stopwatch::Stopwatch;

/// Measures it after a first page, for which the libraries get ready.
pub(crate) fn run(files: &[PathBuf]) -> anyhow::Result<()> {
    let mut pages = Vec::new();
    for (meta, page) in page_file::read_all(files)? {
        pages.push((meta, decompress_body(&page.body)?));
    }
    let now = SystemClock.now();
    if let Some((meta, body)) = pages.first() {
        clean(meta, body, now)?;
    }
    let (watch, mut rows) = (Stopwatch::start()?, 0);
    for (meta, body) in &pages {
        rows += clean(meta, body, now)?.coins_in();
    }
    watch.say("clean", rows)
}
