//! The frozen shapes of schemas 1, 2 and 3; 3 has that of 1. Instants are milliseconds since the Unix epoch.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::WireError;
use super::short::Short;
use crate::batch::{BatchId, Chunk, Fetched, Provenance, Slot};
use crate::page::{ApiVersion, Origin, PageMeta};
use crate::quote::{Coin, CoinRow, Measure, MeasureSet, Quote};

const _: () =
    assert!(Measure::COUNT == 17, "QuoteV1 is frozen at 17 numbers: add QuoteV2 and a new schema id");

#[derive(Serialize)]
pub(super) struct ChunkV1 {
    head: ChunkHeadV1,
    pub(super) rows: Vec<CoinRowV1>,
}

/// All of a chunk but its rows, which follow: how many, then one after the other.
#[derive(Serialize, Deserialize)]
pub(super) struct ChunkHeadV1 {
    page: PageV1,
    chunk: u32,
    chunks: u32,
    transformed_at: i64,
    coins_in: u32,
    rejected: u32,
}

#[derive(Serialize, Deserialize)]
struct PageV1 {
    batch: String,
    slot: i64,
    page: u32,
    pages: u32,
    fetched_at: i64,
    endpoint: String,
    api_version: u8,
    convert: Short<String>,
    simulated: bool,
    replay: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CoinRowV1 {
    id: u32,
    name: String,
    symbol: String,
    slug: String,
    date_added: Option<i64>,
    platform_id: Option<u32>,
    token_address: Option<String>,
    tags: Option<Short<String>>,
    infinite_supply: Option<bool>,
    is_active: Option<bool>,
    quotes: Short<QuoteV1>,
}

#[derive(Serialize, Deserialize)]
struct QuoteV1 {
    currency: String,
    numbers: [Option<f64>; 17],
    missing: u32,
    last_updated: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct FetchedV1 {
    batch: String,
    slot: i64,
    endpoint: String,
    api_version: u8,
    convert: Short<String>,
    fetched_at: i64,
    pages: u32,
    credits: u32,
    simulated: bool,
}

fn instant(millis: i64) -> Result<DateTime<Utc>, WireError> {
    DateTime::from_timestamp_millis(millis).ok_or(WireError::Senseless("an instant is out of range"))
}

fn api_version_number(version: ApiVersion) -> u8 {
    match version {
        ApiVersion::V1 => 1,
        ApiVersion::V3 => 3,
    }
}

fn api_version(number: u8) -> Result<ApiVersion, WireError> {
    match number {
        1 => Ok(ApiVersion::V1),
        3 => Ok(ApiVersion::V3),
        _ => Err(WireError::Senseless("unknown API version")),
    }
}

impl From<&Chunk> for ChunkV1 {
    fn from(chunk: &Chunk) -> Self {
        let page = &chunk.page;
        Self {
            head: ChunkHeadV1 {
                page: PageV1 {
                    batch: page.batch.to_string(),
                    slot: page.slot.starts_at().timestamp_millis(),
                    page: page.page,
                    pages: page.pages,
                    fetched_at: page.fetched_at.timestamp_millis(),
                    endpoint: page.endpoint.clone(),
                    api_version: api_version_number(page.api_version),
                    convert: Short(page.convert.clone()),
                    simulated: page.simulated,
                    replay: chunk.is_replay(),
                },
                chunk: chunk.chunk,
                chunks: chunk.chunks,
                transformed_at: chunk.transformed_at.timestamp_millis(),
                coins_in: chunk.coins_in,
                rejected: chunk.rejected,
            },
            rows: chunk.rows.iter().map(CoinRowV1::from).collect(),
        }
    }
}

impl From<&CoinRow> for CoinRowV1 {
    fn from(CoinRow { coin, quotes }: &CoinRow) -> Self {
        Self {
            id: coin.id,
            name: coin.name.clone(),
            symbol: coin.symbol.clone(),
            slug: coin.slug.clone(),
            date_added: coin.date_added.map(|at| at.timestamp_millis()),
            platform_id: coin.platform_id,
            token_address: coin.token_address.clone(),
            tags: coin.tags.clone().map(Short),
            infinite_supply: coin.infinite_supply,
            is_active: coin.is_active,
            quotes: Short(quotes.iter().map(QuoteV1::from).collect()),
        }
    }
}

impl From<&Quote> for QuoteV1 {
    fn from(quote: &Quote) -> Self {
        Self {
            currency: quote.currency.clone(),
            numbers: quote.numbers,
            missing: quote.missing.bits(),
            last_updated: quote.last_updated.timestamp_millis(),
        }
    }
}

impl From<&Fetched> for FetchedV1 {
    fn from(fetched: &Fetched) -> Self {
        Self {
            batch: fetched.batch.to_string(),
            slot: fetched.slot.starts_at().timestamp_millis(),
            endpoint: fetched.endpoint.clone(),
            api_version: api_version_number(fetched.api_version),
            convert: Short(fetched.convert.clone()),
            fetched_at: fetched.fetched_at.timestamp_millis(),
            pages: fetched.pages,
            credits: fetched.credits,
            simulated: fetched.simulated,
        }
    }
}

/// Without its rows.
impl TryFrom<ChunkHeadV1> for Chunk {
    type Error = WireError;

