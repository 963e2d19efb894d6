//! Reading rows, and the texts of those reads that are equal for all databases.

pub mod ledger;
pub mod letters;
pub mod outbox;
pub mod processes;
pub mod proofs;
pub mod quotes;
pub mod schedules;
pub mod silences;
