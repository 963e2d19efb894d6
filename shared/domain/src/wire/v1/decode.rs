//! From the frozen shapes to the nouns. What decodes and makes no sense is refused.

use chrono::{DateTime, Utc};

use super::super::WireError;
use super::{ChunkHeadV1, CoinRowV1, FetchedV1, JudgedV1};
use crate::api_version::ApiVersion;
use crate::batch::{BatchDetails, BatchId};
use crate::chunk::Chunk;
use crate::coin::{Coin, CoinRow};
use crate::fetched::Fetched;
use crate::measure::MeasureSet;
use crate::origin::Origin;
use crate::page::PageMeta;
use crate::quote::Quote;
use crate::slot::Slot;
use crate::verdict::{Doubt, MOST_WHY, Verdict};

pub(in crate::wire) fn instant(millis: i64) -> Result<DateTime<Utc>, WireError> {
    DateTime::from_timestamp_millis(millis).ok_or(WireError::Senseless("an instant is out of range"))
}

fn api_version(number: u8) -> Result<ApiVersion, WireError> {
    match number {
        1 => Ok(ApiVersion::V1),
        3 => Ok(ApiVersion::V3),
        _ => Err(WireError::Senseless("unknown API version")),
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
            sorted: false,
            replay: None,
            transformed_at: instant(wire.transformed_at)?,
            coins_in: wire.coins_in,
            rejected: wire.rejected,
            rows: Vec::new(),
        };
        let parts = chunk.page.pages.max(chunk.chunks);
        chunk.page.batch_details(parts).check().map_err(WireError::Senseless)?;
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
            verdict: None,
        };
        let details = BatchDetails {
            batch: &fetched.batch,
            slot: fetched.slot,
            endpoint: &fetched.endpoint,
            convert: &fetched.convert,
            fetched_at: fetched.fetched_at,
            parts: fetched.pages,
        };
        details.check().map_err(WireError::Senseless)?;
        Ok(fetched)
    }
}

impl TryFrom<JudgedV1> for Fetched {
    type Error = WireError;

    fn try_from(wire: JudgedV1) -> Result<Self, WireError> {
        let doubt = match wire.doubt {
            1 => Doubt::Suspect,
            2 => Doubt::Incomplete,
            _ => return Err(WireError::Senseless("unknown verdict")),
        };
        if wire.why.chars().count() > MOST_WHY || wire.why.chars().any(char::is_control) {
            return Err(WireError::Senseless(
                "the reason of the verdict is too long, or has control characters",
            ));
        }
        let verdict = Some(Verdict { doubt, why: wire.why });
        Ok(Self { verdict, ..Self::try_from(wire.fetched)? })
    }
}
