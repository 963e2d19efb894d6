//! The archive of what was fetched, and pages as files.

mod export;
mod files;
mod page_file;
mod selection;

use service::Process;

use crate::cli::{ArchiveArgs, ArchiveCommand};
pub(crate) use files::Files;
pub(crate) use selection::{Selection, duration, instant};

/// Pages read at a time; they have a megabyte each.
pub(crate) const READ: u32 = 4;

pub(crate) async fn run(process: &Process, args: &ArchiveArgs) -> anyhow::Result<()> {
    match &args.command {
        ArchiveCommand::Export(args) => export::run(process, args).await,
    }
}
