//! Loading the rows of a chunk: judge each quote against the table, write what is new, and set aside what
//! the tables refuse.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Chunk, Quote, timestamp};
use ports::{Loaded, Refused};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tables::judgement::{Held, Judged, Judging};
use tables::read::contents::{self as read, latest_of};
use tables::rows::{CoinQuote, Parts, coin_quotes};
use tables::write::contents as write;

use super::columns::read_all;
use super::insert::{INSERTS, REBUILDS};
use crate::error::refusal;

/// Quotes that are judged and written at a time. What is known of each is held several times over while that lasts, so a
/// chunk of a hundred thousand would take many times its size. Ours have 1,000 coins, mostly in one currency.
const AT_A_TIME: usize = 10_000;

/// Loads the rows of `chunk` within the caller's write transaction.
///
/// Rows the database refuses are found by halving: what is refused as a whole is undone, and its halves
/// are tried one after the other, down to a single quote.
pub(super) async fn load_rows(
    connection: &mut SqliteConnection,
    chunk: &Chunk,
) -> Result<Loaded, sqlx::Error> {
    let rows = coin_quotes(chunk);
    let mut loaded = Loaded::default();
    let mut parts = Parts::new(&rows, AT_A_TIME);
    while let Some(part) = parts.next() {
        let mut savepoint = connection.begin().await?;
        match write_part(&mut savepoint, chunk, part).await {
            Ok(judged) => {
                savepoint.commit().await?;
                loaded.add(judged);
            }
            Err(error) => {
                let Some(reason) = refusal(&error) else { return Err(error) };
                savepoint.rollback().await?;
                let refused = parts.refused(part);
                loaded.refused.extend(refused.map(|(coin, _)| Refused { coin_id: coin.id, reason }));
            }
        }
    }
    Ok(loaded)
}

/// Writes all of `rows`, which are of `chunk`, or fails.
async fn write_part(
    connection: &mut SqliteConnection,
    chunk: &Chunk,
    rows: &[CoinQuote<'_>],
) -> Result<Loaded, sqlx::Error> {
    // Ordered by key, so that writes go through the tables' trees from one end to the other. When the
    // chunk repeats a coin, the first description stays.
    let mut coins = BTreeMap::new();
    let mut identities = BTreeSet::new();
    for (coin, _) in rows {
        coins.entry(coin.id).or_insert(*coin);
        identities.insert((coin.id, coin.symbol.as_str(), coin.name.as_str(), coin.slug.as_str()));
    }
    let ids: Vec<u32> = coins.keys().copied().collect();
    let mut judging = Judging::new(chunk, held(connection, &ids).await?);
    for (coin, quote) in rows {
        let last_updated = timestamp::to_millis(quote.last_updated);
        judging.take(coin.id, Quote { last_updated, ..(*quote).clone() });
    }
    let Judged { latest, history, loaded } = judging.judged();
    let inserts = if chunk.is_rebuild() { &*REBUILDS } else { &*INSERTS };
    let fetched_at = timestamp::to_millis(chunk.page.fetched_at);
    inserts.coins.run(connection, coins.into_values(), |coin| write::coin(coin, fetched_at)).await?;
    let identity = |identity| write::identity(identity, fetched_at);
    inserts.identities.run(connection, identities, identity).await?;
    let quote = |(id, quote): (u32, Quote)| write::quote(id, &quote, fetched_at, &chunk.page.batch);
    let history = history.into_iter().map(|((id, ..), quote)| (id, quote));
    inserts.history.run(connection, history, quote).await?;
    let latest = latest.into_iter().map(|((id, _), quote)| (id, quote));
    inserts.latest.run(connection, latest, quote).await?;
    Ok(loaded)
}

/// What `quotes_latest` holds of these coins.
async fn held(connection: &mut SqliteConnection, ids: &[u32]) -> Result<Held, sqlx::Error> {
    // One JSON array instead of thousands of values: the statement is the same whatever their number.
    let sql = latest_of("SELECT value FROM json_each(?)");
    let query = sqlx::query(AssertSqlSafe(sql)).bind(serde_json::json!(ids).to_string());
    read_all(&query.fetch_all(connection).await?, read::held)
}
