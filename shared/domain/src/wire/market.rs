//! Schema 6: rows of a kind of the market. The columns are named, so that a kind can get another one without a new schema; a
//! loader that does not know it says so.

use serde::{Deserialize, Serialize};

use super::short::Short;
use super::v1::ChunkHeadV1;
use super::{HEADER_BYTES, SCHEMA_MARKET_V1, WireError, envelope, next, nothing_left, put};
use crate::chunk::Chunk;
use crate::market::{MarketChunk, MarketKind, Record, Value};
use crate::origin::Origin;

/// What the rows may take in memory for each byte on the wire, and in all, in bytes.
const BYTES_FOR_A_BYTE: usize = 2;
const BYTES_FOR_ALL: usize = 40 << 20;

/// All but the rows, which follow: how many, then one after the other, each a `Short<Option<ValueV1>>`.
#[derive(Serialize, Deserialize)]
struct MarketHeadV1 {
    chunk: ChunkHeadV1,
    rebuild: bool,
    columns: Short<String>,
}

#[derive(Serialize, Deserialize)]
enum ValueV1 {
    Number(f64),
    Text(String),
    Instant(i64),
    Flag(bool),
}

/// The bytes for `chunk`.
pub fn encode_market(chunk: &MarketChunk) -> Vec<u8> {
    let columns = chunk.kind.description().fields.iter().map(|field| field.column.to_owned());
    let head = MarketHeadV1 {
        chunk: ChunkHeadV1::from(&chunk.head),
        rebuild: chunk.head.is_rebuild(),
        columns: Short(columns.collect()),
    };
    let mut bytes = vec![0; HEADER_BYTES];
    put(&mut bytes, &head);
    put(&mut bytes, &(chunk.records.len() as u64));
    for record in &chunk.records {
        put(
            &mut bytes,
            &Short(record.values.iter().map(|value| value.as_ref().map(ValueV1::from)).collect()),
        );
    }
    envelope::seal(&mut bytes, SCHEMA_MARKET_V1);
    bytes
}

/// The chunk in `payload`.
pub(super) fn decode(payload: &[u8]) -> Result<MarketChunk, WireError> {
    let mut rest = payload;
    let MarketHeadV1 { chunk, rebuild, columns } = next(&mut rest)?;
    let mut head: Chunk = chunk.try_into()?;
    if rebuild {
        head.page.origin = Origin::Rebuild;
    }
    let endpoint = &head.page.endpoint;
    let kind =
        MarketKind::of_endpoint(endpoint).ok_or_else(|| WireError::UnsupportedKind(endpoint.clone()))?;
    let places = places(kind, columns.0)?;
    let rows: u64 = next(&mut rest)?;
    let mut left = BYTES_FOR_A_BYTE * payload.len() + BYTES_FOR_ALL;
    let mut records = Vec::new();
    for _ in 0..rows {
        let Short(values) = next::<Short<Option<ValueV1>>>(&mut rest)?;
        let record = record(kind, &places, values)?;
        left = left.checked_sub(record.memory()).ok_or(WireError::TooDense(payload.len()))?;
        records.push(record);
    }
    nothing_left(rest, payload)?;
    Ok(MarketChunk { kind, head, records })
}

/// The place of each column of the message among the fields of `kind`.
fn places(kind: MarketKind, columns: Vec<String>) -> Result<Vec<usize>, WireError> {
    let fields = kind.description().fields;
    let mut places = Vec::with_capacity(columns.len());
    for column in columns {
        match fields.iter().position(|field| field.column == column) {
            Some(place) if places.contains(&place) => {
                return Err(WireError::Senseless("a column is named twice"));
            }
            Some(place) => places.push(place),
            None => return Err(WireError::UnsupportedKind(format!("{kind}: {column}"))),
        }
    }
    Ok(places)
}

fn record(kind: MarketKind, places: &[usize], values: Vec<Option<ValueV1>>) -> Result<Record, WireError> {
    if values.len() != places.len() {
        return Err(WireError::Senseless("a row has more or fewer values than there are columns"));
    }
    let fields = kind.description().fields;
    let mut record = Record { values: vec![None; fields.len()] };
    for (&place, value) in places.iter().zip(values) {
        let value = value.map(Value::try_from).transpose()?;
        if value.as_ref().is_some_and(|value| !fields[place].accepts(value)) {
            return Err(WireError::Senseless("a value is none that its column holds"));
        }
        record.values[place] = value;
    }
    let lacks = fields.iter().zip(&record.values).any(|(field, value)| field.is_required && value.is_none());
    if lacks { Err(WireError::Senseless("a row lacks a value that all have")) } else { Ok(record) }
}

impl From<&Value> for ValueV1 {
    fn from(value: &Value) -> Self {
        match value {
            Value::Number(number) => Self::Number(*number),
            Value::Text(text) => Self::Text(text.clone()),
            Value::Instant(at) => Self::Instant(at.timestamp_millis()),
            Value::Flag(flag) => Self::Flag(*flag),
        }
    }
}

impl TryFrom<ValueV1> for Value {
    type Error = WireError;

    fn try_from(wire: ValueV1) -> Result<Self, WireError> {
        Ok(match wire {
            ValueV1::Number(number) => Self::Number(number),
            ValueV1::Text(text) => Self::Text(text),
            ValueV1::Instant(millis) => Self::Instant(super::v1::instant(millis)?),
            ValueV1::Flag(flag) => Self::Flag(flag),
        })
    }
}

#[cfg(test)]
mod tests;
