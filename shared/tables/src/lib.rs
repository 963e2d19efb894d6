//! What every SQL store shares, without a database: the columns, reads that are the same in every dialect and what their rows
//! say, which of two quotes is newer, and what the rows of the ledger say about a batch.
//!
//! A new column is written here once, and in the migrations. Upserts, locks, errors and sessions are each adapter's own.

pub mod coins;
pub mod columns;
pub mod contents;
pub mod judgement;
pub mod ledger;
pub mod letters;
pub mod outbox;
pub mod row;

pub use row::{Row, Value};
