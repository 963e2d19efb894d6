//! `coinpipe archive export`: pages from the archive become files.

use std::path::Path;

use anyhow::{Context as _, bail};
use domain::PageMeta;
use service::Process;

use super::{READ, Selection, page_file};
use crate::cli::ExportArgs;
use crate::{origin, output};

pub(super) async fn run(process: &Process, args: &ExportArgs) -> anyhow::Result<()> {
    let selection = Selection::new(&args.span, process.clock.now())?;
    let url = &process.config().queue.url;
    let Some(queues) = process.unless_stopped(process.look_at_queues()).await? else {
        bail!(origin::nothing_at(url));
    };
    let archive = queues.archive;
    let folder = args.folder.as_path();
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let since = selection.archived_since();
    let stretch = process.unless_stopped(async { Ok(archive.stretch(since).await?) }).await?;
    let stop = process.shutdown.soft();
    let (mut pages, mut bytes, mut unreadable) = (0, 0, 0);
    let mut position = stretch.after;
    while position < stretch.end && !stop.is_cancelled() {
        let read = archive.read(position, READ).await?;
        let Some(last) = read.last() else { break };
        position = last.position;
        for page in read.into_iter().filter(|page| page.position <= stretch.end) {
            let Ok(meta) = PageMeta::from_headers(&page.message.headers) else {
                unreadable += 1;
                continue;
            };
            if selection.wants(&meta) {
                let file = page_file::write(&page.message)?;
                save(&folder.join(page_file::name(&meta)), &file)?;
                pages += 1;
                bytes += file.len() as u64;
            }
        }
    }
    output::print(format!(
        "Wrote {} ({}) to {}",
        output::counted(pages, "page"),
        bytesize::ByteSize(bytes),
        folder.display()
    ))?;
    if unreadable > 0 {
        bail!("left out {}: they cannot be read as pages", output::counted(unreadable, "message"));
    }
    if stop.is_cancelled() {
        bail!("stopped before the end; the same command writes all of it again");
    }
    Ok(())
}

/// Writes `file` whole or not at all.
fn save(path: &Path, file: &[u8]) -> anyhow::Result<()> {
    let saving = || {
        let part = path.with_extension("part");
        std::fs::write(&part, file)?;
        std::fs::File::open(&part)?.sync_all()?;
        std::fs::rename(&part, path)
    };
    saving().with_context(|| format!("cannot write {}", path.display()))
}
