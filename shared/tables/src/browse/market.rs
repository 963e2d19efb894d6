//! The market as a table: which coins, in which order, one page of them.

use std::cmp::Reverse;

use domain::{BatchId, Measure};
use ports::store::{
    CoinQuote, CurrencyUse, KeyValue, MarketColumn, MarketKey, MarketQuery, MarketRow, MarketTable,
    NewestSnapshot, Start,
};

use super::search::Condition;
use super::{Dialect, Look, View, batch, coin_quote, columns, of};
use crate::row::{Row, Unreadable};
use crate::write::{Asked, Parameter};

/// The newest snapshot in a currency, for `newest`; binds the currency.
pub const NEWEST: &str = "SELECT batch_id, fetched_at FROM quotes_latest WHERE currency = ? \
    ORDER BY fetched_at DESC, batch_id DESC LIMIT 1";

/// The currencies, for `currency`.
pub const CURRENCIES: &str = "SELECT currency, COUNT(*) AS coins, MAX(fetched_at) AS newest \
    FROM quotes_latest GROUP BY currency";

/// In which currencies the newest snapshot was asked for.
pub const ASKED_FOR: &str = "SELECT currencies FROM batches WHERE id = (SELECT batch_id FROM quotes_latest \
    ORDER BY fetched_at DESC, batch_id DESC LIMIT 1)";

/// The currencies that there are quotes in.
#[derive(Debug)]
pub struct Currencies;

impl View for Currencies {
    type Output = Vec<CurrencyUse>;

    async fn read<L: Look>(&self, look: &mut L) -> Result<Vec<CurrencyUse>, L::Error> {
        let mut found = look.rows(CURRENCIES, Vec::new(), currency).await?;
        let asked_for = look.rows(ASKED_FOR, Vec::new(), |row| row.list("currencies")).await?;
        let asked_for: Vec<String> = asked_for.into_iter().flatten().collect();
        found.sort_by_cached_key(|it| {
            let place = asked_for.iter().position(|currency| *currency == it.currency);
            (place.unwrap_or(usize::MAX), Reverse(it.newest_fetch_at), it.currency.clone())
        });
        Ok(found)
    }
}

fn currency(row: &dyn Row) -> Result<CurrencyUse, Unreadable> {
    Ok(CurrencyUse {
        currency: row.get("currency")?,
        coins: row.get("coins")?,
        newest_fetch_at: row.get("newest")?,
    })
}

/// A row of [`NEWEST`].
pub(super) fn newest(row: &dyn Row) -> Result<NewestSnapshot, Unreadable> {
    Ok(NewestSnapshot { batch: batch(row)?, fetched_at: row.get("fetched_at")? })
}

/// A page of the market.
#[derive(Debug)]
pub struct Market<'a> {
    /// What is asked for.
    pub query: &'a MarketQuery,
    /// The database's.
    pub dialect: &'a Dialect,
}

impl View for Market<'_> {
    type Output = MarketTable;

    async fn read<L: Look>(&self, look: &mut L) -> Result<MarketTable, L::Error> {
        let Self { query, dialect } = *self;
        let currency = || vec![query.currency.as_str().into()];
        let found = look.rows(NEWEST, currency(), newest).await?;
        let Some(newest) = found.into_iter().next() else { return Ok(MarketTable::default()) };
        let search = match &query.search {
            Some(search) => Some(Condition::of(search, dialect, look).await?),
            None => None,
        };
        let which = Which { query, batch: &newest.batch, search: search.as_ref() };
        let rows = look.find(which.page(dialect), row).await?;
        let total = match rows.first().and_then(|row| row.total) {
            Some(total) => total,
            None => look.find(which.count(dialect), |row| row.get::<u64>("coins")).await?.into_iter().sum(),
        };
        let rows = rows.into_iter().map(|found| found.of(query.sort.by, &newest.batch)).collect();
        Ok(MarketTable { rows, total, newest: Some(newest) })
    }
}

/// The rows that are meant.
pub struct Which<'a> {
    query: &'a MarketQuery,
    batch: &'a BatchId,
    search: Option<&'a Condition<'a>>,
}

impl<'a> Which<'a> {
    /// All that `query` asks for, but for its search, where `batch` is the newest.
    pub fn without_search(query: &'a MarketQuery, batch: &'a BatchId) -> Self {
        Self { query, batch, search: None }
    }

