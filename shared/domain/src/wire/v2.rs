//! The frozen shapes of schema 5, a chunk of any origin: the row has the name of the platform, and three numbers more.

use serde::{Deserialize, Serialize, Serializer};

use super::WireError;
use super::row::{QuoteRef, RowRef};
use super::v1::{ChunkHeadV1, ReadCoin, ReadQuotes};
use crate::chunk::Chunk;
use crate::measure::Measure;
use crate::origin::Origin;

/// How many numbers a quote has.
const NUMBERS: usize = 20;

const _: () = assert!(Measure::COUNT == NUMBERS, "a quote is frozen at 20 numbers: add a new schema id");

/// All of a chunk but its rows, which follow: how many, then one after the other.
#[derive(Serialize, Deserialize)]
pub(super) struct ChunkHeadV2 {
    head: ChunkHeadV1,
    /// 0: live; 1: replay; 2: rebuild; 3: backfill.
    origin: u8,
}

impl From<&Chunk> for ChunkHeadV2 {
    fn from(chunk: &Chunk) -> Self {
        let origin = match chunk.page.origin {
            Origin::Live => 0,
            Origin::Replay => 1,
            Origin::Rebuild => 2,
            Origin::Backfill => 3,
        };
        Self { head: chunk.into(), origin }
    }
}

/// Without its rows.
impl TryFrom<ChunkHeadV2> for Chunk {
    type Error = WireError;

    fn try_from(wire: ChunkHeadV2) -> Result<Self, WireError> {
        let origin = match wire.origin {
            0 => Origin::Live,
            1 => Origin::Replay,
            2 => Origin::Rebuild,
            3 => Origin::Backfill,
            _ => return Err(WireError::Senseless("unknown origin")),
        };
        let mut chunk = Self::try_from(wire.head)?;
        chunk.page.origin = origin;
        Ok(chunk)
    }
}

/// The parts of a row as they are read; [`WrittenRowV2`] is both, to write.
pub(super) type CoinV2<'a> = ReadCoin<'a, Option<&'a str>>;
pub(super) type QuotesV2<'a> = ReadQuotes<'a, [Option<f64>; NUMBERS]>;

/// The bytes of a row, of texts that stay where they are.
#[derive(Serialize)]
#[serde(bound = "")]
pub(super) struct WrittenRowV2<'a, T: AsRef<str>> {
    id: u32,
    name: &'a str,
    symbol: &'a str,
    slug: &'a str,
    date_added: Option<i64>,
    platform_id: Option<u32>,
    platform_name: Option<&'a str>,
    token_address: Option<&'a str>,
    tags: Option<Texts<'a, T>>,
    infinite_supply: Option<bool>,
    is_active: Option<bool>,
    #[serde(serialize_with = "quotes")]
    quotes: &'a [QuoteRef<'a>],
}

#[derive(Serialize)]
struct WrittenQuoteV2<'a> {
    currency: &'a str,
    numbers: &'a [Option<f64>; NUMBERS],
    missing: u32,
    last_updated: i64,
}

impl<'a, T: AsRef<str>> From<&'a RowRef<'a, T>> for WrittenRowV2<'a, T> {
    fn from(row: &'a RowRef<'a, T>) -> Self {
        Self {
            id: row.id,
            name: row.name,
            symbol: row.symbol,
            slug: row.slug,
            date_added: row.date_added,
            platform_id: row.platform_id,
            platform_name: row.platform_name,
            token_address: row.token_address,
            tags: row.tags.map(Texts),
            infinite_supply: row.infinite_supply,
            is_active: row.is_active,
            quotes: &row.quotes,
        }
    }
}

struct Texts<'a, T>(&'a [T]);

impl<T: AsRef<str>> Serialize for Texts<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(AsRef::as_ref))
    }
}

fn quotes<S: Serializer>(quotes: &[QuoteRef], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(quotes.iter().map(|quote| WrittenQuoteV2 {
        currency: quote.currency,
        numbers: &quote.numbers,
        missing: quote.missing.bits(),
        last_updated: quote.last_updated,
    }))
}
