//! Reading the tables about coins as values.

use domain::{BatchId, Coin, Kind, Measure, MeasureSet, Quote};
use ports::StoreError;
use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use tables::contents::{CoinEntry, IdentityEntry, QuoteEntry, Tables};

use super::MysqlStore;
use super::columns::Columns;
use super::insert::quote_columns;
use crate::database::Work;

impl MysqlStore {
    /// All rows about coins, as of one moment. For tests and exports: it reads the whole history into
    /// memory.
    pub async fn tables(&self) -> Result<Tables, StoreError> {
        Ok(self.database.snapshot(&AllTables).await?)
    }
}

struct AllTables;

impl Work for AllTables {
    type Output = Tables;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Tables, sqlx::Error> {
        let coins = "SELECT id, name, symbol, slug, date_added, platform_id, token_address, tags, infinite_supply, \
                         is_active, first_seen_at, last_seen_at \
                     FROM coins ORDER BY id";
        let identities = "SELECT coin_id, symbol, name, slug, first_seen_at, last_seen_at \
                          FROM coin_identities ORDER BY coin_id, symbol, name, slug";
        let columns = quote_columns().join(", ");
        let latest = format!("SELECT {columns} FROM quotes_latest ORDER BY coin_id, currency");
        let history =
            format!("SELECT {columns} FROM quotes_history ORDER BY coin_id, currency, last_updated");
        Ok(Tables {
            coins: rows(connection, coins.to_owned(), coin).await?,
            identities: rows(connection, identities.to_owned(), identity).await?,
            latest: rows(connection, latest, quote).await?,
            history: rows(connection, history, quote).await?,
        })
    }
}

async fn rows<T>(
    connection: &mut MySqlConnection,
    sql: String,
    read: impl Fn(&MySqlRow) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, sqlx::Error> {
    sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?.iter().map(read).collect()
}

fn coin(row: &MySqlRow) -> Result<CoinEntry, sqlx::Error> {
    let mut columns = Columns::new(row);
    let coin = Coin {
        id: columns.take()?,
        name: columns.take()?,
        symbol: columns.take()?,
        slug: columns.take()?,
        date_added: columns.optional_instant()?,
        platform_id: columns.take()?,
        token_address: columns.take()?,
        tags: columns.optional_json()?,
        infinite_supply: columns.take()?,
        is_active: columns.take()?,
    };
    Ok(CoinEntry { coin, first_seen_at: columns.instant()?, last_seen_at: columns.instant()? })
}

fn identity(row: &MySqlRow) -> Result<IdentityEntry, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(IdentityEntry {
        coin_id: columns.take()?,
        symbol: columns.take()?,
        name: columns.take()?,
        slug: columns.take()?,
        first_seen_at: columns.instant()?,
        last_seen_at: columns.instant()?,
    })
}

/// A row of [`quote_columns`].
pub(super) fn quote(row: &MySqlRow) -> Result<QuoteEntry, sqlx::Error> {
    let mut columns = Columns::new(row);
    let coin_id = columns.take()?;
    let currency = columns.take()?;
    let mut numbers = [None; Measure::COUNT];
    for (number, measure) in numbers.iter_mut().zip(Measure::ALL) {
        *number = if measure.kind() == Kind::Count {
            columns.take::<Option<u32>>()?.map(f64::from)
        } else {
            columns.take()?
        };
    }
    let missing: Option<&str> = columns.take()?;
    let missing = missing.map(measures).unwrap_or_default();
    let quote = Quote { currency, numbers, missing, last_updated: columns.instant()? };
    let fetched_at = columns.instant()?;
    Ok(QuoteEntry { coin_id, quote, fetched_at, batch: BatchId::from_stored(columns.take::<String>()?) })
}

/// The measures of a column list. A column of a newer version is not one of them.
fn measures(list: &str) -> MeasureSet {
    let named = |name: &str| Measure::ALL.into_iter().find(|measure| measure.column() == name);
    list.split(',').filter_map(named).collect()
}
