//! From the nouns to the frozen shapes.

use super::super::short::Short;
use super::{ChunkHeadV1, ChunkV1, CoinRowV1, FetchedV1, PageV1, QuoteV1};
use crate::api_version::ApiVersion;
use crate::chunk::Chunk;
use crate::coin::CoinRow;
use crate::fetched::Fetched;
use crate::quote::Quote;

fn api_version_number(version: ApiVersion) -> u8 {
    match version {
        ApiVersion::V1 => 1,
        ApiVersion::V3 => 3,
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
