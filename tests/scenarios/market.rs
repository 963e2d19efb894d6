//! Numbered payloads: pages whose prices say which snapshot and coin they belong to, so that a lost, stale
//! or doubled row shows.

use std::fmt::Write;

use domain::{
    ApiVersion, BatchId, Fetched, Headers, Message, Origin, PageMeta, Slot, compress_body, timestamp, wire,
};

/// Coins on a page, where a test does not ask for more.
pub(crate) const COINS: u32 = 5;

/// The price of `coin` (below 10,000) in snapshot `batch`: no two are equal.
fn price(batch: u32, coin: u32) -> f64 {
    f64::from(batch * 10_000 + coin) + 0.125
}

/// When snapshot `batch` is due: one an hour.
fn slot(batch: u32) -> Slot {
    let start = timestamp::from_text("2026-11-22T00:00:00Z").expect("a valid constant");
    Slot::at(start + chrono::TimeDelta::hours(batch.into()))
}

/// Page 1 of 1 of snapshot `batch` (from 0), with [`COINS`] coins.
pub(crate) fn page(batch: u32, origin: Origin) -> Message {
    page_of(batch, COINS, origin)
}

/// Page 1 of 1 of snapshot `batch` (from 0), with this many coins.
pub(crate) fn page_of(batch: u32, coins: u32, origin: Origin) -> Message {
    let slot = slot(batch);
    let convert = vec!["USD".to_owned()];
    let meta = PageMeta {
        batch: BatchId::new(slot, "listings", &convert),
        slot,
        page: 1,
        pages: 1,
        fetched_at: slot.starts_at() + chrono::TimeDelta::seconds(1),
        endpoint: "listings".to_owned(),
        api_version: ApiVersion::V3,
        convert,
        currency: None,
        simulated: false,
        origin,
    };
    meta.to_message(compress_body(body_of(batch, coins).as_bytes()))
}

/// The page of [`page_of`] with every price a million times too high, or more: the field case 03.
pub(crate) fn nonsense(batch: u32, coins: u32) -> Message {
    let body = body_of(batch, coins).replace("\"price\":", "\"price\":1000000000");
    Message { body: compress_body(body.as_bytes()).into(), ..page_of(batch, coins, Origin::Live) }
}

/// "Snapshot `batch` was fetched."
pub(crate) fn announcement(batch: u32) -> Message {
    let slot = slot(batch);
    let convert = vec!["USD".to_owned()];
    let fetched = Fetched {
        batch: BatchId::new(slot, "listings", &convert),
        slot,
        endpoint: "listings".to_owned(),
        api_version: ApiVersion::V3,
        convert,
        fetched_at: slot.starts_at() + chrono::TimeDelta::seconds(1),
        pages: 1,
        credits: 1,
        simulated: false,
        verdict: None,
    };
    Message { id: fetched.message_id(), headers: Headers::new(), body: wire::encode_fetched(&fetched).into() }
}

/// The response of the API for snapshot `batch`: coins 1 to [`COINS`].
pub(crate) fn body(batch: u32) -> String {
    body_of(batch, COINS)
}

/// The response of the API for snapshot `batch`: coins 1 to `count`. Every third snapshot renames coin 1, and
/// every snapshot repeats the `last_updated` of coin 2.
fn body_of(batch: u32, count: u32) -> String {
    let mut coins = String::new();
    for coin in 1..=count {
        let updated = slot(if coin == 2 { 0 } else { batch }).starts_at();
        let name =
            if coin == 1 && batch.is_multiple_of(3) { "Renamed".to_owned() } else { format!("Coin {coin}") };
        let comma = if coin > 1 { "," } else { "" };
        write!(
            coins,
            r#"{comma}{{"id":{coin},"name":"{name}","symbol":"C{coin}","slug":"c{coin}","cmc_rank":{coin},
            "num_market_pairs":1,"tags":[],"date_added":"2020-01-01T00:00:00.000Z","max_supply":null,
            "circulating_supply":1,"total_supply":2.5,"infinite_supply":false,"platform":null,
            "last_updated":"{at}","quote":[{{"symbol":"USD","price":{price},"volume_24h":0,
            "volume_change_24h":0,"percent_change_1h":0.1,"percent_change_24h":0,"percent_change_7d":0,
            "percent_change_30d":0,"percent_change_60d":0,"percent_change_90d":0,"market_cap":1e9,
            "market_cap_dominance":0,"fully_diluted_market_cap":1e9,"last_updated":"{at}"}}]}}"#,
            at = timestamp::to_text(updated),
            price = price(batch, coin),
        )
        .expect("a String takes all text");
    }
    let status = r#"{"timestamp":"2026-11-22T00:00:00.000Z","error_code":0,"error_message":"","elapsed":1,"credit_count":1}"#;
    format!(r#"{{"data":[{coins}],"status":{status}}}"#)
}
