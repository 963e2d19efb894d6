//! Pages as files: what `archive export` writes and `replay --files` reads.

mod files;
mod page_file;

pub(crate) use files::Files;
pub(crate) use page_file::{name, write};
