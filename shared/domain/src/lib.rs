//! The nouns of coinpipe: batches, coins, quotes, messages, dead letters, and their bytes on the wire.
//!
//! No async, no I/O, no clock: everything here is a value. Every other crate speaks in these types.

mod batch;
pub mod json;
mod letter;
mod message;
mod page;
mod quote;
mod replay;
pub mod timestamp;
pub mod wire;

/// Bytes that are shared, not copied, when they are cloned.
pub use bytes::Bytes;

pub use batch::{BatchId, Chunk, Fetched, Slot};
pub use letter::{Class, DeadLetter, StageName, UnknownName};
pub use message::{HeaderError, Headers, Message, MessageId, header};
pub use page::{ApiVersion, MAX_PAGE_BYTES, Origin, PageError, PageMeta, compress_body, decompress_body};
pub use quote::{Coin, CoinRow, Kind, Measure, MeasureSet, Quote};
pub use replay::ReplayId;
