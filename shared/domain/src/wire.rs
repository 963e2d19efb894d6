//! The bytes of the rows queue: a checked envelope around bincode. The only module that knows bincode.
//!
//! ```text
//! offset  size  field
//!      0     4  magic "CMCR"
//!      4     1  envelope version, 1
//!      5     2  schema id, little-endian: 2 = fetched, 4 = fetched, with a verdict, 5 = chunk, 6 = chunk of a kind of the market,
//!               7 = schedule; read, and no longer written: 1 = chunk, 3 = chunk of a rebuild
//!      7     4  length of the payload in bytes, little-endian
//!     11     4  CRC-32C (Castagnoli, RFC 3720 B.4) of the payload, little-endian
//!     15     n  payload: bincode 2, standard configuration
//! ```
//!
//! Each schema id has one frozen struct in a submodule. A change of the shape is a new id with a new struct;
//! old ids stay readable, because old messages wait in queues and workers of two versions run side by
//! side. Golden bytes of every schema ever published are kept in the tests.
//!
//! # Guarantees
//! Decoding never panics, and what it returns takes no more memory than 2 × the payload + 40 MiB, whatever the
//! bytes; the length, the checksum and "nothing left over" are all checked before a
//! value is returned.

mod descriptions;
mod envelope;
mod error;
mod market;
mod row;
mod short;
mod unread;
mod v1;
mod v2;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::descriptions::Descriptions;
pub use self::error::WireError;
pub use self::market::encode_market;
pub use self::row::{QuoteRef, RowRef};
pub use self::unread::UnreadChunk;
use self::v1::{FetchedV1, JudgedV1, ScheduleV1};
use self::v2::{ChunkHeadV2, WrittenRowV2};
pub use crate::checksum::crc32c;
use crate::chunk::Chunk;
use crate::fetched::Fetched;
use crate::market::MarketChunk;
use crate::schedule::Schedule;

/// The largest payload that is decoded: 64 MiB. A chunk of 1,000 coins has about 250 KB.
pub const MAX_PAYLOAD_BYTES: usize = 64 << 20;

const HEADER_BYTES: usize = 15;
const SCHEMA_CHUNK_V1: u16 = 1;
const SCHEMA_FETCHED_V1: u16 = 2;
const SCHEMA_REBUILT_V1: u16 = 3;
const SCHEMA_JUDGED_V1: u16 = 4;
const SCHEMA_CHUNK_V2: u16 = 5;
const SCHEMA_MARKET_V1: u16 = 6;
const SCHEMA_SCHEDULE_V1: u16 = 7;
const BINCODE: Configuration<LittleEndian, Varint, Limit<MAX_PAYLOAD_BYTES>> =
    bincode::config::standard().with_limit::<MAX_PAYLOAD_BYTES>();

/// What a message on the rows queue says.
#[derive(Clone, Debug, PartialEq)]
pub enum RowsMessage {
    /// Load these rows.
    Chunk(Chunk),
    /// Expect the pages of this batch.
    Fetched(Fetched),
    /// Load these rows of a kind of the market.
    Market(MarketChunk),
    /// Expect batches in the slots of this schedule.
    Schedule(Schedule),
}

/// The bytes for `chunk`.
pub fn encode_chunk(chunk: &Chunk) -> Vec<u8> {
    encode_rows(chunk, chunk.rows.iter().map(RowRef::from))
}

/// The bytes for `chunk` with `rows` in place of its own. They are taken one at a time, and nothing is copied but into
/// the message.
pub fn encode_rows<'a, T: AsRef<str> + 'a>(
    chunk: &Chunk,
    rows: impl ExactSizeIterator<Item = RowRef<'a, T>>,
) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    put(&mut bytes, &ChunkHeadV2::from(chunk));
    put(&mut bytes, &(rows.len() as u64));
    for row in rows {
        put(&mut bytes, &WrittenRowV2::from(&row));
    }
    envelope::seal(&mut bytes, SCHEMA_CHUNK_V2);
    bytes
}