    /// From the tables `q` and, `with_names`, `c`; and the values.
    fn from(&self, dialect: &Dialect, with_names: bool) -> Asked<'a> {
        let join = dialect.join;
        // The quotes of coins are looked up: of those that a text means, which are few, or, in the order of names, of as many as a page takes.
        // MariaDB sorts 10,000 names and looks 100 quotes up in 7 ms; with the quotes first, it sorts the joined rows, in 50 to 80 ms.
        let mut sql = if self.search.is_some() || with_names {
            format!("FROM coin_descriptions AS c {join} quotes_latest AS q ON q.coin_id = c.id")
        } else {
            "FROM quotes_latest AS q".to_owned()
        };
        sql += " WHERE q.currency = ?";
        let mut values: Vec<Parameter<'a>> = vec![self.query.currency.as_str().into()];
        if self.query.listed_only {
            sql += " AND q.batch_id = ?";
            values.push(self.batch.as_str().into());
        }
        if let Some(search) = self.search {
            sql += &search.sql;
            values.extend(search.values.iter().cloned());
        }
        (sql, values)
    }

    /// How many there are, as `coins`.
    pub fn count(&self, dialect: &Dialect) -> Asked<'a> {
        let (from, values) = self.from(dialect, false);
        (format!("SELECT COUNT(*) AS coins {from}"), values)
    }

    /// A page of them. Which they are is found first, with no more than it takes: names are looked up for the rows that are shown.
    pub fn page(&self, dialect: &Dialect) -> Asked<'a> {
        let MarketQuery { sort, start, limit, currency, .. } = self.query;
        let sorted_by = match sort.by {
            MarketColumn::Name | MarketColumn::Symbol => format!("LOWER(c.{})", sort.by.column()),
            MarketColumn::LastUpdated | MarketColumn::Measure(_) => format!("q.{}", sort.by.column()),
        };
        let is_named = matches!(sort.by, MarketColumn::Name | MarketColumn::Symbol);
        let (mut from, mut values) = self.from(dialect, is_named);
        let (way, beyond) = if sort.descending { (" DESC", "<") } else { ("", ">") };
        let offset = match start {
            Start::Row(row) => Some(*row),
            Start::After(MarketKey { id, value: None }) => {
                from = format!("{from} AND {sorted_by} IS NULL AND q.coin_id > ?");
                values.push((*id).into());
                None
            }
            Start::After(MarketKey { id, value: Some(value) }) => {
                from = format!(
                    "{from} AND ({sorted_by} {beyond} ? OR ({sorted_by} = ? AND q.coin_id > ?) OR {sorted_by} IS NULL)"
                );
                let value = match value {
                    KeyValue::Text(text) => Parameter::from(text.as_str()),
                    KeyValue::Number(number) => Parameter::Number(Some(*number)),
                    KeyValue::Instant(at) => (*at).into(),
                };
                values.extend([value.clone(), value, (*id).into()]);
                None
            }
        };
        // A text is never absent, and an order that is of one table alone is made before the other one is looked up.
        let order = match sort.by {
            MarketColumn::Name | MarketColumn::Symbol => format!("{sorted_by}{way}, c.id"),
            MarketColumn::LastUpdated | MarketColumn::Measure(_) => {
                format!("{sorted_by} IS NULL, {sorted_by}{way}, q.coin_id")
            }
        };
        values.push((*limit).into());
        // Every name is looked at to find those that a text means, so they are counted on the way: where each coin is meant, a page and its count
        // take 29 + 36 ms as two questions and 33 as one (MariaDB, 10,000 coins; SQLite 25 + 25 and 30). After a key there are not all of them.
        let is_counted = self.search.is_some() && offset.is_some();
        let total = if is_counted { "COUNT(*) OVER ()" } else { "NULL" };
        let mut few =
            format!("SELECT q.coin_id AS coin_id, {total} AS total {from} ORDER BY {order} LIMIT ?");
        if let Some(offset) = offset {
            few += " OFFSET ?";
            values.push(offset.into());
        }
        values.push(currency.as_str().into());
        let names = of("c", ["symbol", "name", "slug"]);
        let text = if is_named { &sorted_by } else { "''" };
        let own = ["coin_id", "currency", "missing_fields", "last_updated", "fetched_at", "batch_id"];
        let own = of("q", own.into_iter().chain(columns(&Measure::ALL)));
        let join = dialect.join;
        let sql = format!(
            "SELECT {text} AS sorted_by, few.total AS total, {names}, {own} FROM ({few}) AS few \
             {join} quotes_latest AS q ON q.coin_id = few.coin_id AND q.currency = ? \
             {join} coin_descriptions AS c ON c.id = few.coin_id ORDER BY {order}"
        );
        (sql, values)
    }
}

/// A row of [`Which::page`].
struct Found {
    coin: CoinQuote,
    /// The name or symbol as the database compares it, if that is what the table is sorted by.
    sorted_by: String,
    /// How many rows there are in all, where they were counted on the way.
    total: Option<u64>,
}

fn row(row: &dyn Row) -> Result<Found, Unreadable> {
    let (sorted_by, total) = (row.get("sorted_by")?, row.nullable("total")?);
    Ok(Found { coin: coin_quote(row, &Measure::ALL)?, sorted_by, total })
}

impl Found {
    fn of(self, by: MarketColumn, newest: &BatchId) -> MarketRow {
        let Self { coin, sorted_by, .. } = self;
        let value = match by {
            MarketColumn::Name | MarketColumn::Symbol => Some(KeyValue::Text(sorted_by)),
            MarketColumn::LastUpdated => Some(KeyValue::Instant(coin.quote.last_updated)),
            MarketColumn::Measure(measure) => coin.quote.get(measure).map(KeyValue::Number),
        };
        MarketRow { is_listed: coin.batch == *newest, key: MarketKey { id: coin.id, value }, coin }
    }
}
