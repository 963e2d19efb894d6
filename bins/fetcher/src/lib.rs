//! The fetcher: gets snapshots of the market from the CoinMarketCap API and publishes them as raw pages.
//!
//! Three parts, which meet in the `spool`, a folder on disk:
//! - `collect`: from the API into the spool. It fetches the pages of a batch one after the other and writes each to disk as soon
//!   as it arrived. `outcome` says what to do when the API fails. When no more pages will come, the batch is sealed.
//! - `publish`: from the spool to the queue. The pages of a sealed batch and its announcement go to the queue, and once it has
//!   confirmed them, they leave the disk.
//! - `schedule`: who leads, which slot is due, and when. The leader claims a slot and has it collected.
//!
//! `coinpipe --once` ([`for_once`]) uses the first two only; [`run`] uses all three. `source` chooses what is asked: the real
//! API, another server, or a simulator that is started for it.
//!
//! # Guarantees
//! - A page that was paid for is on disk before anything else happens to it and stays there until the
//!   queue has confirmed the whole batch; a crash at any point repeats messages under their ids.
//! - No slot is paid for twice: not after a restart, not when the clock is set back, and not by another of
//!   any number of fetchers. One leads; it claims a slot where the next leader will see it, and then fetches.
//! - A fetcher that dies at any point does not lose its slot silently: the slot is fetched all the same, by its
//!   fetcher or another, or a letter says that it is missing.
//! - Trouble with the API, the disk and the queue never ends the fetcher: it becomes a wait, a letter to the alerter, or both.
//!   While something is away it is asked a few times a minute, whichever loop asks.
//!
//! # Not guaranteed
//! - A page that arrived and was not yet written when the process died is fetched again, by the same
//!   fetcher: the spool says that the slot is its own.
//! - A fetcher that dies for good, with its spool, leaves its slot missing, and a letter once the slot is over; a queue that
//!   is away for longer than a slot leaves it missing, too, because without it nobody can lead. Whoever leads next writes a
//!   letter about the slots that passed while nobody led, and the ledger is told of the schedule, so that it can name them.

mod backfill;
mod beside;
mod collect;
mod context;
mod crash;
mod currencies;
mod history;
mod incident;
mod judge;
mod kind;
mod metrics;
mod once;
mod parts;
mod process;
mod progress;
mod publish;
mod retry_turns;
mod schedule;
mod scheduled;
mod source;
mod spool;
mod subject;
mod tables;
mod trace;
mod waiting;

#[cfg(test)]
mod busy;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use backfill::{Backfiller, Begun, Filled, Past, Price, price_of_past};
pub use beside::{begun_in, taken_in};
pub use collect::{Advice, KeyStatus, Spending, free_plan};
pub use currencies::is_known_currency;
pub use history::{KnownCoin, PastCoins};
pub use kind::{Unanswered, ask_whether_simulated};
pub use metrics::declare_metrics;
pub use once::{FetchedBatch, OnceFailure, OnceFetcher};
pub use process::{
    asked_by_id, backfill_spool, check, check_settings, for_backfill, for_once, is_simulated, run,
};
pub use progress::{NextTry, ProgressObserver, Step};
pub use scheduled::{ScheduledFetcher, Surroundings};
pub use source::{ChosenSource, choose_source};
pub use spool::{Holder, SpoolError};
pub use subject::intervals;
pub use tables::Tables;
