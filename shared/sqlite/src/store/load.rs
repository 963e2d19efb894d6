//! Loading the rows of a chunk: judge each quote against the table, write what is new, and set aside what
//! the tables refuse.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use domain::{Chunk, Coin, CoinRow, Quote, timestamp};
use ports::{Loaded, Refused};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tables::judgement::{Held, Judged, Judging};
use tables::{coins, columns};

use super::columns::Columns;
use super::insert::{INSERTS, REBUILDS, Values};

use crate::error::refusal;

/// Coins and quotes that are judged and written at a time. What is known of each is held several times over while that
/// lasts, so a chunk of a hundred thousand would take many times its size. Ours have 1,000 coins, mostly in one currency.
const AT_A_TIME: usize = 10_000;

/// Loads the rows of `chunk` within the caller's write transaction.
///
/// Rows the database refuses are found by halving: what is refused as a whole is undone, and its halves
/// are tried one after the other, down to a single quote.
pub(super) async fn load_rows(
    connection: &mut SqliteConnection,
    chunk: &Chunk,
) -> Result<Loaded, sqlx::Error> {
    let page = Page { chunk, fetched_at: timestamp::to_text(chunk.page.fetched_at) };
    let mut loaded = Loaded::default();
    let mut pending: Vec<_> = parts(&chunk.rows).map(Cow::Borrowed).collect();
    pending.reverse();
    while let Some(rows) = pending.pop() {
        let mut savepoint = connection.begin().await?;
        match page.write(&mut savepoint, &rows).await {
            Ok(judged) => {
                savepoint.commit().await?;
                loaded.add(judged);
            }
            Err(error) => {
                let Some(reason) = refusal(&error) else { return Err(error) };
                savepoint.rollback().await?;
                match halve(&rows) {
                    Some((first, second)) => pending.extend([second, first]),
                    None => loaded.refused.extend(
                        rows.iter().map(|row| Refused { coin_id: row.coin.id, reason: reason.clone() }),
                    ),
                }
            }
        }
    }
    Ok(loaded)
}

type Rows<'a> = Cow<'a, [CoinRow]>;

/// The rows in parts of about [`AT_A_TIME`], in order.
fn parts(mut rows: &[CoinRow]) -> impl Iterator<Item = &[CoinRow]> {
    std::iter::from_fn(move || {
        let mut size = 0;
        let fits = |row: &&CoinRow| {
            let fits = size < AT_A_TIME;
            size += 1 + row.quotes.len();
            fits
        };
        let (part, rest) = rows.split_at(rows.iter().take_while(fits).count());
        rows = rest;
        (!part.is_empty()).then_some(part)
    })
}

/// The rows in two parts, in order; `None` for a single quote.
fn halve<'a>(rows: &Rows<'a>) -> Option<(Rows<'a>, Rows<'a>)> {
    if let [row] = rows.as_ref() {
        let (first, second) = row.quotes.split_at(row.quotes.len() / 2);
        let with =
            |quotes: &[Quote]| Cow::Owned(vec![CoinRow { coin: row.coin.clone(), quotes: quotes.to_vec() }]);
        return (!first.is_empty()).then(|| (with(first), with(second)));
    }
    let middle = rows.len() / 2;
    Some(match rows {
        Cow::Borrowed(rows) => (Cow::Borrowed(&rows[..middle]), Cow::Borrowed(&rows[middle..])),
        Cow::Owned(rows) => (Cow::Owned(rows[..middle].to_vec()), Cow::Owned(rows[middle..].to_vec())),
    })
}

/// What the rows of one page have in common.
struct Page<'a> {
    /// All of it; often only a part of its rows is written.
    chunk: &'a Chunk,
    fetched_at: String,
}

