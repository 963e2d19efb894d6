//! The alerter: files dead letters, then mails people about them, in few mails.
//!
//! `Desk` is the stage: one letter in, one row filed. `IncompleteBatches` files letters about batches that stay
//! incomplete in the ledger; beside it `settled_tries` closes incidents about tries that succeeded. `StaleQuotes` opens and closes an
//! incident about quotes that got old. `QuietGroups` closes groups in which nothing dies any more.
//! `Summaries` says how a week was. `Mailer` runs beside them over what was filed: `policy` decides what is worth a mail now, `text` writes it, the outbox
//! keeps it, a `Transport` sends it. The only crate that knows lettre.

mod desk;
mod fingerprint;
mod incomplete_batches;
mod mailer;
mod metrics;
mod policy;
mod process;
mod quiet_groups;
mod settled_tries;
mod stale_quotes;
mod summary;
mod text;
mod transport;

pub use desk::Desk;
pub use fingerprint::fingerprint;
pub use incomplete_batches::IncompleteBatches;
pub use mailer::Mailer;
pub use metrics::declare_metrics;
pub use process::{check, check_settings, flush, run};
pub use quiet_groups::QuietGroups;
pub use stale_quotes::StaleQuotes;
pub use summary::Summaries;
pub use transport::{SendError, SendErrorKind, Transport};
