//! Writing the ledger's lines.

use chrono::{DateTime, Utc};
use domain::{Chunk, Fetched};
use ports::Loaded;
use sqlx::{AssertSqlSafe, SqliteConnection};
use tables::write::ledger as write;
use write::{INSERT_ANNOUNCEMENT, INSERT_BATCH, INSERT_CHUNK, INSERT_REPLAY, announcement, batch_of};

use crate::store::columns::query;

/// Writes the line of `chunk`, and its batch when this is the first to be heard of it.
pub(in crate::store) async fn record_chunk(
    connection: &mut SqliteConnection,
    chunk: &Chunk,
    loaded: &Loaded,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let sql = format!("{INSERT_BATCH} ON CONFLICT DO NOTHING");
    query(AssertSqlSafe(sql), batch_of(chunk)).execute(&mut *connection).await?;
    let sql = format!("{INSERT_CHUNK} {OR_UPDATE_CHUNK}");
    query(AssertSqlSafe(sql), write::chunk(chunk, loaded, now)).execute(&mut *connection).await?;
    if let Some(replay) = write::replay(chunk) {
        let sql = format!("{INSERT_REPLAY} ON CONFLICT DO NOTHING");
        query(AssertSqlSafe(sql), replay).execute(connection).await?;
    }
    Ok(())
}

/// Whether the transformer's word is at least as new as the one held.
macro_rules! newest {
    () => {
        "excluded.transformed_at >= transformed_at"
    };
}

/// Whether it is, and of another cut ([`Cut::is`](tables::ledger::Cut::is)).
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
const OR_UPDATE_CHUNK: &str = concat!(
    "ON CONFLICT DO UPDATE SET ",
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
    let sql = format!(
        "{INSERT_ANNOUNCEMENT} ON CONFLICT DO UPDATE SET \
             fetched_at = excluded.fetched_at, pages = excluded.pages, credits = excluded.credits \
         WHERE batches.fetched_at IS NULL OR excluded.fetched_at > batches.fetched_at"
    );
    query(AssertSqlSafe(sql), announcement(fetched)).execute(connection).await?;
    Ok(())
}
