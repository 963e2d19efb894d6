//! From the frozen shapes to the nouns. What decodes and makes no sense is refused.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::super::WireError;
use super::super::short::Short;
use super::{ChunkHeadV1, FetchedV1, JudgedV1, NUMBERS, ReadCoin, ReadQuotes, ScheduleV1};
use crate::api_version::ApiVersion;
use crate::batch::{BatchDetails, BatchId};
use crate::chunk::Chunk;
use crate::coin::Coin;
use crate::endpoint;
use crate::fetched::Fetched;
use crate::measure::{Measure, MeasureSet};
use crate::origin::Origin;
use crate::page::PageMeta;
use crate::quote::Quote;
use crate::schedule::Schedule;
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
        let origin = match wire.page.endpoint.as_str() {
            _ if wire.page.replay => Origin::Replay,
            endpoint::HISTORY => Origin::Backfill,
            _ => Origin::Live,
        };
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
                currency: None,
                simulated: wire.page.simulated,
                origin,
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

fn short_enough<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<(), WireError> {
    if texts.into_iter().any(|text| text.len() > MOST_TEXT_BYTES) {
        return Err(WireError::Senseless("a text is longer than any table holds"));
    }
    Ok(())
}

/// The name of a platform, where a schema has it.
pub(in crate::wire) trait PlatformName<'a> {
    fn name(self) -> Option<&'a str>;
}

impl<'a> PlatformName<'a> for () {
    fn name(self) -> Option<&'a str> {
        None
    }
}

impl<'a> PlatformName<'a> for Option<&'a str> {
    fn name(self) -> Option<&'a str> {
        self
    }
}

impl<'a, P: PlatformName<'a>> TryFrom<ReadCoin<'a, P>> for Coin {
    type Error = WireError;

    fn try_from(wire: ReadCoin<'a, P>) -> Result<Self, WireError> {
        let platform_name = wire.platform_name.name();
        let names = [wire.name, wire.symbol, wire.slug].into_iter();
        let names = names.chain(platform_name).chain(wire.token_address);
        short_enough(names.chain(wire.tags.iter().flat_map(|tags| tags.0.iter().copied())))?;
        Ok(Self {
            id: wire.id,
            name: wire.name.to_owned(),
            symbol: wire.symbol.to_owned(),
            slug: wire.slug.to_owned(),
            date_added: wire.date_added.map(instant).transpose()?,
            platform_id: wire.platform_id,
            platform_name: platform_name.map(str::to_owned),
            token_address: wire.token_address.map(str::to_owned),
            tags: wire.tags.map(|tags| tags.0.into_iter().map(str::to_owned).collect()),
            infinite_supply: wire.infinite_supply,
            is_active: wire.is_active,
        })
    }
}

/// The numbers of a quote.
pub(in crate::wire) trait Numbers {
    /// Those of all measures.
    fn all(self) -> [Option<f64>; Measure::COUNT];
}

impl Numbers for [Option<f64>; NUMBERS] {
    fn all(self) -> [Option<f64>; Measure::COUNT] {
        std::array::from_fn(|measure| self.get(measure).copied().flatten())
    }
}

impl Numbers for [Option<f64>; Measure::COUNT] {
    fn all(self) -> Self {
        self
    }
}

/// Of measures that its schema does not know nothing is said: they are NULL, and not missing.
impl<N: Numbers> TryFrom<ReadQuotes<'_, N>> for Vec<Quote> {
    type Error = WireError;

    fn try_from(ReadQuotes(Short(quotes)): ReadQuotes<'_, N>) -> Result<Self, WireError> {
        short_enough(quotes.iter().map(|quote| quote.currency))?;
        // No room for more: a list that is collected from results has some for four, which is a kilobyte a coin.
        let mut all = Self::with_capacity(quotes.len());
        for quote in quotes {
            let numbers = quote.numbers.all();
            if numbers.iter().flatten().any(|number| !number.is_finite()) {
                return Err(WireError::Senseless("a number is not finite"));
            }
            all.push(Quote {
                currency: quote.currency.to_owned(),
                numbers,
                missing: MeasureSet::from_bits(quote.missing),
                last_updated: instant(quote.last_updated)?,
            });
        }
        Ok(all)
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

impl TryFrom<ScheduleV1> for Schedule {
    type Error = WireError;

    fn try_from(wire: ScheduleV1) -> Result<Self, WireError> {
        let schedule = Self {
            series: wire.series,
            endpoint: wire.endpoint,
            convert: wire.convert.0,
            every: Duration::from_secs(wire.every),
            coins: wire.coins,
            since: instant(wire.since)?,
            simulated: wire.simulated,
            confirmed_at: instant(wire.confirmed_at)?,
        };
        schedule.check().map_err(WireError::Senseless)?;
        Ok(schedule)
    }
}
