//! The commands: one file or folder each, which describes what can be typed and does it.

pub(crate) mod alerts;
pub(crate) mod archive;
pub(crate) mod backfill;
pub(crate) mod batches;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod dead;
pub(crate) mod export;
pub(crate) mod gaps;
pub(crate) mod health;
pub(crate) mod import;
pub(crate) mod migrate;
pub(crate) mod once;
pub(crate) mod price;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod simulate;
pub(crate) mod status;
pub(crate) mod top;
mod transit;
pub(crate) mod verify;