/// The bytes for `fetched`.
pub fn encode_fetched(fetched: &Fetched) -> Vec<u8> {
    // Two shapes: loaders that do not know verdicts go on reading what is sound.
    match &fetched.verdict {
        None => seal(SCHEMA_FETCHED_V1, &FetchedV1::from(fetched)),
        Some(verdict) => seal(SCHEMA_JUDGED_V1, &JudgedV1::new(fetched, verdict)),
    }
}

/// The bytes for `schedule`.
pub fn encode_schedule(schedule: &Schedule) -> Vec<u8> {
    seal(SCHEMA_SCHEDULE_V1, &ScheduleV1::from(schedule))
}

/// A message of the rows queue, without the rows of a chunk.
#[derive(Clone, Debug, PartialEq)]
pub enum UnreadMessage {
    /// Load the rows of this chunk.
    Chunk(UnreadChunk),
    /// Expect the pages of this batch.
    Fetched(Fetched),
    /// Load these rows of a kind of the market. They are few, and read.
    Market(MarketChunk),
    /// Expect batches in the slots of this schedule.
    Schedule(Schedule),
}

/// Reads a message of the rows queue, of any schema ever published, but for the rows of a chunk. The checksum is checked.
pub fn open(bytes: &Bytes) -> Result<UnreadMessage, WireError> {
    let (schema, payload) = envelope::open(bytes)?;
    match schema {
        SCHEMA_CHUNK_V1 | SCHEMA_REBUILT_V1 | SCHEMA_CHUNK_V2 => {
            Ok(UnreadMessage::Chunk(UnreadChunk::open(schema, bytes.slice_ref(payload))?))
        }
        SCHEMA_FETCHED_V1 => Ok(UnreadMessage::Fetched(value::<FetchedV1>(payload)?.try_into()?)),
        SCHEMA_JUDGED_V1 => Ok(UnreadMessage::Fetched(value::<JudgedV1>(payload)?.try_into()?)),
        SCHEMA_MARKET_V1 => Ok(UnreadMessage::Market(market::decode(payload)?)),
        SCHEMA_SCHEDULE_V1 => Ok(UnreadMessage::Schedule(value::<ScheduleV1>(payload)?.try_into()?)),
        unknown => Err(WireError::UnsupportedSchema(unknown)),
    }
}

/// Reads a message of the rows queue, of any schema ever published.
pub fn decode(bytes: &Bytes) -> Result<RowsMessage, WireError> {
    match open(bytes)? {
        UnreadMessage::Chunk(chunk) => Ok(RowsMessage::Chunk(chunk.read(&mut Descriptions::default())?)),
        UnreadMessage::Fetched(fetched) => Ok(RowsMessage::Fetched(fetched)),
        UnreadMessage::Market(chunk) => Ok(RowsMessage::Market(chunk)),
        UnreadMessage::Schedule(schedule) => Ok(RowsMessage::Schedule(schedule)),
    }
}

fn seal<T: Serialize>(schema: u16, value: &T) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    put(&mut bytes, value);
    envelope::seal(&mut bytes, schema);
    bytes
}

/// Adds the bytes of `value`.
fn put<T: Serialize>(bytes: &mut Vec<u8>, value: &T) {
    bincode::serde::encode_into_std_write(value, bytes, BINCODE).expect("plain structs encode into memory");
}

fn value<T: DeserializeOwned>(payload: &[u8]) -> Result<T, WireError> {
    let mut rest = payload;
    let value = next(&mut rest)?;
    nothing_left(rest, payload)?;
    Ok(value)
}

/// Takes the next value off `rest`.
fn next<'a, T: Deserialize<'a>>(rest: &mut &'a [u8]) -> Result<T, WireError> {
    let (value, consumed) = bincode::serde::borrow_decode_from_slice(rest, BINCODE)
        .map_err(|error| WireError::Payload(error.to_string()))?;
    *rest = &rest[consumed..];
    Ok(value)
}

fn nothing_left(rest: &[u8], payload: &[u8]) -> Result<(), WireError> {
    let (declared, actual) = (payload.len() - rest.len(), payload.len());
    if rest.is_empty() { Ok(()) } else { Err(WireError::Length { declared, actual }) }
}

#[cfg(test)]
mod tests;
