//! The frozen shapes of schemas 1, 2 and 3; 3 has that of 1. Instants are milliseconds since the Unix epoch.

mod decode;
mod encode;

pub(super) use decode::instant;
pub(super) use encode::WrittenRowV1;
use serde::{Deserialize, Serialize};

use super::short::Short;
use crate::measure::Measure;

const _: () =
    assert!(Measure::COUNT == 17, "QuoteV1 is frozen at 17 numbers: add QuoteV2 and a new schema id");

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

/// As it is read; [`WrittenRowV1`] is the same to write.
#[derive(Deserialize)]
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

#[derive(Deserialize)]
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

/// An announcement with a verdict.
#[derive(Serialize, Deserialize)]
pub(super) struct JudgedV1 {
    fetched: FetchedV1,
    /// 1: suspect; 2: incomplete.
    doubt: u8,
    why: String,
}
