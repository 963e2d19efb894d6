//! Loading chunks: judge each quote against the table, write what is new, and set aside what the tables refuse.
//!
//! What the chunks say is brought down to one row for each key in memory ([`tables::group`]); nobody else writes between what
//! is read here and what is written.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Chunk, Coin, timestamp};
use ports::Loaded;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tables::group::coins::{Changes, IdentityChanges, Known, SeenIdentity, changes, identity_changes, seen};
use tables::group::loading::Loading;
use tables::group::quotes::{Held, HeldQuote, Judged, judge};
use tables::group::{GroupRow, rows};
use tables::read::group as read;
use tables::row::{Row, Unreadable};
use tables::write::group as write;

use super::columns::read_all;
use super::insert::{INSERTS, REBUILDS};
use super::{data_kind, ledger};
use crate::database::Work;
use crate::error::{Error, refusal};

/// The rows of chunks and their rows in the ledger; `None` when they are of the other kind than what is there.
pub(super) struct Load<'a> {
    pub(super) chunks: &'a [&'a Chunk],
    pub(super) simulated: bool,
    pub(super) now: DateTime<Utc>,
}

#[async_trait]
impl Work for Load<'_> {
    type Output = Option<Vec<Loaded>>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<Vec<Loaded>>, Error> {
        if !data_kind::admit(connection, self.simulated).await? {
            return Ok(None);
        }
        let all = load_rows(connection, self.chunks).await?;
        for (chunk, loaded) in self.chunks.iter().zip(&all) {
            ledger::record_chunk(connection, chunk, loaded, self.now).await?;
        }
        Ok(Some(all))
    }
}

/// Loads the rows of `chunks`; what became of each chunk.
///
/// Rows the database refuses are found by halving: what is refused as a whole is undone, and its halves
/// are tried one after the other, down to a single quote.
async fn load_rows(connection: &mut SqliteConnection, chunks: &[&Chunk]) -> Result<Vec<Loaded>, sqlx::Error> {
    let rows = rows(chunks);
    let mut loading = Loading::new(&rows, vec![Loaded::default(); chunks.len()]);
    while let Some(part) = loading.next() {
        let mut savepoint = connection.begin().await?;
        match write_part(&mut savepoint, loading.chunks(), part).await {
            Ok(judged) => {
                savepoint.commit().await?;
                loading.written(judged);
            }
            Err(error) => {
                let Some(reason) = refusal(&error) else { return Err(error) };
                savepoint.rollback().await?;
                loading.refused(part, reason);
            }
        }
    }
    Ok(loading.loaded())
}

