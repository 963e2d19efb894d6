//! Writing the ledger's rows.

use std::sync::LazyLock;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Chunk, Fetched};
use ports::Loaded;
use sqlx::{AssertSqlSafe, SqliteConnection};
use tables::write::ledger as write;
use write::{
    INSERT_ANNOUNCEMENT, INSERT_BATCH, INSERT_CHUNK, INSERT_REPLAY, OF_CUT, OF_NEWEST, announcement, batch_of,
};

use crate::database::Work;
use crate::error::Error;
use crate::store::data_kind;
use crate::store::parameters::query;

/// Writes the row of `chunk`, and that of its batch when it is the first chunk of it.
pub(in crate::store) async fn record_chunk(
    connection: &mut SqliteConnection,
    chunk: &Chunk,
    loaded: &Loaded,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let sql = format!("{} ON CONFLICT DO NOTHING", *INSERT_BATCH);
    query(AssertSqlSafe(sql), batch_of(chunk)).execute(&mut *connection).await?;
    let sql = format!("{} {}", *INSERT_CHUNK, *OR_UPDATE_CHUNK);
    query(AssertSqlSafe(sql), write::chunk(chunk, loaded, now)).execute(&mut *connection).await?;
    if let Some(replay) = write::replay(chunk) {
        let sql = format!("{} ON CONFLICT DO NOTHING", *INSERT_REPLAY);
        query(AssertSqlSafe(sql), replay).execute(connection).await?;
    }
    Ok(())
}

/// A repeat corrects the row of a chunk. All right-hand sides see the row as it was before.
static OR_UPDATE_CHUNK: LazyLock<String> = LazyLock::new(|| {
    let newest = "excluded.transformed_at >= transformed_at";
    // Of another cut: see `tables::ledger::Cut::is`.
    let cut_anew = format!(
        "{newest} AND NOT (excluded.chunks = chunks AND excluded.sorted = sorted AND coalesce(excluded.chunk_coins = chunk_coins, 1) \
             AND coalesce(excluded.fetched_at = fetched_at, 1))"
    );
    let take = |column, condition: &str| format!("{column} = iif({condition}, excluded.{column}, {column})");
    let of_cut = OF_CUT.map(|column| take(column, &cut_anew)).join(", ");
    let of_newest = OF_NEWEST.map(|column| take(column, newest)).join(", ");
    let later = |column| {
        format!("{column} = coalesce(max({column}, excluded.{column}), {column}, excluded.{column})")
    };
    let seen = ["newest_quote_at", "newest_fetch_at"].map(later).join(", ");
    let earlier = "oldest_quote_at = coalesce(min(oldest_quote_at, excluded.oldest_quote_at), oldest_quote_at, \
                                              excluded.oldest_quote_at)";
    format!(
        "ON CONFLICT DO UPDATE SET {of_cut}, {of_newest}, {seen}, {earlier}, loads = loads + 1, \
             transformed_at = max(transformed_at, excluded.transformed_at), \
             loaded_at = max(loaded_at, excluded.loaded_at), replays = replays + excluded.replays"
    )
});

/// The announcement of a batch, to be written or corrected; `None` when it is of the other kind than what is there.
pub(in crate::store) struct Announcement<'a>(pub(in crate::store) &'a Fetched);

#[async_trait]
impl Work for Announcement<'_> {
    type Output = Option<()>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<()>, Error> {
        let Self(fetched) = self;
        if !data_kind::admit(connection, fetched.simulated).await? {
            return Ok(None);
        }
        let sql = format!(
            "{} ON CONFLICT DO UPDATE SET \
                 fetched_at = excluded.fetched_at, pages = excluded.pages, \
                 credits = coalesce(batches.credits, 0) + excluded.credits, \
                 verdict = excluded.verdict, verdict_reason = excluded.verdict_reason \
             WHERE batches.fetched_at IS NULL OR excluded.fetched_at > batches.fetched_at",
            *INSERT_ANNOUNCEMENT
        );
        let statement = query(AssertSqlSafe(sql), announcement(fetched));
        statement.execute(connection).await?;
        Ok(Some(()))
    }
}
