//! Pages as files: what `archive export` writes and `replay --files` reads.

mod files;
mod page_file;
mod recorded;

pub(crate) use files::PageFiles;
pub(crate) use page_file::{name, write};
