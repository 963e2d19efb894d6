//! The alerter: files dead letters, then mails people about them, in few mails.
//!
//! `Desk` is the stage: one letter in, one row filed. `IncompleteBatches` files letters about batches that stay
//! incomplete in the ledger; beside it `passed` closes incidents about what has passed. `Conditions` are what opens and closes by itself:
//! quotes that got old, a queue that nothing leaves, a disk that fills up. `StoreAway` mails from memory when the desk itself is away.
//! `Mailer` runs beside them over what was filed: `policy` decides what is worth a mail now, `text` writes it, the outbox
//! keeps it, a `Transport` sends it. The only crate that knows lettre.

mod conditions;
mod desk;
mod fingerprint;
mod incomplete_batches;
mod mailer;
mod metrics;
mod passed;
mod policy;
mod process;
mod store_away;
mod text;
mod transport;

pub use conditions::Conditions;
pub use desk::Desk;
pub use fingerprint::fingerprint;
pub use incomplete_batches::IncompleteBatches;
pub use mailer::Mailer;
pub use metrics::declare_metrics;
pub use process::{check, check_settings, flush, run};
pub use transport::{SendError, SendErrorKind, Transport};

#[cfg(test)]
mod tests;