/// Writes all of `rows`, or fails; what their quotes count as, for each of the chunks.
async fn write_part(
    connection: &mut SqliteConnection,
    chunks: usize,
    rows: &[GroupRow<'_>],
) -> Result<Vec<Loaded>, sqlx::Error> {
    let ids = write_coins(connection, rows).await?;
    let mut held = Held::default();
    read_latest(connection, &ids, &mut held, (read::latest_keys, read::held)).await?;
    let equal: Vec<u32> = held.coins_to_compare(rows).into_iter().collect();
    read_latest(connection, &equal, &mut held, (read::latest, read::held_whole)).await?;
    let Judged { latest, history, loaded } = judge(rows, &held, chunks);
    INSERTS.history.run(connection, &history.new, write::quote).await?;
    REBUILDS.history.run(connection, &history.rebuilt, write::quote).await?;
    INSERTS.latest.run(connection, &latest.new, write::quote).await?;
    INSERTS.latest.run(connection, &latest.rebuilt, write::quote).await?;
    Ok(loaded)
}

/// Writes what is new of the coins of `rows`, and of their identities. Gives their ids.
async fn write_coins(
    connection: &mut SqliteConnection,
    rows: &[GroupRow<'_>],
) -> Result<Vec<u32>, sqlx::Error> {
    let (coins, identities) = seen(rows);
    let ids: Vec<u32> = coins.iter().map(|seen| seen.coin.id).collect();
    let known = of_coins(connection, read::coins, &ids, read::coin).await?.into_iter().collect();
    let Changes { write, seen_again } = changes(coins, &known);
    INSERTS.coins.run(connection, &write.new, write::coin).await?;
    REBUILDS.coins.run(connection, &write.rebuilt, write::coin).await?;
    update_seen(connection, "coins SET last_seen_at = ? WHERE id", &seen_again).await?;
    write_identities(connection, &ids, identities).await?;
    Ok(ids)
}

/// Writes what is new of the identities of the coins `ids`.
async fn write_identities(
    connection: &mut SqliteConnection,
    ids: &[u32],
    identities: Vec<SeenIdentity<'_>>,
) -> Result<(), sqlx::Error> {
    let known: BTreeMap<_, _> =
        of_coins(connection, identities_of, ids, known_identity).await?.into_iter().collect();
    let IdentityChanges { seen_again, write } = identity_changes(identities, &known, identity_key);
    update_seen(connection, "coin_identities SET last_seen_at = ? WHERE coin_id", &seen_again).await?;
    INSERTS.identities.run(connection, &write, write::identity).await
}

/// What tells one symbol, name and slug of a coin from another: its id, and the three, each with its length.
type IdentityKey = (u32, String);

fn identity_key(coin: &Coin) -> IdentityKey {
    (coin.id, joined(&coin.symbol, &coin.name, &coin.slug))
}

fn joined(symbol: &str, name: &str, slug: &str) -> String {
    format!("{}:{symbol}{}:{name}{slug}", symbol.len(), name.len())
}

/// The statement that reads `coin_identities`, for [`known_identity`].
fn identities_of(ids: &str) -> String {
    format!(
        "SELECT coin_id, symbol, name, slug, first_seen_at, last_seen_at FROM coin_identities WHERE coin_id IN ({ids})"
    )
}

fn known_identity(row: &dyn Row) -> Result<(IdentityKey, Known<()>), Unreadable> {
    let texts: [String; 3] = [row.get("symbol")?, row.get("name")?, row.get("slug")?];
    let key = (row.get("coin_id")?, joined(&texts[0], &texts[1], &texts[2]));
    Ok((
        key,
        Known { what: (), first_seen_at: row.get("first_seen_at")?, last_seen_at: row.get("last_seen_at")? },
    ))
}

/// Sets when the rows of these coins were seen last; `update` is what stands between UPDATE and IN.
async fn update_seen(
    connection: &mut SqliteConnection,
    update: &str,
    seen: &BTreeMap<DateTime<Utc>, Vec<u32>>,
) -> Result<(), sqlx::Error> {
    let sql = format!("UPDATE {update} IN ({IDS})");
    for (at, ids) in seen {
        let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(timestamp::to_text(*at)).bind(json(ids));
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Reads what `quotes_latest` holds of the coins `ids` into `held`.
async fn read_latest(
    connection: &mut SqliteConnection,
    ids: &[u32],
    held: &mut Held,
    (sql, reader): (fn(&str) -> String, Reader<HeldQuote>),
) -> Result<(), sqlx::Error> {
    of_coins(connection, sql, ids, reader).await?.into_iter().for_each(|row| held.insert(row));
    Ok(())
}

/// What `reader` makes of the rows of the coins `ids`; `sql` makes the statement.
async fn of_coins<T>(
    connection: &mut SqliteConnection,
    sql: fn(&str) -> String,
    ids: &[u32],
    reader: Reader<T>,
) -> Result<Vec<T>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(AssertSqlSafe(sql(IDS))).bind(json(ids)).fetch_all(connection).await?;
    read_all(&rows, reader)
}

/// One JSON array instead of thousands of values: the statement is the same whatever their number.
const IDS: &str = "SELECT value FROM json_each(?)";

fn json(ids: &[u32]) -> String {
    serde_json::json!(ids).to_string()
}

/// Makes a value of a row.
type Reader<T> = fn(&dyn Row) -> Result<T, Unreadable>;
