//! The fetcher: gets snapshots of the market from the CoinMarketCap API and publishes them as raw pages.
//!
//! A slot comes due (`schedule`), its pages are fetched ([`Client`]), and each is written to disk (`spool`)
//! as soon as it arrived. Once the batch is complete, or the slot is over, its pages and the announcement go
//! to the queue and leave the disk. [`Outcome`] says what to do when the API fails.
//!
//! # Guarantees
//! - A page that was paid for is on disk before anything else happens to it and stays there until the
//!   queue has confirmed the whole batch; a crash at any point repeats messages under their ids.
//! - No slot is paid for twice: not after a restart, not when the clock is set back, and not by another of
//!   any number of fetchers. One leads; it claims a slot where the next leader will see it, and then fetches.
//! - A fetcher that dies at any point does not lose its slot without a word: the slot is fetched all the same, by its
//!   fetcher or another, or a letter says that it is missing.
//! - Trouble with the API, the disk and the queue never ends the fetcher: it becomes a wait, a letter to the alerter, or both.
//!   While something is away it is asked a few times a minute, whichever loop asks.
//!
//! # Not guaranteed
//! - A page that arrived and was not yet written when the process died is fetched again, by the same
//!   fetcher: the spool says that the slot is its own.
//! - A fetcher that dies for good, with its spool, leaves its slot missing, and a letter once the slot is over; a queue that
//!   is away for longer than a slot leaves it missing, too, because without it nobody can lead.

mod claims;
mod client;
mod crash;
mod fetcher;
mod incident;
mod metrics;
mod once;
mod outcome;
mod pace;
mod process;
mod publish;
mod reign;
mod run;
mod schedule;
mod seal;
mod serve;
mod snapshot;
mod source;
mod spool;
mod standing;
mod stock;
mod trace;
mod watch;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use client::{BadSource, BodyFault, Client, FetchError, KeyStatus, Page, Pause, Source, TransportFault};
pub use fetcher::{Fetcher, Health};
pub use metrics::{FetchMetrics, declare_metrics};
pub use once::{FetchedBatch, OnceFailure};
pub use outcome::{Circumstances, Outcome};
pub use process::{check, check_settings, for_process, is_simulated, run};
pub use source::{ChosenSource, choose_source};
pub use spool::SpoolError;
pub use watch::{Step, Watch};
