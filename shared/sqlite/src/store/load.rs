//! The statements of a [`Load`] in a SQLite file, which has one writer at a time.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Coin, timestamp};
use ports::Loaded;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Executor, SqliteConnection};
use tables::columns::IDENTITIES;
use tables::load::coins::Known;
use tables::load::statements::{KnownIdentity, OfCoins, Reader, Rows, Select, Statements};
use tables::load::transaction::Load;
use tables::load::{BatchNumber, LoadRow};
use tables::row::{Row, Unreadable};
use tables::write::load as write;

use super::columns::read;
use super::insert::{INSERTS, REBUILDS};
use super::{data_kind, ledger, packed};
use crate::database::Work;
use crate::error::{Error, refusal};

#[async_trait]
impl Work for Load<'_> {
    type Output = Option<Vec<Loaded>>;

    async fn run(&self, connection: &mut SqliteConnection) -> std::result::Result<Self::Output, Error> {
        Ok(Load::run(self, &mut InFile(connection)).await?)
    }
}

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Rows that were found.
pub(super) enum Found {
    Row(SqliteRow),
    /// Several, with these columns.
    Packed(SqliteRow, Vec<&'static str>),
}

pub(super) struct InFile<'c>(pub(super) &'c mut SqliteConnection);

impl Statements for InFile<'_> {
    type Error = sqlx::Error;
    type Found = Found;
    type IdentityKey = String;

    const AT_ONCE: usize = 1;
    const COINS_LOCK: &'static str = "";
    const SIDE_BY_SIDE: bool = false;
    const IDENTITY_COLUMNS: &'static [&'static str] = &IDENTITIES;

    async fn admit(&mut self, simulated: bool) -> Result<bool> {
        data_kind::admit(self.0, simulated).await
    }

    async fn before_coins(&mut self) {}

    /// The tables are strict, and their checks find the rest.
    fn misfit(_: &LoadRow<'_>) -> Option<String> {
        None
    }

    fn refusal(error: &sqlx::Error) -> Option<String> {
        refusal(error)
    }

    fn identity_key(coin: &Coin) -> String {
        joined(&coin.symbol, &coin.name, &coin.slug)
    }

    fn known_identity(row: &dyn Row) -> std::result::Result<KnownIdentity<String>, Unreadable> {
        let texts: [String; 3] = [row.get("symbol")?, row.get("name")?, row.get("slug")?];
        let (first_seen_at, last_seen_at) = (row.get("first_seen_at")?, row.get("last_seen_at")?);
        let key = (row.get("coin_id")?, joined(&texts[0], &texts[1], &texts[2]));
        Ok((key, Known { what: (), first_seen_at, last_seen_at }))
    }

    async fn execute(&mut self, sql: &'static str) -> Result<()> {
        self.0.execute(sql).await.map(drop)
    }

    /// Those that are new are made here: nobody else writes meanwhile.
    async fn batch_numbers(&mut self, batches: &[&BatchId]) -> Result<Vec<BatchNumber>> {
        let mut numbers = Vec::with_capacity(batches.len());
        for batch in batches {
            let sql = "INSERT INTO batch_numbers (batch_id) SELECT ?1 \
                       WHERE NOT EXISTS (SELECT 1 FROM batch_numbers WHERE batch_id = ?1)";
            sqlx::query(sql).bind(batch.as_str()).execute(&mut *self.0).await?;
            let sql = "SELECT number, dropped FROM batch_numbers WHERE batch_id = ?";
            let found = sqlx::query_as(sql).bind(batch.as_str()).fetch_one(&mut *self.0).await;
            let (number, is_dropped) = found?;
            numbers.push(BatchNumber { number, is_dropped });
        }
        Ok(numbers)
    }

    async fn of_coins(&mut self, select: &Select, ids: &[u32]) -> Result<Vec<Found>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // JSON may lose the last bits of a double.
        if select.has_doubles() {
            let rows = sqlx::query(AssertSqlSafe(select.sql(IDS))).bind(json(&ids)).fetch_all(&mut *self.0);
            return Ok(rows.await?.into_iter().map(Found::Row).collect());
        }
        let parts: Vec<&[u32]> = ids.chunks(packed::ROWS).collect();
        let rows = sqlx::query(AssertSqlSafe(packed::sql(select))).bind(json(&parts)).fetch_all(&mut *self.0);
        let columns = select.columns();
        Ok(rows.await?.into_iter().map(|row| Found::Packed(row, columns.to_vec())).collect())
    }

    fn read<T>(found: &Found, reader: Reader<T>, all: &mut Vec<T>) -> Result<()> {
        match found {
            Found::Row(row) => all.push(read(row, reader)?),
            Found::Packed(row, columns) => all.append(&mut packed::read_all(row, columns, reader)?),
        }
        Ok(())
    }

    async fn update(&mut self, sql: OfCoins, at: Option<DateTime<Utc>>, ids: &[u32]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let query = sqlx::query(AssertSqlSafe(sql(IDS)));
        let query = at.into_iter().fold(query, |query, at| query.bind(timestamp::to_text(at)));
        query.bind(json(&ids)).execute(&mut *self.0).await.map(drop)
    }

    async fn record(&mut self, chunk: &Chunk, loaded: &Loaded, now: DateTime<Utc>) -> Result<()> {
        ledger::record_chunk(self.0, chunk, loaded, now).await
    }

    async fn insert(&mut self, rows: Rows<'_, '_>, is_rebuild: bool) -> Result<()> {
        let inserts = if is_rebuild { &REBUILDS } else { &INSERTS };
        match rows {
            Rows::Coins(rows) => inserts.coins.run(self.0, rows, write::coin).await,
            Rows::Identities(rows) => inserts.identities.run(self.0, rows, write::identity).await,
            Rows::Latest(rows) => inserts.latest.run(self.0, rows, write::latest).await,
            Rows::History(rows) => inserts.history.run(self.0, rows, write::history).await,
        }
    }
}

/// What tells one symbol, name and slug of a coin from another: the three, each with its length.
fn joined(symbol: &str, name: &str, slug: &str) -> String {
    format!("{}:{symbol}{}:{name}{slug}", symbol.len(), name.len())
}

/// One JSON array instead of thousands of values: the statement is the same whatever their number.
const IDS: &str = "SELECT value FROM json_each(?)";

fn json(ids: &impl Serialize) -> String {
    serde_json::json!(ids).to_string()
}