impl Page<'_> {
    /// Writes all of `rows` or fails.
    async fn write(
        &self,
        connection: &mut SqliteConnection,
        rows: &[CoinRow],
    ) -> Result<Loaded, sqlx::Error> {
        let mut judging = Judging::new(self.chunk, held(connection, rows).await?);
        // Ordered by key, so that writes go through the tables' trees from one end to the other. When the
        // chunk repeats a coin, the first description stays.
        let mut coins = BTreeMap::new();
        let mut identities = BTreeSet::new();
        for CoinRow { coin, quotes } in rows {
            coins.entry(coin.id).or_insert(coin);
            identities.insert((coin.id, &coin.symbol, &coin.name, &coin.slug));
            for quote in quotes {
                let last_updated = timestamp::to_millis(quote.last_updated);
                judging.take(coin.id, Quote { last_updated, ..quote.clone() });
            }
        }
        let Judged { latest, history, loaded } = judging.judged();
        let inserts = if self.chunk.is_rebuild() { &*REBUILDS } else { &*INSERTS };
        inserts
            .coins
            .run(connection, coins.into_values(), |values, coin| self.bind_coin(values, coin))
            .await?;
        let bind_identity = |values: Values, (id, symbol, name, slug): (u32, &String, &String, &String)| {
            let values = values.bind(id).bind(symbol.clone()).bind(name.clone()).bind(slug.clone());
            values.bind(self.fetched_at.clone()).bind(self.fetched_at.clone())
        };
        inserts.identities.run(connection, identities, bind_identity).await?;
        let bind_quote = |values, (id, quote): (u32, Quote)| self.bind_quote(values, id, &quote);
        let history = history.into_iter().map(|((id, ..), quote)| (id, quote));
        inserts.history.run(connection, history, bind_quote).await?;
        let latest = latest.into_iter().map(|((id, _), quote)| (id, quote));
        inserts.latest.run(connection, latest, bind_quote).await?;
        Ok(loaded)
    }

    fn bind_coin(&self, values: Values, coin: &Coin) -> Values {
        values
            .bind(coin.id)
            .bind(coin.symbol.clone())
            .bind(coin.name.clone())
            .bind(coin.slug.clone())
            .bind(coin.date_added.map(timestamp::to_text))
            .bind(coin.platform_id)
            .bind(coin.token_address.clone())
            .bind(coin.tags.as_ref().map(|tags| serde_json::json!(tags).to_string()))
            .bind(coin.infinite_supply)
            .bind(coin.is_active)
            .bind(self.fetched_at.clone())
            .bind(self.fetched_at.clone())
    }

    /// Counts are bound as doubles like the rest: an INTEGER column takes a whole one as an integer and
    /// refuses any other.
    fn bind_quote(&self, values: Values, coin_id: u32, quote: &Quote) -> Values {
        let values = values.bind(coin_id).bind(quote.currency.clone());
        let values = quote.numbers.into_iter().fold(values, Values::bind);
        values
            .bind(quote.missing.to_column_list())
            .bind(timestamp::to_text(quote.last_updated))
            .bind(self.fetched_at.clone())
            .bind(self.chunk.page.batch.as_str().to_owned())
    }
}

/// What `quotes_latest` holds of these coins.
async fn held(connection: &mut SqliteConnection, rows: &[CoinRow]) -> Result<Held, sqlx::Error> {
    // One JSON array instead of thousands of values: the statement is the same whatever their number.
    let ids: Vec<u32> = rows.iter().map(|row| row.coin.id).collect();
    let columns = columns::quotes().join(", ");
    let sql =
        format!("SELECT {columns} FROM quotes_latest WHERE coin_id IN (SELECT value FROM json_each(?))");
    let held = sqlx::query(AssertSqlSafe(sql))
        .bind(serde_json::json!(ids).to_string())
        .fetch_all(connection)
        .await?;
    let entries = held.iter().map(|row| {
        let entry = coins::quote(Columns::new(row))?;
        Ok(((entry.coin_id, entry.quote.currency.clone()), (entry.quote, entry.fetched_at)))
    });
    entries.collect()
}
