//! The alerter: files dead letters, then mails people about them, in few mails.
//!
//! `Desk` is the stage: one letter in, one row filed. `IncompleteBatches` files letters about batches that stay
//! incomplete in the ledger; beside it `passed` closes incidents about what has passed. `Conditions` are what opens and closes by itself:
//! quotes that got old, a queue that nothing leaves, a disk that fills up. `StoreAway` mails from memory when the desk itself is away.
//! `desk::ReplayedLetters` resolves what was sent again and arrived, and `DeskKeeper` deletes what was kept long enough.
//! `QuietGroups` closes groups in which nothing dies any more, `Summaries` says how a week was.
//! `Mailer` runs beside them over what was filed: `policy` decides what is worth a mail now, `surroundings` reads what else
//! a mail says, `report` writes it, the outbox keeps it, a `Transport` sends it. `heartbeat` tells somebody outside that snapshots
//! come. The only crate that knows lettre.

mod conditions;
mod desk_keeper;
mod filing;
mod fingerprint;
mod heartbeat;
mod http;
mod incomplete_batches;
mod mailer;
mod metrics;
mod newest;
mod passed;
mod policy;
mod process;
mod quiet_groups;
mod report;
mod store_away;
mod summary;
mod surroundings;
mod transport;

pub use conditions::Conditions;
pub use desk_keeper::DeskKeeper;
pub use filing::Desk;
pub use fingerprint::fingerprint;
pub use incomplete_batches::IncompleteBatches;
pub use mailer::Mailer;
pub use metrics::declare_metrics;
pub use process::{check, check_settings, flush, run, run_for_command};
pub use quiet_groups::QuietGroups;
pub use summary::Summaries;
pub use transport::{SendError, SendErrorKind, Sent, Transport};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
