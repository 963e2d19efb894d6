//! Loading the rows of a chunk: judge each quote against the table, write what is new, and set aside what
//! the tables refuse.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Chunk, Coin, Kind, Measure, Quote, timestamp};
use ports::{Loaded, Refused};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Executor};
use tables::judgement::{Held, Judged, Judging};
use tables::{coins, columns};

use super::columns::Columns;
use super::columns::{datetime, fits};
use super::insert::{INSERTS, REBUILDS, Values};
use super::row::{self, Line};

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
    let fetched_at = timestamp::to_millis(chunk.page.fetched_at);
    let page = Page { chunk, fetched_at };
    let (lines, refused) = row::lines(chunk);
    let mut loaded = Loaded { refused, ..Loaded::default() };
    let mut pending: Vec<_> = lines.chunks(QUOTES).rev().collect();
    if !fits(fetched_at) {
        let reason = format!("fetched_at is {fetched_at}");
        loaded.refused.extend(refused_all(&lines, &reason));
        pending.clear();
    }
    while let Some(lines) = pending.pop() {
        connection.execute("SAVEPOINT part").await?;
        match page.write(connection, lines).await {
            Ok(judged) => {
                connection.execute("RELEASE SAVEPOINT part").await?;
                loaded.add(judged);
            }
            Err(error) => {
                let Some(reason) = refusal(&error) else { return Err(error) };
                connection.execute("ROLLBACK TO SAVEPOINT part").await?;
                if lines.len() > 1 {
                    let (first, second) = lines.split_at(lines.len() / 2);
                    pending.extend([second, first]);
                } else {
                    loaded.refused.extend(refused_all(lines, &reason));
                }
            }
        }
    }
    loaded.refused.sort_by_key(|refused| refused.coin_id);
    Ok(loaded)
}

fn refused_all(lines: &[Line<'_>], reason: &str) -> impl Iterator<Item = Refused> {
    lines.iter().map(move |(coin, _)| Refused { coin_id: coin.id, reason: reason.to_owned() })
}

/// What the rows of one page have in common.
struct Page<'a> {
    /// All of it; often only a part of its rows is written.
    chunk: &'a Chunk,
    fetched_at: DateTime<Utc>,
}

impl Page<'_> {
    /// Writes all of `lines` or fails.
    async fn write(
        &self,
        connection: &mut MySqlConnection,
        lines: &[Line<'_>],
    ) -> Result<Loaded, sqlx::Error> {
        // Ordered by key, so that writes go through the tables' trees from one end to the other, and all who
        // load lock in one order. When the chunk repeats a coin, the first description stays.
        let mut coins = BTreeMap::new();
        let mut identities = BTreeMap::new();
        for (coin, _) in lines {
            coins.entry(coin.id).or_insert(*coin);
            identities.entry((coin.id, row::identity(coin))).or_insert(*coin);
        }
        let inserts = if self.chunk.is_rebuild() { &*REBUILDS } else { &*INSERTS };
        // The coins first: whoever has written a coin alone writes of it until the end of the transaction, so
        // what is read of its quotes then stays true.
        let ids: Vec<u32> = coins.keys().copied().collect();
        let bytes_of_coin = |coin: &&Coin| row::tags_json(coin).map_or(0, |json| json.len());
        let bind_coin = |values, coin: &&Coin| self.bind_coin(values, coin);
        inserts.coins.run(connection, coins.into_values(), bytes_of_coin, bind_coin).await?;
        let bind_identity = |values: Values, ((_, identity), coin): &((u32, [u8; 32]), &Coin)| {
            let values = values.bind(coin.id).bind(identity.to_vec());
            let values = values.bind(coin.symbol.clone()).bind(coin.name.clone()).bind(coin.slug.clone());
            values.bind(datetime(self.fetched_at)).bind(datetime(self.fetched_at))
        };
        inserts.identities.run(connection, identities, |_| 0, bind_identity).await?;

        let mut judging = Judging::new(self.chunk, held(connection, &ids).await?);
        for (coin, quote) in lines {
            judging.take(coin.id, row::stored(quote));
        }
        let Judged { latest, history, loaded } = judging.judged();
        let bind_quote = |values, (id, quote): &(u32, Quote)| self.bind_quote(values, *id, quote);
        let history = history.into_iter().map(|((id, ..), quote)| (id, quote));
        inserts.history.run(connection, history, |_| 0, bind_quote).await?;
        let latest = latest.into_iter().map(|((id, _), quote)| (id, quote));
        inserts.latest.run(connection, latest, |_| 0, bind_quote).await?;
        Ok(loaded)
    }

    fn bind_coin(&self, values: Values, coin: &Coin) -> Values {
        values
            .bind(coin.id)
            .bind(coin.symbol.clone())
            .bind(coin.name.clone())
            .bind(coin.slug.clone())
            .bind(coin.date_added.map(datetime))
            .bind(coin.platform_id)
            .bind(coin.token_address.clone())
            .bind(row::tags_json(coin))
            .bind(coin.infinite_supply)
            .bind(coin.is_active)
            .bind(datetime(self.fetched_at))
            .bind(datetime(self.fetched_at))
    }

    fn bind_quote(&self, values: Values, coin_id: u32, quote: &Quote) -> Values {
        let values = values.bind(coin_id).bind(quote.currency.clone());
        let values = Measure::ALL.into_iter().fold(values, |values, measure| {
            let number = quote.get(measure);
            if measure.kind() == Kind::Count {
                values.bind(number.and_then(row::whole))
            } else {
                values.bind(number)
            }
        });
        values
            .bind(quote.missing.to_column_list())
            .bind(datetime(quote.last_updated))
            .bind(datetime(self.fetched_at))
            .bind(self.chunk.page.batch.as_str().to_owned())
    }
}

/// What `quotes_latest` holds of these coins.
async fn held(connection: &mut MySqlConnection, ids: &[u32]) -> Result<Held, sqlx::Error> {
    let columns = columns::quotes().join(", ");
    let places = vec!["?"; COINS].join(", ");
    let sql = format!("SELECT {columns} FROM quotes_latest WHERE coin_id IN ({places})");
    let mut held = Held::with_capacity(ids.len());
    for part in ids.chunks(COINS) {
        // One shape for any number: the last is repeated.
        let filled = part.iter().chain(std::iter::repeat(&part[part.len() - 1])).take(COINS);
        let query = filled.fold(sqlx::query(AssertSqlSafe(sql.clone())), |query, id| query.bind(*id));
        for row in query.fetch_all(&mut *connection).await? {
            let entry = coins::quote(Columns::new(&row))?;
            held.insert((entry.coin_id, entry.quote.currency.clone()), (entry.quote, entry.fetched_at));
        }
    }
    Ok(held)
}
