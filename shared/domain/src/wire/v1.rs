//! The frozen shapes of schemas 1, 2, 3, 4 and 7; 3 has that of 1. Instants are milliseconds since the Unix epoch. Chunks are only
//! read as these: they are written as schema 5 says.

mod decode;
mod encode;

pub(super) use decode::instant;
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

/// The first part of a row of any schema, which says what the coin is. `P` is the name of its platform, of no bytes where the schema
/// has none.
#[derive(Deserialize)]
pub(super) struct ReadCoin<'a, P> {
    pub(super) id: u32,
    name: &'a str,
    symbol: &'a str,
    slug: &'a str,
    date_added: Option<i64>,
    platform_id: Option<u32>,
    platform_name: P,
    token_address: Option<&'a str>,
    #[serde(borrow)]
    tags: Option<Short<&'a str>>,
    infinite_supply: Option<bool>,
    is_active: Option<bool>,
}

/// The second part of a row of any schema; `N` are the numbers of a quote.
#[derive(Deserialize)]
pub(super) struct ReadQuotes<'a, N>(
    #[serde(borrow, bound(deserialize = "N: Deserialize<'de>"))] Short<ReadQuote<'a, N>>,
);

#[derive(Deserialize)]
struct ReadQuote<'a, N> {
    currency: &'a str,
    numbers: N,
    missing: u32,
    last_updated: i64,
}

pub(super) type CoinV1<'a> = ReadCoin<'a, ()>;
pub(super) type QuotesV1<'a> = ReadQuotes<'a, [Option<f64>; NUMBERS]>;

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

#[derive(Serialize, Deserialize)]
pub(super) struct ScheduleV1 {
    series: String,
    endpoint: String,
    convert: Short<String>,
    /// In seconds.
    every: u64,
    coins: u32,
    since: i64,
    simulated: bool,
    confirmed_at: i64,
}
