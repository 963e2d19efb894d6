//! From the nouns to the frozen shapes.

use serde::{Serialize, Serializer};

use super::super::row::{QuoteRef, RowRef};
use super::super::short::Short;
use super::{ChunkHeadV1, FetchedV1, JudgedV1, PageV1, ScheduleV1};
use crate::api_version::ApiVersion;
use crate::chunk::Chunk;
use crate::fetched::Fetched;
use crate::schedule::Schedule;
use crate::verdict::{Doubt, Verdict};

fn api_version_number(version: ApiVersion) -> u8 {
    match version {
        ApiVersion::V1 => 1,
        ApiVersion::V3 => 3,
    }
}

impl From<&Chunk> for ChunkHeadV1 {
    fn from(chunk: &Chunk) -> Self {
        let page = &chunk.page;
        Self {
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
        }
    }
}

/// The bytes of a [`CoinRowV1`](super::CoinRowV1), of texts that stay where they are.
#[derive(Serialize)]
#[serde(bound = "")]
pub(in super::super) struct WrittenRowV1<'a, T: AsRef<str>> {
    id: u32,
    name: &'a str,
    symbol: &'a str,
    slug: &'a str,
    date_added: Option<i64>,
    platform_id: Option<u32>,
    token_address: Option<&'a str>,
    tags: Option<Texts<'a, T>>,
    infinite_supply: Option<bool>,
    is_active: Option<bool>,
    #[serde(serialize_with = "quotes")]
    quotes: &'a [QuoteRef<'a>],
}

#[derive(Serialize)]
struct WrittenQuoteV1<'a> {
    currency: &'a str,
    numbers: &'a [Option<f64>; 17],
    missing: u32,
    last_updated: i64,
}

impl<'a, T: AsRef<str>> From<&'a RowRef<'a, T>> for WrittenRowV1<'a, T> {
    fn from(row: &'a RowRef<'a, T>) -> Self {
        Self {
            id: row.id,
            name: row.name,
            symbol: row.symbol,
            slug: row.slug,
            date_added: row.date_added,
            platform_id: row.platform_id,
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
    serializer.collect_seq(quotes.iter().map(|quote| WrittenQuoteV1 {
        currency: quote.currency,
        numbers: &quote.numbers,
        missing: quote.missing.bits(),
        last_updated: quote.last_updated,
    }))
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

impl JudgedV1 {
    pub(in crate::wire) fn new(fetched: &Fetched, verdict: &Verdict) -> Self {
        let doubt = match verdict.doubt {
            Doubt::Suspect => 1,
            Doubt::Incomplete => 2,
        };
        Self { fetched: fetched.into(), doubt, why: verdict.why.clone() }
    }
}

impl From<&Schedule> for ScheduleV1 {
    fn from(schedule: &Schedule) -> Self {
        Self {
            series: schedule.series.clone(),
            endpoint: schedule.endpoint.clone(),
            convert: Short(schedule.convert.clone()),
            every: schedule.every.as_secs(),
            coins: schedule.coins,
            since: schedule.since.timestamp_millis(),
            simulated: schedule.simulated,
            confirmed_at: schedule.confirmed_at.timestamp_millis(),
        }
    }
}
