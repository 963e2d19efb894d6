//! Writing the ledger's lines.

use chrono::{DateTime, Utc};
use domain::{Chunk, Fetched, timestamp};
use ports::Loaded;
use sqlx::SqliteConnection;
use tables::ledger::{Cut, ReplayLine, refused_coins};

/// Writes the line of `chunk`, and its batch when this is the first to be heard of it.
pub(in crate::store) async fn record_chunk(
    connection: &mut SqliteConnection,
    chunk: &Chunk,
    loaded: &Loaded,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let page = &chunk.page;
    sqlx::query(
        "INSERT INTO batches (id, slot, endpoint, currencies, simulated) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT DO NOTHING",
    )
    .bind(page.batch.as_str())
    .bind(timestamp::to_text(page.slot.starts_at()))
    .bind(page.endpoint.as_str())
    .bind(page.convert.join(","))
    .bind(page.simulated)
    .execute(&mut *connection)
    .await?;
    let rejected = integer(u64::from(chunk.rejected) + refused_coins(loaded));
    let cut = Cut::of(chunk);
    sqlx::query(RECORD_CHUNK)
        .bind(page.batch.as_str())
        .bind(page.page)
        .bind(chunk.chunk)
        .bind(page.pages)
        .bind(cut.chunks)
        .bind(cut.size)
        .bind(cut.fetched_at.map(timestamp::to_text))
        .bind(chunk.coins_in)
        .bind(rejected)
        .bind(timestamp::to_text(chunk.transformed_at))
        .bind(integer(loaded.written))
        .bind(integer(loaded.unchanged))
        .bind(integer(loaded.stale))
        .bind(timestamp::to_text(now))
        .bind(chunk.is_replay())
        .bind(loaded.newest_quote_at.map(timestamp::to_text))
        .bind(loaded.newest_fetch_at.map(timestamp::to_text))
        .execute(&mut *connection)
        .await?;
    if let Some(line) = ReplayLine::of(chunk) {
        let sql = "INSERT INTO chunk_replays (batch_id, page, replay, chunks, chunk_coins, chunk) \
                   VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        sqlx::query(sql)
            .bind(page.batch.as_str())
            .bind(line.page)
            .bind(line.replay.as_str())
            .bind(line.chunks)
            .bind(line.size)
            .bind(line.chunk)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Whether the transformer's word is at least as new as the one held.
macro_rules! newest {
    () => {
        "excluded.transformed_at >= transformed_at"
    };
}

/// Whether it is, and of another cut ([`Cut::is`]).
macro_rules! cut_anew {
    () => {
        "excluded.transformed_at >= transformed_at AND NOT (excluded.chunks = chunks \
             AND coalesce(excluded.chunk_coins = chunk_coins, 1) AND coalesce(excluded.fetched_at = fetched_at, 1))"
    };
}

/// `column` takes what is to be inserted, if so.
macro_rules! if_so {
    ($if:ident, $column:literal) => {
        concat!($column, " = iif(", $if!(), ", excluded.", $column, ", ", $column, "), ")
    };
}

/// A repeat keeps what the first load of its cut found; of what the transformer said, its newest word counts. All
/// right-hand sides see the row as it was before.
const RECORD_CHUNK: &str = concat!(
    "INSERT INTO batch_chunks (batch_id, page, chunk, pages, chunks, chunk_coins, fetched_at, coins_in, rejected, \
         transformed_at, written, unchanged, stale, loaded_at, replays, newest_quote_at, newest_fetch_at, loads) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) \
     ON CONFLICT DO UPDATE SET ",
    if_so!(cut_anew, "written"),
    if_so!(cut_anew, "unchanged"),
    if_so!(cut_anew, "stale"),
    if_so!(newest, "pages"),
    if_so!(newest, "chunks"),
    if_so!(newest, "chunk_coins"),
    if_so!(newest, "fetched_at"),
    if_so!(newest, "coins_in"),
    if_so!(newest, "rejected"),
    "transformed_at = max(transformed_at, excluded.transformed_at), \
     loaded_at = max(loaded_at, excluded.loaded_at), \
     replays = replays + excluded.replays, \
     newest_quote_at = coalesce(max(newest_quote_at, excluded.newest_quote_at), newest_quote_at, \
                                excluded.newest_quote_at), \
     newest_fetch_at = coalesce(max(newest_fetch_at, excluded.newest_fetch_at), newest_fetch_at, \
                                excluded.newest_fetch_at), \
     loads = loads + 1"
);

/// Writes or corrects the announcement of a batch.
pub(in crate::store) async fn record_fetched(
    connection: &mut SqliteConnection,
    fetched: &Fetched,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO batches (id, slot, endpoint, currencies, simulated, fetched_at, pages, credits) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET \
             fetched_at = excluded.fetched_at, pages = excluded.pages, credits = excluded.credits \
         WHERE batches.fetched_at IS NULL OR excluded.fetched_at > batches.fetched_at",
    )
    .bind(fetched.batch.as_str())
    .bind(timestamp::to_text(fetched.slot.starts_at()))
    .bind(fetched.endpoint.as_str())
    .bind(fetched.convert.join(","))
    .bind(fetched.simulated)
    .bind(timestamp::to_text(fetched.fetched_at))
    .bind(fetched.pages)
    .bind(fetched.credits)
    .execute(connection)
    .await?;
    Ok(())
}

/// A count as SQLite's integer. No table holds as much as 2^63 of anything.
pub(in crate::store) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
