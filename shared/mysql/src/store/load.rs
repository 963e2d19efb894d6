//! Loading chunks: judge each quote against the table, write what is new, and set aside what the tables refuse.
//!
//! What the chunks say is brought down to one row for each key in memory ([`tables::group`]), so the number of statements
//! does not grow with the number of chunks.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::Chunk;
use ports::Loaded;
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Executor};
use tables::group::GroupRow;
use tables::group::coins::{Changes, IdentityChanges, SeenIdentity, changes, identity_changes, seen};
use tables::group::loading::Loading;
use tables::group::quotes::{Held, HeldQuote, Judged, judge};
use tables::read::group as read;
use tables::row::{Row, Unreadable};
use tables::write::group as write;

use super::columns::read_all;
use super::insert::{INSERTS, REBUILDS};
use super::of_coins::{COINS, bind_ids, of_coins, sql_of};
use super::parameters::bind;
use super::row;
use crate::error::refusal;

/// Loads the rows of `chunks` within the caller's transaction; what became of each chunk.
///
/// Rows the server refuses are found by halving: what is refused as a whole is undone, and its halves are
/// tried one after the other, down to a single quote.
pub(super) async fn load_rows(
    connection: &mut MySqlConnection,
    chunks: &[&Chunk],
) -> Result<Vec<Loaded>, sqlx::Error> {
    let mut loaded = vec![Loaded::default(); chunks.len()];
    let rows = row::fitting(chunks, &mut loaded);
    let mut loading = Loading::new(&rows, loaded);
    while let Some(part) = loading.next() {
        connection.execute("SAVEPOINT part").await?;
        match write_part(connection, loading.chunks(), part).await {
            Ok(judged) => {
                connection.execute("RELEASE SAVEPOINT part").await?;
                loading.written(judged);
            }
            Err(error) => {
                let Some(reason) = refusal(&error) else { return Err(error) };
                connection.execute("ROLLBACK TO SAVEPOINT part").await?;
                loading.refused(part, reason);
            }
        }
    }
    Ok(loading.loaded())
}

/// Writes all of `rows`, or fails; what their quotes count as, for each of the chunks.
async fn write_part(
    connection: &mut MySqlConnection,
    chunks: usize,
    rows: &[GroupRow<'_>],
) -> Result<Vec<Loaded>, sqlx::Error> {
    let ids = write_coins(connection, rows).await?;
    let mut held = Held::default();
    read_latest(connection, &ids, &mut held, (read::latest_keys, read::held)).await?;
    let equal: Vec<u32> = held.coins_to_compare(rows).into_iter().collect();
    read_latest(connection, &equal, &mut held, (read::latest, read::held_whole)).await?;
    let Judged { latest, history, loaded } = judge(rows, &held, chunks);
    INSERTS.history.run(connection, &history.new, |_| 0, write::quote).await?;
    REBUILDS.history.run(connection, &history.rebuilt, |_| 0, write::quote).await?;
    INSERTS.latest.run(connection, &latest.new, |_| 0, write::quote).await?;
    REBUILDS.latest.run(connection, &latest.rebuilt, |_| 0, write::quote).await?;
    Ok(loaded)
}

/// Locks the coins of `rows`, and writes of them, and of their identities, what is new. Gives their ids.
///
/// Until the end of the transaction nobody else writes of these coins, so what is read of their quotes stays true.
async fn write_coins(
    connection: &mut MySqlConnection,
    rows: &[GroupRow<'_>],
) -> Result<Vec<u32>, sqlx::Error> {
    let (coins, identities) = seen(rows);
    let ids: Vec<u32> = coins.iter().map(|seen| seen.coin.id).collect();
    let mut known = BTreeMap::new();
    for part in ids.chunks(COINS) {
        let sql = |ids: &str| format!("{} FOR UPDATE", read::coins(ids));
        let rows = of_coins(sql, part).fetch_all(&mut *connection).await?;
        known.extend(read_all::<_, Vec<_>>(&rows, read::coin)?);
    }
    let Changes { write, seen_again } = changes(coins, &known);
    INSERTS.coins.run(connection, &write.new, |seen| row::tag_bytes(seen.coin), write::coin).await?;
    REBUILDS.coins.run(connection, &write.rebuilt, |seen| row::tag_bytes(seen.coin), write::coin).await?;
    update_seen(connection, "coins SET last_seen_at = ? WHERE id", &seen_again).await?;
    write_identities(connection, &ids, identities).await?;
    Ok(ids)
}

/// Writes what is new of the identities of the coins `ids`, which are locked.
async fn write_identities(
    connection: &mut MySqlConnection,
    ids: &[u32],
    identities: Vec<SeenIdentity<'_>>,
) -> Result<(), sqlx::Error> {
    let mut known = BTreeMap::new();
    for part in ids.chunks(COINS) {
        let rows = of_coins(row::identities_of, part).fetch_all(&mut *connection).await?;
        known.extend(read_all::<_, Vec<_>>(&rows, row::known_identity)?);
    }
    let IdentityChanges { seen_again, write } = identity_changes(identities, &known, row::identity_key);
    update_seen(connection, "coin_identities SET last_seen_at = ? WHERE coin_id", &seen_again).await?;
    INSERTS.identities.run(connection, &write, |_| 0, row::identity).await
}

/// Sets when the rows of these coins were seen last; `update` is what stands between UPDATE and IN.
async fn update_seen(
    connection: &mut MySqlConnection,
    update: &str,
    seen: &BTreeMap<DateTime<Utc>, Vec<u32>>,
) -> Result<(), sqlx::Error> {
    for (at, ids) in seen {
        for part in ids.chunks(COINS) {
            let sql = |ids: &str| format!("UPDATE {update} IN ({ids})");
            let query = bind(sqlx::query(AssertSqlSafe(sql_of(sql, part))), (*at).into());
            bind_ids(query, part).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// Reads what `quotes_latest` holds of the coins `ids` into `held`.
async fn read_latest(
    connection: &mut MySqlConnection,
    ids: &[u32],
    held: &mut Held,
    (sql, reader): (fn(&str) -> String, Reader<HeldQuote>),
) -> Result<(), sqlx::Error> {
    for part in ids.chunks(COINS) {
        let rows = of_coins(sql, part).fetch_all(&mut *connection).await?;
        read_all::<_, Vec<_>>(&rows, reader)?.into_iter().for_each(|row| held.insert(row));
    }
    Ok(())
}

/// Makes a value of a row.
type Reader<T> = fn(&dyn Row) -> Result<T, Unreadable>;
