//! Loading the rows of a chunk: judge each quote against the table, write what is new, and set aside what
//! the tables refuse.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::{Chunk, CoinRow, Quote, timestamp};
use ports::{Loaded, Refused};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tables::judgement::{Held, Judged, Judging};
use tables::read::contents::{self as read, latest_of};
use tables::write::contents as write;

use super::columns::read_all;
use super::insert::{INSERTS, REBUILDS};
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
    let page = Page { chunk, fetched_at: timestamp::to_millis(chunk.page.fetched_at) };
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
    fetched_at: DateTime<Utc>,
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
            identities.insert((coin.id, coin.symbol.as_str(), coin.name.as_str(), coin.slug.as_str()));
            for quote in quotes {
                let last_updated = timestamp::to_millis(quote.last_updated);
                judging.take(coin.id, Quote { last_updated, ..quote.clone() });
            }
        }
        let Judged { latest, history, loaded } = judging.judged();
        let inserts = if self.chunk.is_rebuild() { &*REBUILDS } else { &*INSERTS };
        let fetched_at = self.fetched_at;
        inserts.coins.run(connection, coins.into_values(), |coin| write::coin(coin, fetched_at)).await?;
        let identity = |identity| write::identity(identity, fetched_at);
        inserts.identities.run(connection, identities, identity).await?;
        let quote = |(id, quote): (u32, Quote)| write::quote(id, &quote, fetched_at, &self.chunk.page.batch);
        let history = history.into_iter().map(|((id, ..), quote)| (id, quote));
        inserts.history.run(connection, history, quote).await?;
        let latest = latest.into_iter().map(|((id, _), quote)| (id, quote));
        inserts.latest.run(connection, latest, quote).await?;
        Ok(loaded)
    }
}

/// What `quotes_latest` holds of these coins.
async fn held(connection: &mut SqliteConnection, rows: &[CoinRow]) -> Result<Held, sqlx::Error> {
    // One JSON array instead of thousands of values: the statement is the same whatever their number.
    let ids: Vec<u32> = rows.iter().map(|row| row.coin.id).collect();
    let sql = latest_of("SELECT value FROM json_each(?)");
    let query = sqlx::query(AssertSqlSafe(sql)).bind(serde_json::json!(ids).to_string());
    read_all(&query.fetch_all(connection).await?, read::held)
}
