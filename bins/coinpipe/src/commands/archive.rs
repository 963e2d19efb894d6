//! `coinpipe archive export`: pages from the archive become files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{ArgGroup, Args, Subcommand};
use domain::PageMeta;
use service::Process;

use crate::selection::{Selection, SpanArgs};
use crate::{adapters, archived, data_kind, numbers, output, page_files};

#[derive(Args, Debug)]
pub(crate) struct ArchiveArgs {
    #[command(subcommand)]
    command: ArchiveCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ArchiveCommand {
    /// Write pages into files, one each, which `replay --files` reads
    Export(ExportArgs),
}

/// Each page becomes a file such as 2026-11-22T140000Z_listings_USD_p1.json.zst: the response as it was received,
/// compressed with zstd, with what belongs to it in a frame that decompressors skip.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["from", "to", "last", "batch", "all"]))]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    span: SpanArgs,
    /// The folder to write to; it is created
    folder: PathBuf,
}

pub(crate) async fn run(process: &Process, args: &ArchiveArgs) -> anyhow::Result<()> {
    match &args.command {
        ArchiveCommand::Export(args) => export(process, args).await,
    }
}

async fn export(process: &Process, args: &ExportArgs) -> anyhow::Result<()> {
    let selection = Selection::new(&args.span, process.clock.now())?;
    let url = &process.config().queue.url;
    let Some(queues) = process.unless_stopped(process.open_queues_read_only()).await? else {
        bail!(adapters::nothing_at(url));
    };
    let archive = queues.archive;
    let folder = args.folder.as_path();
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let since = selection.archived_since();
    let range = process.unless_stopped(async { Ok(archive.range(since).await?) }).await?;
    let stop = process.shutdown.soft();
    let (mut pages, mut bytes, mut unreadable) = (0, 0, 0);
    let mut are_simulated = false;
    let mut position = range.after;
    while position < range.end && !stop.is_cancelled() {
        let read = archived::read(&*archive, position).await?;
        let Some(last) = read.last() else { break };
        position = last.position;
        for page in read.into_iter().filter(|page| page.position <= range.end) {
            let Ok(meta) = PageMeta::from_headers(&page.message.headers) else {
                unreadable += 1;
                continue;
            };
            if selection.wants(&meta) {
                let file = page_files::write(&page.message)?;
                save(&folder.join(page_files::name(&meta)), &file)?;
                pages += 1;
                are_simulated |= meta.simulated;
                bytes += file.len() as u64;
            }
        }
    }
    output::print(format!(
        "Wrote {} ({}) to {}",
        numbers::counted(pages, "page"),
        bytesize::ByteSize(bytes),
        folder.display()
    ))?;
    if are_simulated {
        output::say(data_kind::SIMULATED);
    }
    if unreadable > 0 {
        bail!("left out {}: they cannot be read as pages", numbers::counted(unreadable, "message"));
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
