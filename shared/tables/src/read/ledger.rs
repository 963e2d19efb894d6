//! Reading the ledger.

use chrono::{DateTime, Utc};
use domain::{BatchId, Doubt, ReplayId, Slot, Verdict};
use ports::store::{Course, Paid};
use ports::{BatchRecord, DataKinds, Dropped};

use crate::columns::{BATCHES, CHUNKS, DROPPED, REPLAYS, of_table};
use crate::ledger::{self, BatchRow, ChunkRow, Cut, ReplayRow};
use crate::row::{Row, Unreadable, each};

/// The statements that find batches, their chunks, and the replays of these: three, however many batches there are. Each has
/// the same values to bind, those of `from`.
///
/// `from` is `FROM batches` and which of them, in their order. `join` is the database's join that keeps the order: each
/// batch, and then its rows by their key.
pub fn statements(from: &str, join: &str) -> [String; 3] {
    let of_batches = |columns: &[&str], table: &str| {
        let columns = of_table(table, columns);
        format!("SELECT {columns} FROM (SELECT id {from}) AS wanted {join} {table} ON batch_id = wanted.id")
    };
    [
        format!("SELECT {}, {} {from}", BATCHES.join(", "), DROPPED.join(", ")),
        of_batches(&CHUNKS, "batch_chunks"),
        of_batches(&REPLAYS, "chunk_replays"),
    ]
}

/// What was paid since an instant, for [`paid`]; binds the instant.
pub const PAID_SINCE: &str = "SELECT endpoint, fetched_at, credits FROM batches \
    WHERE fetched_at >= ? AND credits IS NOT NULL ORDER BY fetched_at, id";

/// A row of [`PAID_SINCE`].
pub fn paid(row: &dyn Row) -> Result<Paid, Unreadable> {
    Ok(Paid {
        endpoint: row.get("endpoint")?,
        fetched_at: row.get("fetched_at")?,
        credits: row.get("credits")?,
    })
}

/// How the newest snapshots of a span went, for [`course`]; binds where it begins, where it ends, and how many.
pub const COURSES: &str = "SELECT b.slot AS slot, b.fetched_at AS fetched_at, b.credits AS credits, \
    (SELECT MAX(c.loaded_at) FROM batch_chunks AS c WHERE c.batch_id = b.id) AS loaded_at, \
    (SELECT MAX(c.loads) FROM batch_chunks AS c WHERE c.batch_id = b.id) AS loads, \
    (SELECT CAST(SUM(c.written + c.unchanged + c.stale) AS UNSIGNED) FROM batch_chunks AS c \
        WHERE c.batch_id = b.id) AS quotes \
    FROM batches AS b WHERE b.slot >= ? AND b.slot < ? AND b.endpoint IN ('listings', 'quotes') \
    AND b.dropped_at IS NULL ORDER BY b.slot DESC, b.id DESC LIMIT ?";

/// A row of [`COURSES`].
pub fn course(row: &dyn Row) -> Result<Course, Unreadable> {
    let loads: Option<u32> = row.nullable("loads")?;
    let loaded_at: Option<_> = row.nullable("loaded_at")?;
    Ok(Course {
        slot: Slot::at(row.get("slot")?),
        fetched_at: row.nullable("fetched_at")?,
        loaded_at: loaded_at.filter(|_| loads == Some(1)),
        quotes: row.nullable("quotes")?.unwrap_or_default(),
        credits: row.nullable("credits")?,
    })
}

/// Which batches come before one, newest first; binds its slot, twice, its id, and how many.
pub const BEFORE: &str =
    "FROM batches WHERE slot <= ? AND (slot < ? OR id < ?) ORDER BY slot DESC, id DESC LIMIT ?";

/// Whether there is simulated data, and whether there is real data; for [`data_kinds`].
pub const DATA_KINDS: &str = "SELECT EXISTS (SELECT 1 FROM batches WHERE simulated = 1) AS has_simulated, \
                                  EXISTS (SELECT 1 FROM batches WHERE simulated = 0) AS has_real";

