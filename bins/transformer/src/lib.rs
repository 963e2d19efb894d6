//! The transformer: a raw page in; chunks of clean rows, and letters about what was rejected, out.
//!
//! A page passes these steps, each in its own file:
//!
//! ```text
//! envelope   bytes → the coins, one at a time, or a fault of the whole page
//! coins      each of them → typed, or rejected; the other coins go on; stops at garbage
//!   quick    a coin as the API sends it → typed, in one pass over its bytes (scan); anything else goes to
//!   read     any coin → typed, or why not, field by field. It is the definition, and quick gives the same
//! coin       what describes the coins: their texts stay in the page
//! frame      the numbers → a Polars frame, column by column, one row per coin and currency
//! rules      checks mark rows, changes rewrite columns; rules.rs is the list
//! split      marks → rows and rejects, once, at the end
//! rows       the frame and the texts → rows, for the wire alone
//! messages   rows → chunks; rejects → one letter a chunk
//! keys       rows → which quotes each chunk brings, for proofs
//! ```
//!
//! A page of a kind of the market takes the way of `market`, which goes by the kind's description.
//!
//! # Guarantees
//! - No coin is lost: rows and rejects together are as many as the coins that the page held.
//! - Prices and supplies keep every bit; 0, null and missing stay apart.
//! - The same page gives the same message ids and the same chunks, however often it is transformed.
//! - It never panics, whatever the bytes, and takes less than 4 × the decoded page + 64 MiB of memory.

mod budget;
mod clean;
mod coin;
mod coins;
mod envelope;
mod fault;
mod fields;
mod frame;
mod keys;
mod market;
mod marks;
mod messages;
#[cfg(test)]
mod odd_json;
mod process;
mod quick;
mod read;
mod reject;
mod rows;
mod rules;
mod scan;
mod schema;
mod split;
#[cfg(test)]
mod test_page;
mod transformer;
mod trial;

pub use clean::{Cleaned, clean};
pub use fault::PageFault;
pub use keys::{ChunkKeys, chunk_keys};
pub use process::run;
pub use reject::Reject;
pub use transformer::{Transformer, declare_metrics};
pub use trial::{Trial, trial};
