//! A loader of version 1e1a7bd that goes on on the tables of this one: `coinpipe migrate` comes before its replacement.

use domain::Chunk;
use ports::{Freshness, Quotes, Store};
use sqlx::{Connection, Row};
use testkit::contract::store::readme::{documented, snapshot};
use testkit::contract::store::sample::at;

use crate::database::{Lab, setup};

/// As it stood there.
const OLD_LINE: &str = "INSERT INTO batch_chunks (batch_id, page, chunk, pages, chunks, coins_in, rejected, transformed_at, \
         written, unchanged, stale, loaded_at, replays, loads) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) \
     ON DUPLICATE KEY UPDATE \
         pages = IF(VALUES(transformed_at) >= transformed_at, VALUES(pages), pages), \
         chunks = IF(VALUES(transformed_at) >= transformed_at, VALUES(chunks), chunks), \
         coins_in = IF(VALUES(transformed_at) >= transformed_at, VALUES(coins_in), coins_in), \
         rejected = IF(VALUES(transformed_at) >= transformed_at, VALUES(rejected), rejected), \
         loaded_at = GREATEST(loaded_at, VALUES(loaded_at)), \
         replays = replays + VALUES(replays), \
         loads = loads + 1, \
         transformed_at = GREATEST(transformed_at, VALUES(transformed_at))";

/// Loads `chunk` as the old loader does: the same coins and quotes, and a line of its own, which it writes twice when the
/// chunk comes again.
async fn load_old(lab: &Lab, chunk: &Chunk) {
    let loaded = lab.store.load(chunk).await.unwrap();
    let mut connection = lab.database.connect().await;
    let forget = "DELETE FROM batch_chunks WHERE batch_id = ?";
    sqlx::query(forget).bind(chunk.page.batch.as_str()).execute(&mut connection).await.unwrap();
    for _ in 0..2 {
        sqlx::query(OLD_LINE)
            .bind(chunk.page.batch.as_str())
            .bind(chunk.page.page)
            .bind(chunk.chunk)
            .bind(chunk.page.pages)
            .bind(1)
            .bind(chunk.coins_in)
            .bind(chunk.rejected)
            .bind(chunk.transformed_at.naive_utc())
            .bind(loaded.written)
            .bind(loaded.unchanged)
            .bind(loaded.stale)
            .bind(at(90_000).naive_utc())
            .bind(0)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    connection.close().await.unwrap();
}

/// The currency of each row that the first query of the README shows, and how fresh the tables are.
async fn seen(lab: &Lab) -> (Vec<String>, Freshness) {
    let first = documented().swap_remove(0);
    let rows = lab.database.rows(&first).await;
    (rows.iter().map(|row| row.get("currency")).collect(), lab.store.freshness().await.unwrap())
}

fn ten(currency: &str, quote: i64, fetch: i64) -> (Vec<String>, Freshness) {
    let freshness = Freshness { newest_quote_at: Some(at(quote)), newest_fetch_at: Some(at(fetch)) };
    (vec![currency.to_owned(); 10], freshness)
}

#[tokio::test]
async fn what_an_old_loader_loads_beside_new_ones_is_listed_and_fresh() {
    let lab = setup().await;
    load_old(&lab, &snapshot(0, &["GBP"], 12)).await;
    assert_eq!(seen(&lab).await, ten("GBP", 0, 0));
    lab.store.load(&snapshot(3600, &["USD"], 12)).await.unwrap();
    assert_eq!(seen(&lab).await, ten("USD", 3600, 3601));
    // It does not say when it was fetched: not before it was due.
    load_old(&lab, &snapshot(7200, &["EUR"], 11)).await;
    assert_eq!(seen(&lab).await, ten("EUR", 7200, 7200));
    let left = lab.database.rows("SELECT id FROM cryptocurrencies WHERE NOT listed").await;
    assert_eq!(left.iter().map(|row| row.get(0)).collect::<Vec<u32>>(), [12]);
    // What comes late, and what a new loader loads without a quote, are not the newest.
    load_old(&lab, &snapshot(1800, &["USD"], 12)).await;
    lab.store.load(&snapshot(9000, &["USD"], 0)).await.unwrap();
    load_old(&lab, &snapshot(9600, &["USD"], 0)).await;
    assert_eq!(seen(&lab).await, ten("EUR", 7200, 7200));
    lab.store.load(&snapshot(10_800, &["USD"], 12)).await.unwrap();
    assert_eq!(seen(&lab).await, ten("USD", 10_800, 10_801));
}