/// Whether there are batches of a kind; binds whether it is simulated.
pub const HAS_KIND: &str = "SELECT EXISTS (SELECT 1 FROM batches WHERE simulated = ?)";

/// The row of [`DATA_KINDS`].
pub fn data_kinds(row: &dyn Row) -> Result<DataKinds, Unreadable> {
    Ok(DataKinds { simulated: row.get("has_simulated")?, real: row.get("has_real")? })
}

/// The records that the rows say that [`statements`] found.
pub fn records(
    batches: impl IntoIterator<Item: Row>,
    chunks: impl IntoIterator<Item: Row>,
    replays: impl IntoIterator<Item: Row>,
) -> Result<Vec<BatchRecord>, Unreadable> {
    let batches: Vec<_> = each(batches, batch)?;
    let (chunks, replays): (Vec<_>, Vec<_>) = (each(chunks, chunk)?, each(replays, replay)?);
    Ok(ledger::records(batches, chunks, replays))
}

/// A row of `batches`.
fn batch(row: &dyn Row) -> Result<BatchRow, Unreadable> {
    let doubt: Option<Doubt> = row.nullable_name("verdict")?;
    let why: Option<String> = row.nullable("verdict_reason")?;
    let dropped_at: Option<_> = row.nullable("dropped_at")?;
    let dropped_why: Option<String> = row.nullable("dropped_why")?;
    Ok(BatchRow {
        id: BatchId::from_stored(row.get::<String>("id")?),
        slot: Slot::at(row.get("slot")?),
        endpoint: row.get("endpoint")?,
        convert: row.list("currencies")?,
        simulated: row.get("simulated")?,
        fetched_at: row.nullable("fetched_at")?,
        pages: row.nullable("pages")?,
        credits: row.nullable("credits")?,
        verdict: doubt.map(|doubt| Verdict { doubt, why: why.unwrap_or_default() }),
        dropped: dropped_at.map(|at| Dropped { at, why: dropped_why.unwrap_or_default() }),
    })
}

/// A row of `batch_chunks`, and whose it is.
pub(super) fn chunk(row: &dyn Row) -> Result<(BatchId, ChunkRow), Unreadable> {
    let newest: [Option<DateTime<Utc>>; 2] =
        [row.nullable("newest_quote_at")?, row.nullable("newest_fetch_at")?];
    let fetched_at: Option<_> = row.nullable("fetched_at")?;
    let chunk = ChunkRow {
        page: row.get("page")?,
        chunk: row.get("chunk")?,
        pages: row.get("pages")?,
        cut: Cut {
            chunks: row.get("chunks")?,
            size: row.nullable("chunk_coins")?,
            fetched_at,
            sorted: row.get("sorted")?,
        },
        transformed_at: row.get("transformed_at")?,
        loaded_at: row.get("loaded_at")?,
        coins_in: row.get("coins_in")?,
        rejected: row.get("rejected")?,
        written: row.get("written")?,
        unchanged: row.get("unchanged")?,
        stale: row.get("stale")?,
        loads: row.get("loads")?,
        // A line of an older version may not say it.
        has_quotes: fetched_at.is_none() || newest.iter().any(Option::is_some),
    };
    Ok((BatchId::from_stored(row.get::<String>("batch_id")?), chunk))
}

/// A row of `chunk_replays`, and whose it is.
fn replay(row: &dyn Row) -> Result<(BatchId, ReplayRow), Unreadable> {
    let replay = ReplayRow {
        page: row.get("page")?,
        replay: ReplayId::from_stored(row.get::<String>("replay")?),
        chunks: row.get("chunks")?,
        size: row.get("chunk_coins")?,
        sorted: row.get("sorted")?,
        chunk: row.get("chunk")?,
    };
    Ok((BatchId::from_stored(row.get::<String>("batch_id")?), replay))
}
