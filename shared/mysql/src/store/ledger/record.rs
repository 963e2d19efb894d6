//! Writing the ledger's lines.

use chrono::{DateTime, Utc};
use domain::{Chunk, Fetched};
use ports::Loaded;
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::write::ledger as write;
use write::{INSERT_ANNOUNCEMENT, INSERT_BATCH, INSERT_CHUNK, INSERT_REPLAY, announcement, batch_of};

use crate::database::Work;
use crate::store::columns::query;
use crate::store::origin;

/// Writes the line of `chunk`, and its batch when this is the first to be heard of it.
pub(in crate::store) async fn record_chunk(
    connection: &mut MySqlConnection,
    chunk: &Chunk,
    loaded: &Loaded,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    // Inserting locks the batch until the end of the transaction, so it is tried only when needed: chunks of
    // one batch are loaded side by side.
    let sql = "SELECT 1 FROM batches WHERE id = ?";
    let known = sqlx::query(sql).bind(chunk.page.batch.as_str()).fetch_optional(&mut *connection).await?;
    if known.is_none() {
        let sql = format!("{INSERT_BATCH} ON DUPLICATE KEY UPDATE id = id");
        query(AssertSqlSafe(sql), batch_of(chunk)).execute(&mut *connection).await?;
    }
    let sql = format!("{INSERT_CHUNK} {OR_UPDATE_CHUNK}");
    query(AssertSqlSafe(sql), write::chunk(chunk, loaded, now)).execute(&mut *connection).await?;
    if let Some(replay) = write::replay(chunk) {
        let sql = format!("{INSERT_REPLAY} ON DUPLICATE KEY UPDATE chunk = chunk");
        query(AssertSqlSafe(sql), replay).execute(connection).await?;
    }
    Ok(())
}

/// Whether the transformer's word is at least as new as the one held.
macro_rules! newest {
    () => {
        "VALUES(transformed_at) >= transformed_at"
    };
}

/// Whether it is, and of another cut ([`Cut::is`](tables::ledger::Cut::is)).
macro_rules! cut_anew {
    () => {
        "VALUES(transformed_at) >= transformed_at AND NOT (VALUES(chunks) = chunks \
             AND COALESCE(VALUES(chunk_coins) = chunk_coins, 1) AND COALESCE(VALUES(fetched_at) = fetched_at, 1))"
    };
}

/// `column` takes what is to be inserted, if so.
macro_rules! if_so {
    ($if:ident, $column:literal) => {
        concat!($column, " = IF(", $if!(), ", VALUES(", $column, "), ", $column, "), ")
    };
}

/// A repeat keeps what the first load of its cut found; of what the transformer said, its newest word counts. Columns are
/// assigned from left to right: what tells one cut from another comes after what depends on it, and `transformed_at`, on which
/// all does, last.
const OR_UPDATE_CHUNK: &str = concat!(
    "ON DUPLICATE KEY UPDATE ",
    if_so!(cut_anew, "written"),
    if_so!(cut_anew, "unchanged"),
    if_so!(cut_anew, "stale"),
    if_so!(newest, "pages"),
    if_so!(newest, "chunks"),
    if_so!(newest, "chunk_coins"),
    if_so!(newest, "fetched_at"),
    if_so!(newest, "coins_in"),
    if_so!(newest, "rejected"),
    "loaded_at = GREATEST(loaded_at, VALUES(loaded_at)), \
     replays = replays + VALUES(replays), \
     newest_quote_at = COALESCE(GREATEST(newest_quote_at, VALUES(newest_quote_at)), newest_quote_at, \
                                VALUES(newest_quote_at)), \
     newest_fetch_at = COALESCE(GREATEST(newest_fetch_at, VALUES(newest_fetch_at)), newest_fetch_at, \
                                VALUES(newest_fetch_at)), \
     loads = loads + 1, \
     transformed_at = GREATEST(transformed_at, VALUES(transformed_at))"
);

/// Writes or corrects the announcement of a batch; `None` when it is of the other kind than what is there.
pub(in crate::store) struct Announcement<'a>(pub &'a Fetched);

impl Work for Announcement<'_> {
    type Output = Option<()>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Option<()>, sqlx::Error> {
        let Self(fetched) = self;
        if !origin::admit(connection, fetched.simulated).await? {
            return Ok(None);
        }
        let sql = format!(
            "{INSERT_ANNOUNCEMENT} ON DUPLICATE KEY UPDATE \
                 pages = IF(fetched_at IS NULL OR VALUES(fetched_at) > fetched_at, VALUES(pages), pages), \
                 credits = IF(fetched_at IS NULL OR VALUES(fetched_at) > fetched_at, VALUES(credits), credits), \
                 fetched_at = IF(fetched_at IS NULL OR VALUES(fetched_at) > fetched_at, VALUES(fetched_at), \
                                 fetched_at)"
        );
        query(AssertSqlSafe(sql), announcement(fetched)).execute(connection).await?;
        Ok(Some(()))
    }
}
