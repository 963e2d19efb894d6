//! What every SQL store shares, without a database: the rows as values, which of two quotes is newer, and what the rows of
//! the ledger say about a batch.

pub mod contents;
pub mod judgement;
pub mod ledger;
