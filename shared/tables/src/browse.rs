//! Looking at the quotes, as [`ports::Browse`] promises, in statements that all databases understand.

pub mod chart;
pub mod coin;
pub mod history;
pub mod market;
mod search;
pub mod then;

use domain::{BatchId, Measure, Quote};
use ports::store::CoinQuote;

use crate::load::read::measures;
use crate::load::statements::Reader;
use crate::row::{Row, Unreadable};
use crate::write::{Asked, Parameter};

/// How a database differs from others.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// The join that keeps the order of its tables.
    pub join: &'static str,
    /// What follows `history`, so that the quotes of a coin are looked up, however few days they are of.
    pub by_coin: &'static str,
    /// How many times so many seconds, which it binds second, `last_updated` is after an instant, which it binds first.
    pub part: &'static str,
    /// Whether `LOWER` knows letters beyond ASCII.
    pub lowers_all: bool,
}

/// Reads what stands in the tables at one moment.
pub trait Look: Send {
    /// What can go wrong.
    type Error: Send;

    /// What `reader` makes of the rows that a statement finds. Statements are kept prepared: there are few texts, and many values.
    fn find<T: Send>(
        &mut self,
        asked: Asked<'_>,
        reader: Reader<T>,
    ) -> impl Future<Output = Result<Vec<T>, Self::Error>> + Send;

    /// The same, of `sql` with `values`.
    fn rows<T: Send>(
        &mut self,
        sql: &str,
        values: Vec<Parameter<'_>>,
        reader: Reader<T>,
    ) -> impl Future<Output = Result<Vec<T>, Self::Error>> + Send {
        self.find((sql.to_owned(), values), reader)
    }
}

/// What several statements find out together.
pub trait View: Sync {
    /// What it is.
    type Output: Send;

    /// Finds it out.
    ///
    /// # Errors
    ///
    /// The error of a statement.
    fn read<L: Look>(&self, look: &mut L) -> impl Future<Output = Result<Self::Output, L::Error>> + Send;
}

/// Implements [`ports::Browse`] for a store with `seen()`, which reads the rows of a statement, and `view()`, which reads a [`View`]. `$dialect` is a [`Dialect`].
#[macro_export]
macro_rules! browse_port {
    ($store:ty, $dialect:expr) => {
        #[async_trait::async_trait]
        impl ports::Browse for $store {
            async fn currencies(&self) -> Result<Vec<ports::store::CurrencyUse>, ports::StoreError> {
                self.view($crate::browse::market::Currencies).await
            }

            async fn market(
                &self,
                query: &ports::store::MarketQuery,
            ) -> Result<ports::store::MarketTable, ports::StoreError> {
                self.view($crate::browse::market::Market { query, dialect: &$dialect }).await
            }

            async fn coin(&self, id: u32) -> Result<Option<ports::store::CoinRecord>, ports::StoreError> {
                self.view($crate::browse::coin::OneCoin { id }).await
            }

            async fn chart(
                &self,
                coin: u32,
                currency: &str,
                span: ports::store::Divided,
            ) -> Result<Vec<ports::store::ChartPoint>, ports::StoreError> {
                let asked = $crate::browse::chart::points(&$dialect, coin, currency, span);
                self.seen(asked, $crate::browse::chart::point).await
            }

            async fn sparklines(
                &self,
                coins: &[u32],
                currency: &str,
                span: ports::store::Divided,
            ) -> Result<
                std::collections::BTreeMap<u32, Vec<(chrono::DateTime<chrono::Utc>, f64)>>,
                ports::StoreError,
            > {
                let Some(asked) = $crate::browse::chart::lines(&$dialect, coins, currency, span) else {
                    return Ok(std::collections::BTreeMap::new());
                };
                let found = self.seen(asked, $crate::browse::chart::of_line).await?;
                Ok($crate::browse::chart::collected(found))
            }

            async fn market_then(
                &self,
                then: &ports::store::MarketThen,
                after: u32,
                limit: u32,
            ) -> Result<Vec<ports::store::CoinQuote>, ports::StoreError> {
                let asked = $crate::browse::then::coins(&$dialect, then, after, limit);
                self.seen(asked, $crate::browse::then::coin).await
            }

            async fn history(
                &self,
                span: &ports::store::HistorySpan,
                after: Option<&ports::store::PastQuote>,
                limit: u32,
            ) -> Result<Vec<ports::store::PastQuote>, ports::StoreError> {
                let asked = $crate::browse::history::quotes(&$dialect, span, after, limit);
                self.seen(asked, $crate::browse::history::quote).await
            }
        }
    };
}

/// `columns` of the table or alias `table`, for a reader of their plain names.
fn of(table: &str, columns: impl IntoIterator<Item = &'static str>) -> String {
    let named = columns.into_iter().map(|column| format!("{table}.{column} AS {column}"));
    named.collect::<Vec<_>>().join(", ")
}

/// The columns of these measures.
fn columns(measures: &[Measure]) -> impl Iterator<Item = &'static str> {
    measures.iter().map(|measure| measure.column())
}

/// The quote in a row with the columns of these measures.
fn quote(row: &dyn Row, present: &[Measure]) -> Result<Quote, Unreadable> {
    let mut numbers = [None; Measure::COUNT];
    for measure in present {
        numbers[*measure as usize] = row.nullable(measure.column())?;
    }
    let missing: Option<String> = row.nullable("missing_fields")?;
    Ok(Quote {
        currency: row.get("currency")?,
        numbers,
        missing: missing.as_deref().map(measures).unwrap_or_default(),
        last_updated: row.get("last_updated")?,
    })
}

/// The coin and its quote in a row that has both.
fn coin_quote(row: &dyn Row, present: &[Measure]) -> Result<CoinQuote, Unreadable> {
    Ok(CoinQuote {
        id: row.get("coin_id")?,
        symbol: row.get("symbol")?,
        name: row.get("name")?,
        slug: row.get("slug")?,
        quote: quote(row, present)?,
        fetched_at: row.get("fetched_at")?,
        batch: batch(row)?,
    })
}

fn batch(row: &dyn Row) -> Result<BatchId, Unreadable> {
    Ok(BatchId::from_stored(row.get::<String>("batch_id")?))
}
