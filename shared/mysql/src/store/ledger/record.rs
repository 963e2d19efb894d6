//! Writing the ledger's rows.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use domain::{Chunk, Fetched};
use ports::Loaded;
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::write::ledger as write;
use write::{
    INSERT_ANNOUNCEMENT, INSERT_BATCH, INSERT_CHUNK, INSERT_REPLAY, OF_CUT, OF_NEWEST, announcement, batch_of,
};

use crate::database::Work;
use crate::store::data_kind;
use crate::store::parameters::query;

/// Writes the row of `chunk`, and that of its batch when it is the first chunk of it.
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
        let sql = format!("{} ON DUPLICATE KEY UPDATE id = id", *INSERT_BATCH);
        query(AssertSqlSafe(sql), batch_of(chunk)).execute(&mut *connection).await?;
    }
    let sql = format!("{} {}", *INSERT_CHUNK, *OR_UPDATE_CHUNK);
    query(AssertSqlSafe(sql), write::chunk(chunk, loaded, now)).execute(&mut *connection).await?;
    if let Some(replay) = write::replay(chunk) {
        let sql = format!("{} ON DUPLICATE KEY UPDATE chunk = chunk", *INSERT_REPLAY);
        query(AssertSqlSafe(sql), replay).execute(connection).await?;
    }
    Ok(())
}

/// A repeat corrects the row of a chunk. Columns are assigned from left to right: what tells one cut from another comes after
/// what depends on it, and `transformed_at`, on which all does, last.
static OR_UPDATE_CHUNK: LazyLock<String> = LazyLock::new(|| {
    let newest = "VALUES(transformed_at) >= transformed_at";
    // Of another cut: see `tables::ledger::Cut::is`.
    let cut_anew = format!(
        "{newest} AND NOT (VALUES(chunks) = chunks AND VALUES(sorted) = sorted AND COALESCE(VALUES(chunk_coins) = chunk_coins, 1) \
             AND COALESCE(VALUES(fetched_at) = fetched_at, 1))"
    );
    let take = |column, condition: &str| format!("{column} = IF({condition}, VALUES({column}), {column})");
    let of_cut = OF_CUT.map(|column| take(column, &cut_anew)).join(", ");
    let of_newest = OF_NEWEST.map(|column| take(column, newest)).join(", ");
    let later = |column| {
        format!("{column} = COALESCE(GREATEST({column}, VALUES({column})), {column}, VALUES({column}))")
    };
    let seen = ["newest_quote_at", "newest_fetch_at"].map(later).join(", ");
    let earlier = "oldest_quote_at = COALESCE(LEAST(oldest_quote_at, VALUES(oldest_quote_at)), oldest_quote_at, \
                                              VALUES(oldest_quote_at))";
    format!(
        "ON DUPLICATE KEY UPDATE {of_cut}, {of_newest}, {seen}, {earlier}, loads = loads + 1, \
             loaded_at = GREATEST(loaded_at, VALUES(loaded_at)), replays = replays + VALUES(replays), \
             transformed_at = GREATEST(transformed_at, VALUES(transformed_at))"
    )
});

/// Writes or corrects the announcement of a batch; `None` when it is of the other kind than what is there.
pub(in crate::store) struct Announcement<'a>(pub &'a Fetched);

impl Work for Announcement<'_> {
    type Output = Option<()>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Option<()>, sqlx::Error> {
        let Self(fetched) = self;
        if !data_kind::admit(connection, fetched.simulated).await? {
            return Ok(None);
        }
        let sql = format!(
            "{} ON DUPLICATE KEY UPDATE \
                 pages = IF(fetched_at IS NULL OR VALUES(fetched_at) > fetched_at, VALUES(pages), pages), \
                 verdict = IF(fetched_at IS NULL OR VALUES(fetched_at) > fetched_at, VALUES(verdict), verdict), \
                 verdict_reason = IF(fetched_at IS NULL OR VALUES(fetched_at) > fetched_at, VALUES(verdict_reason), \
                                     verdict_reason), \
                 credits = IF(fetched_at IS NULL OR VALUES(fetched_at) > fetched_at, \
                              COALESCE(credits, 0) + VALUES(credits), credits), \
                 fetched_at = IF(fetched_at IS NULL OR VALUES(fetched_at) > fetched_at, VALUES(fetched_at), \
                                 fetched_at)",
            *INSERT_ANNOUNCEMENT
        );
        query(AssertSqlSafe(sql), announcement(fetched)).execute(connection).await?;
        Ok(Some(()))
    }
}
