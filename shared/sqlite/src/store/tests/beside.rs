//! A loader of version 1e1a7bd that goes on on the tables of this one: `coinpipe migrate` comes before its replacement.

use domain::timestamp;
use ports::Freshness;
use sqlx::Row;
use testkit::contract::store::readme::{documented, snapshot};

use super::*;

/// As it stood there.
const OLD_LINE: &str = "INSERT INTO batch_chunks (batch_id, page, chunk, pages, chunks, coins_in, rejected, transformed_at, \
         written, unchanged, stale, loaded_at, replays, loads) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) \
     ON CONFLICT DO UPDATE SET \
         pages = iif(excluded.transformed_at >= transformed_at, excluded.pages, pages), \
         chunks = iif(excluded.transformed_at >= transformed_at, excluded.chunks, chunks), \
         coins_in = iif(excluded.transformed_at >= transformed_at, excluded.coins_in, coins_in), \
         rejected = iif(excluded.transformed_at >= transformed_at, excluded.rejected, rejected), \
         transformed_at = max(transformed_at, excluded.transformed_at), \
         loaded_at = max(loaded_at, excluded.loaded_at), \
         replays = replays + excluded.replays, \
         loads = loads + 1";

/// Loads `chunk` as the old loader does: the same coins and quotes, and a line of its own, which it writes twice when the
/// chunk comes again.
async fn load_old(lab: &File, chunk: &Chunk) {
    let loaded = lab.store.load(chunk).await.unwrap();
    let mut connection = lab.store.database.begin().await.unwrap();
    let forget = "DELETE FROM batch_chunks WHERE batch_id = ?";
    sqlx::query(forget).bind(chunk.page.batch.as_str()).execute(&mut *connection).await.unwrap();
    for _ in 0..2 {
        sqlx::query(OLD_LINE)
            .bind(chunk.page.batch.as_str())
            .bind(chunk.page.page)
            .bind(chunk.chunk)
            .bind(chunk.page.pages)
            .bind(1)
            .bind(chunk.coins_in)
            .bind(chunk.rejected)
            .bind(timestamp::to_text(chunk.transformed_at))
            .bind(i64::try_from(loaded.written).unwrap())
            .bind(i64::try_from(loaded.unchanged).unwrap())
            .bind(i64::try_from(loaded.stale).unwrap())
            .bind(timestamp::to_text(at(90_000)))
            .bind(0)
            .execute(&mut *connection)
            .await
            .unwrap();
    }
    connection.commit().await.unwrap();
}

/// The currency of each row that the first query of the README shows, and how fresh the tables are.
async fn seen(lab: &File) -> (Vec<String>, Freshness) {
    let first = documented().swap_remove(0);
    let rows = sqlx::query(AssertSqlSafe(first)).fetch_all(lab.store.database.readers()).await.unwrap();
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
    let left = sqlx::query("SELECT id FROM cryptocurrencies WHERE NOT listed")
        .fetch_all(lab.store.database.readers())
        .await
        .unwrap();
    assert_eq!(left.iter().map(|row| row.get(0)).collect::<Vec<u32>>(), [12]);
    // What comes late, and what a new loader loads without a quote, are not the newest.
    load_old(&lab, &snapshot(1800, &["USD"], 12)).await;
    lab.store.load(&snapshot(9000, &["USD"], 0)).await.unwrap();
    load_old(&lab, &snapshot(9600, &["USD"], 0)).await;
    assert_eq!(seen(&lab).await, ten("EUR", 7200, 7200));
    lab.store.load(&snapshot(10_800, &["USD"], 12)).await.unwrap();
    assert_eq!(seen(&lab).await, ten("USD", 10_800, 10_801));
}
