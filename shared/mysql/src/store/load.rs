//! Loading the rows of a chunk: judge each quote against the table, write what is new, and set aside what
//! the tables refuse.

use std::collections::BTreeMap;

use domain::{Chunk, Coin, Quote, timestamp};
use ports::{Loaded, Refused};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Executor};
use tables::judgement::{Held, Judged, Judging};
use tables::read::contents::{self as read, latest_of};
use tables::rows::{CoinQuote, Parts};
use tables::write::{Parameter, contents as write};

use super::columns::read_all;
use super::insert::{INSERTS, REBUILDS};
use super::row;
use crate::error::refusal;

/// Coins asked for in one statement.
const COINS: usize = 500;

/// Quotes that are judged and written at a time. What is known of each is held several times over while that lasts, so a
/// chunk of a hundred thousand would take many times its size. Ours have 1,000 coins, mostly in one currency.
const QUOTES: usize = 10_000;

/// Loads the rows of `chunk` within the caller's transaction.
///
/// Rows the server refuses are found by halving: what is refused as a whole is undone, and its halves are
/// tried one after the other, down to a single quote.
pub(super) async fn load_rows(
    connection: &mut MySqlConnection,
    chunk: &Chunk,
) -> Result<Loaded, sqlx::Error> {
    let (rows, refused) = row::fitting(chunk);
    let mut loaded = Loaded { refused, ..Loaded::default() };
    let mut parts = Parts::new(&rows, QUOTES);
    while let Some(part) = parts.next() {
        connection.execute("SAVEPOINT part").await?;
        match write_part(connection, chunk, part).await {
            Ok(judged) => {
                connection.execute("RELEASE SAVEPOINT part").await?;
                loaded.add(judged);
            }
            Err(error) => {
                let Some(reason) = refusal(&error) else { return Err(error) };
                connection.execute("ROLLBACK TO SAVEPOINT part").await?;
                let refused = parts.refused(part);
                loaded.refused.extend(refused.map(|(coin, _)| Refused { coin_id: coin.id, reason }));
            }
        }
    }
    loaded.refused.sort_by_key(|refused| refused.coin_id);
    Ok(loaded)
}

/// Writes all of `rows`, which are of `chunk`, or fails.
async fn write_part(
    connection: &mut MySqlConnection,
    chunk: &Chunk,
    rows: &[CoinQuote<'_>],
) -> Result<Loaded, sqlx::Error> {
    // Ordered by key, so that writes go through the tables' trees from one end to the other, and all who
    // load lock in one order. When the chunk repeats a coin, the first description stays.
    let mut coins = BTreeMap::new();
    let mut identities = BTreeMap::new();
    for (coin, _) in rows {
        coins.entry(coin.id).or_insert(*coin);
        identities.entry((coin.id, row::identity(coin))).or_insert(*coin);
    }
    let inserts = if chunk.is_rebuild() { &*REBUILDS } else { &*INSERTS };
    // The coins first: whoever has written a coin alone writes of it until the end of the transaction, so
    // what is read of its quotes then stays true.
    let ids: Vec<u32> = coins.keys().copied().collect();
    let fetched_at = timestamp::to_millis(chunk.page.fetched_at);
    let bytes_of_coin = |coin: &&Coin| write::tags(coin).map_or(0, |json| json.len());
    let coin = |coin: &&Coin| write::coin(coin, fetched_at);
    inserts.coins.run(connection, coins.into_values(), bytes_of_coin, coin).await?;
    let identity = |((_, identity), coin): &((u32, [u8; 32]), &Coin)| {
        let columns = write::identity((coin.id, &coin.symbol, &coin.name, &coin.slug), fetched_at);
        [Parameter::Bytes(identity.to_vec().into())].into_iter().chain(columns)
    };
    inserts.identities.run(connection, identities, |_| 0, identity).await?;

    let mut judging = Judging::new(chunk, held(connection, &ids).await?);
    for (coin, quote) in rows {
        judging.take(coin.id, row::stored(quote));
    }
    let Judged { latest, history, loaded } = judging.judged();
    let batch = &chunk.page.batch;
    let quote = |(id, quote): &(u32, Quote)| write::quote(*id, quote, fetched_at, batch);
    let history = history.into_iter().map(|((id, ..), quote)| (id, quote));
    inserts.history.run(connection, history, |_| 0, quote).await?;
    let latest = latest.into_iter().map(|((id, _), quote)| (id, quote));
    inserts.latest.run(connection, latest, |_| 0, quote).await?;
    Ok(loaded)
}

/// What `quotes_latest` holds of these coins.
async fn held(connection: &mut MySqlConnection, ids: &[u32]) -> Result<Held, sqlx::Error> {
    let sql = latest_of(&vec!["?"; COINS].join(", "));
    let mut held = Held::with_capacity(ids.len());
    for part in ids.chunks(COINS) {
        // One shape for any number: the last is repeated.
        let filled = part.iter().chain(std::iter::repeat(&part[part.len() - 1])).take(COINS);
        let query = filled.fold(sqlx::query(AssertSqlSafe(sql.clone())), |query, id| query.bind(*id));
        let rows = query.fetch_all(&mut *connection).await?;
        held.extend(read_all::<_, Vec<_>>(&rows, read::held)?);
    }
    Ok(held)
}
