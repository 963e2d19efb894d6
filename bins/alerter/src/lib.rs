//! The alerter: files dead letters, then mails people about them, in few mails.
//!
//! `Desk` is the stage: one letter in, one row filed. `IncompleteBatches` files letters about batches that stay
//! incomplete in the ledger; beside it `settled_tries` closes incidents about tries that succeeded. `StaleQuotes` opens and closes an
//! incident about quotes that got old.
//! `Mailer` runs beside them over what was filed: `policy` decides what is worth a mail now, `surroundings` reads what else
//! a mail says, `report` writes it, the outbox keeps it, a `Transport` sends it. `heartbeat` tells somebody outside that snapshots come. The only crate that knows lettre.

mod desk;
mod fingerprint;
mod heartbeat;
mod http;
mod incomplete_batches;
mod mailer;
mod metrics;
mod policy;
mod process;
mod report;
mod settled_tries;
mod stale_quotes;
mod surroundings;
mod transport;

pub use desk::Desk;
pub use fingerprint::fingerprint;
pub use incomplete_batches::IncompleteBatches;
pub use mailer::Mailer;
pub use metrics::declare_metrics;
pub use process::{check, check_settings, flush, run};
pub use stale_quotes::StaleQuotes;
pub use transport::{SendError, SendErrorKind, Sent, Transport};