    fn try_from(wire: ChunkHeadV1) -> Result<Self, WireError> {
        if wire.chunk == 0 || wire.chunk > wire.chunks {
            return Err(WireError::Senseless("the chunk's number is not within its page"));
        }
        if wire.page.page == 0 || wire.page.page > wire.page.pages {
            return Err(WireError::Senseless("the page's number is not within its batch"));
        }
        let chunk = Self {
            page: PageMeta {
                batch: BatchId::from_stored(wire.page.batch),
                slot: Slot::at(instant(wire.page.slot)?),
                page: wire.page.page,
                pages: wire.page.pages,
                fetched_at: instant(wire.page.fetched_at)?,
                endpoint: wire.page.endpoint,
                api_version: api_version(wire.page.api_version)?,
                convert: wire.page.convert.0,
                simulated: wire.page.simulated,
                origin: if wire.page.replay { Origin::Replay } else { Origin::Live },
            },
            chunk: wire.chunk,
            chunks: wire.chunks,
            // These travel in headers.
            size: None,
            replay: None,
            transformed_at: instant(wire.transformed_at)?,
            coins_in: wire.coins_in,
            rejected: wire.rejected,
            rows: Vec::new(),
        };
        let parts = chunk.page.pages.max(chunk.chunks);
        chunk.page.provenance(parts).check().map_err(WireError::Senseless)?;
        Ok(chunk)
    }
}

/// The longest text of a coin in bytes, several times what any table holds. A longer one would be copied on every
/// step of the way to a table that refuses it.
const MOST_TEXT_BYTES: usize = 4096;

impl TryFrom<CoinRowV1> for CoinRow {
    type Error = WireError;

    fn try_from(wire: CoinRowV1) -> Result<Self, WireError> {
        let names = [&wire.name, &wire.symbol, &wire.slug].into_iter().chain(&wire.token_address);
        let tags = wire.tags.iter().flat_map(|tags| &tags.0);
        let currencies = wire.quotes.0.iter().map(|quote| &quote.currency);
        if names.chain(tags).chain(currencies).any(|text| text.len() > MOST_TEXT_BYTES) {
            return Err(WireError::Senseless("a text is longer than any table holds"));
        }
        let quotes = wire
            .quotes
            .0
            .into_iter()
            .map(|quote| {
                if quote.numbers.iter().flatten().any(|number| !number.is_finite()) {
                    return Err(WireError::Senseless("a number is not finite"));
                }
                Ok(Quote {
                    currency: quote.currency,
                    numbers: quote.numbers,
                    missing: MeasureSet::from_bits(quote.missing),
                    last_updated: instant(quote.last_updated)?,
                })
            })
            .collect::<Result<_, _>>()?;
        let coin = Coin {
            id: wire.id,
            name: wire.name,
            symbol: wire.symbol,
            slug: wire.slug,
            date_added: wire.date_added.map(instant).transpose()?,
            platform_id: wire.platform_id,
            token_address: wire.token_address,
            tags: wire.tags.map(|tags| tags.0),
            infinite_supply: wire.infinite_supply,
            is_active: wire.is_active,
        };
        Ok(Self { coin, quotes })
    }
}

impl TryFrom<FetchedV1> for Fetched {
    type Error = WireError;

    fn try_from(wire: FetchedV1) -> Result<Self, WireError> {
        let fetched = Self {
            batch: BatchId::from_stored(wire.batch),
            slot: Slot::at(instant(wire.slot)?),
            endpoint: wire.endpoint,
            api_version: api_version(wire.api_version)?,
            convert: wire.convert.0,
            fetched_at: instant(wire.fetched_at)?,
            pages: wire.pages,
            credits: wire.credits,
            simulated: wire.simulated,
        };
        let provenance = Provenance {
            batch: &fetched.batch,
            slot: fetched.slot,
            endpoint: &fetched.endpoint,
            convert: &fetched.convert,
            fetched_at: fetched.fetched_at,
            parts: fetched.pages,
        };
        provenance.check().map_err(WireError::Senseless)?;
        Ok(fetched)
    }
}
