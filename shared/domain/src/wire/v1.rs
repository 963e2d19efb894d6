//! The frozen shapes of schemas 1 to 4; 3 has that of 1. Instants are milliseconds since the Unix epoch. Chunks are only read as
//! these: they are written as schema 5 says.

mod decode;
mod encode;

use serde::{Deserialize, Serialize};

use super::short::Short;
use crate::measure::Measure;

/// How many numbers a quote had.
const NUMBERS: usize = 17;

const _: () = assert!(NUMBERS <= Measure::COUNT, "measures are only added");

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

/// A coin of any schema. `P` is the name of its platform, of no bytes where the schema has none; `N` are the numbers of a quote.
#[derive(Deserialize)]
pub(super) struct ReadRow<P, N> {
    id: u32,
    name: String,
    symbol: String,
    slug: String,
    date_added: Option<i64>,
    platform_id: Option<u32>,
    platform_name: P,
    token_address: Option<String>,
    tags: Option<Short<String>>,
    infinite_supply: Option<bool>,
    is_active: Option<bool>,
    quotes: Short<ReadQuote<N>>,
}

#[derive(Deserialize)]
struct ReadQuote<N> {
    currency: String,
    numbers: N,
    missing: u32,
    last_updated: i64,
}

pub(super) type CoinRowV1 = ReadRow<(), [Option<f64>; NUMBERS]>;

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
