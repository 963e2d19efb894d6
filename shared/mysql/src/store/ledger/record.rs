//! Writing the ledger's lines.

use chrono::{DateTime, Utc};
use domain::{Chunk, Fetched};
use ports::Loaded;
use sqlx::mysql::MySqlConnection;
use tables::ledger::{Cut, ReplayLine, refused_coins};

use crate::database::Work;
use crate::store::columns::datetime;
use crate::store::origin;

/// Writes the line of `chunk`, and its batch when this is the first to be heard of it.
pub(in crate::store) async fn record_chunk(
    connection: &mut MySqlConnection,
    chunk: &Chunk,
    loaded: &Loaded,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let page = &chunk.page;
    // Inserting locks the batch until the end of the transaction, so it is tried only when needed: chunks of
    // one batch are loaded side by side.
    let sql = "SELECT 1 FROM batches WHERE id = ?";
    let known = sqlx::query(sql).bind(page.batch.as_str()).fetch_optional(&mut *connection).await?;
    if known.is_none() {
        sqlx::query(
            "INSERT INTO batches (id, slot, endpoint, currencies, simulated) VALUES (?, ?, ?, ?, ?) \
             ON DUPLICATE KEY UPDATE id = id",
        )
        .bind(page.batch.as_str())
        .bind(datetime(page.slot.starts_at()))
        .bind(page.endpoint.as_str())
        .bind(page.convert.join(","))
        .bind(page.simulated)
        .execute(&mut *connection)
        .await?;
    }
    let cut = Cut::of(chunk);
    sqlx::query(RECORD_CHUNK)
        .bind(page.batch.as_str())
        .bind(page.page)
        .bind(chunk.chunk)
        .bind(page.pages)
        .bind(cut.chunks)
        .bind(cut.size)
        .bind(cut.fetched_at.map(datetime))
        .bind(chunk.coins_in)
        .bind(u64::from(chunk.rejected) + refused_coins(loaded))
        .bind(datetime(chunk.transformed_at))
        .bind(loaded.written)
        .bind(loaded.unchanged)
        .bind(loaded.stale)
        .bind(datetime(now))
        .bind(u32::from(chunk.is_replay()))
        .bind(loaded.newest_quote_at.map(datetime))
        .bind(loaded.newest_fetch_at.map(datetime))
        .execute(&mut *connection)
        .await?;
    if let Some(line) = ReplayLine::of(chunk) {
        let sql = "INSERT INTO chunk_replays (batch_id, page, replay, chunks, chunk_coins, chunk) \
                   VALUES (?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE chunk = chunk";
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
        "VALUES(transformed_at) >= transformed_at"
    };
}

/// Whether it is, and of another cut ([`Cut::is`]).
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
const RECORD_CHUNK: &str = concat!(
    "INSERT INTO batch_chunks (batch_id, page, chunk, pages, chunks, chunk_coins, fetched_at, coins_in, rejected, \
         transformed_at, written, unchanged, stale, loaded_at, replays, newest_quote_at, newest_fetch_at, loads) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) \
     ON DUPLICATE KEY UPDATE ",
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
        sqlx::query(
            "INSERT INTO batches (id, slot, endpoint, currencies, simulated, fetched_at, pages, credits) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
             ON DUPLICATE KEY UPDATE \
                 pages = IF(fetched_at IS NULL OR VALUES(fetched_at) > fetched_at, VALUES(pages), pages), \
                 credits = IF(fetched_at IS NULL OR VALUES(fetched_at) > fetched_at, VALUES(credits), credits), \
                 fetched_at = IF(fetched_at IS NULL OR VALUES(fetched_at) > fetched_at, VALUES(fetched_at), \
                                 fetched_at)",
        )
        .bind(fetched.batch.as_str())
        .bind(datetime(fetched.slot.starts_at()))
        .bind(fetched.endpoint.as_str())
        .bind(fetched.convert.join(","))
        .bind(fetched.simulated)
        .bind(datetime(fetched.fetched_at))
        .bind(fetched.pages)
        .bind(fetched.credits)
        .execute(connection)
        .await?;
        Ok(Some(()))
    }
}
