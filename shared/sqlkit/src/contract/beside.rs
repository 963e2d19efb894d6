//! What a loader of version 1e1a7bd left in the ledger, and its snapshots in the tables, beside those of this version: it may have
//! gone on until the history was converted.

use chrono::{DateTime, Utc};
use domain::{Chunk, timestamp};
use ports::{Freshness, Quotes, Store};

use super::SqlLab;
use super::snapshot::{documented, snapshot};
use crate::Client;
use testkit::contract::store::sample::at;

const OLD_INSERT: &str = "INSERT INTO batch_chunks (batch_id, page, chunk, pages, chunks, coins_in, rejected, transformed_at, \
     written, unchanged, stale, loaded_at, replays, loads)";

/// As it stood there.
const OLD_SQLITE: &str = "ON CONFLICT DO UPDATE SET \
     pages = iif(excluded.transformed_at >= transformed_at, excluded.pages, pages), \
     chunks = iif(excluded.transformed_at >= transformed_at, excluded.chunks, chunks), \
     coins_in = iif(excluded.transformed_at >= transformed_at, excluded.coins_in, coins_in), \
     rejected = iif(excluded.transformed_at >= transformed_at, excluded.rejected, rejected), \
     transformed_at = max(transformed_at, excluded.transformed_at), \
     loaded_at = max(loaded_at, excluded.loaded_at), \
     replays = replays + excluded.replays, \
     loads = loads + 1";

/// As it stood there.
const OLD_MYSQL: &str = "ON DUPLICATE KEY UPDATE \
     pages = IF(VALUES(transformed_at) >= transformed_at, VALUES(pages), pages), \
     chunks = IF(VALUES(transformed_at) >= transformed_at, VALUES(chunks), chunks), \
     coins_in = IF(VALUES(transformed_at) >= transformed_at, VALUES(coins_in), coins_in), \
     rejected = IF(VALUES(transformed_at) >= transformed_at, VALUES(rejected), rejected), \
     loaded_at = GREATEST(loaded_at, VALUES(loaded_at)), \
     replays = replays + VALUES(replays), \
     loads = loads + 1, \
     transformed_at = GREATEST(transformed_at, VALUES(transformed_at))";

/// Loads `chunk` as the old loader does: the same coins and quotes, and a row of its own in the ledger, which it writes
/// twice when the chunk comes again.
async fn load_old(lab: &impl SqlLab, chunk: &Chunk) {
    let loaded = lab.store().load(chunk).await.unwrap();
    let client = lab.client();
    let batch = chunk.page.batch.as_str();
    client.execute(&format!("DELETE FROM batch_chunks WHERE batch_id = '{batch}'")).await;
    let (upsert, instant): (_, fn(DateTime<Utc>) -> String) = match client {
        Client::Sqlite(_) => (OLD_SQLITE, timestamp::to_text),
        Client::Mysql(_) => (OLD_MYSQL, |at| at.naive_utc().to_string()),
    };
    let values = format!(
        "('{batch}', {}, {}, {}, 1, {}, {}, '{}', {}, {}, {}, '{}', 0, 1)",
        chunk.page.page,
        chunk.chunk,
        chunk.page.pages,
        chunk.coins_in,
        chunk.rejected,
        instant(chunk.transformed_at),
        loaded.written,
        loaded.unchanged,
        loaded.stale,
        instant(at(90_000)),
    );
    for _ in 0..2 {
        client.execute(&format!("{OLD_INSERT} VALUES {values} {upsert}")).await;
    }
}

/// The currency of each row that the first query of the README shows, and how fresh the tables are.
async fn seen(lab: &impl SqlLab) -> (Vec<String>, Freshness) {
    let currencies = lab.client().found(&documented()[0], &["currency"]).await;
    (currencies, lab.store().freshness().await.unwrap())
}

fn ten(currency: &str, quote: i64, fetch: i64) -> (Vec<String>, Freshness) {
    let freshness = Freshness { newest_quote_at: Some(at(quote)), newest_fetch_at: Some(at(fetch)) };
    (vec![currency.to_owned(); 10], freshness)
}

/// What the one loads is as fresh, and as listed, as what the other does.
pub async fn what_an_old_loader_loads_beside_new_ones_is_listed_and_fresh<L: SqlLab>(
    setup: impl AsyncFn() -> L,
) {
    let lab = setup().await;
    let store = lab.store();
    load_old(&lab, &snapshot(0, &["GBP"], 12)).await;
    assert_eq!(seen(&lab).await, ten("GBP", 0, 0));
    store.load(&snapshot(3600, &["USD"], 12)).await.unwrap();
    assert_eq!(seen(&lab).await, ten("USD", 3600, 3601));
    // It does not say when it was fetched: not before it was due.
    load_old(&lab, &snapshot(7200, &["EUR"], 11)).await;
    assert_eq!(seen(&lab).await, ten("EUR", 7200, 7200));
    let left = lab.client().found("SELECT id FROM cryptocurrencies WHERE NOT listed", &["id"]).await;
    assert_eq!(left, ["12"]);
    // What comes late, and what a new loader loads without a quote, are not the newest.
    load_old(&lab, &snapshot(1800, &["USD"], 12)).await;
    store.load(&snapshot(9000, &["USD"], 0)).await.unwrap();
    load_old(&lab, &snapshot(9600, &["USD"], 0)).await;
    assert_eq!(seen(&lab).await, ten("EUR", 7200, 7200));
    store.load(&snapshot(10_800, &["USD"], 12)).await.unwrap();
    assert_eq!(seen(&lab).await, ten("USD", 10_800, 10_801));
}
