//! The nouns of coinpipe: batches, coins, quotes, messages, dead letters, and their bytes on the wire.
//!
//! No async, no I/O, no clock: everything here is a value. Every other crate speaks in these types.

pub mod amounts;
mod api_version;
mod batch;
mod checksum;
mod chunk;
mod coin;
mod counts;
pub mod endpoint;
mod fetched;
mod headers;
pub mod json;
mod letter;
mod market;
mod measure;
mod message;
mod name;
mod origin;
mod page;
mod percent;
mod queue;
mod quote;
mod replay;
mod schedule;
mod shared;
mod slot;
mod stage;
mod text;
pub mod timestamp;
mod verdict;
pub mod wire;

/// Bytes that are shared, not copied, when they are cloned.
pub use bytes::Bytes;

pub use api_version::ApiVersion;
pub use batch::BatchId;
pub use chunk::Chunk;
pub use coin::{Coin, CoinRow};
pub use counts::{count, counted, thousands};
pub use fetched::Fetched;
pub use headers::{HeaderError, Headers, header};
pub use letter::{Class, DeadLetter};
pub use market::{
    Field, Form, KindDescription, MarketChunk, MarketKind, NO_CURRENCY, Place, Record, Shape, Value,
};
pub use measure::{Kind, Measure, MeasureSet};
pub use message::{Message, MessageId};
pub use name::UnknownName;
pub use origin::Origin;
pub use page::{MAX_PAGE_BYTES, PageError, PageMeta, compress_body, decompress_body};
pub use percent::percent_decode;
pub use queue::QueueName;
pub use quote::Quote;
pub use replay::ReplayId;
pub use schedule::{
    DueSlot, HeldSlots, InForce, LATE_AFTER, LOADED_WITHIN, Schedule, begun_slots, due_slots, in_force,
    scheduled_slots,
};
pub use shared::Shared;
pub use slot::Slot;
pub use stage::StageName;
pub use text::{is_deceptive, one_line, plain_lines};
pub use verdict::{Doubt, Verdict};
