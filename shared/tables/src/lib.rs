//! What every SQL store shares, without a database: the rows as values, their columns, how they are read and in which order
//! they are written, which of two quotes is newer, and what the rows of the ledger say about a batch.

pub mod browse;
pub mod columns;
pub mod desk;
pub mod dropping;
pub mod ledger;
pub mod load;
pub mod market;
pub mod read;
pub mod row;
pub mod schema;
pub mod told;
pub mod undelivered;
pub mod write;
