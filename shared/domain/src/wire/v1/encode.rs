//! From the nouns to the frozen shapes that are still written.

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
