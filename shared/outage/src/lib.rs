//! How long to wait for what is away: [`Backoff`], and the [`Gate`] that all callers of one server or file share.

mod away;
mod backoff;
pub mod gate;

pub use away::Away;
pub use backoff::{Backoff, Growth};
pub use gate::{Gate, Need, Pass};
