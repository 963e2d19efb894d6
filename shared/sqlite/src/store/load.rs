//! The statements of a [`Load`] in a SQLite file, which has one writer at a time.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Coin, timestamp};
use ports::Loaded;
use sqlx::{AssertSqlSafe, Executor, SqliteConnection};
use tables::load::LoadRow;
use tables::load::coins::Known;
use tables::load::statements::{KnownIdentity, OfCoins, Reader, Rows, Statements};
use tables::load::transaction::Load;
use tables::row::{Row, Unreadable};
use tables::write::load as write;

use super::columns::read_all;
use super::insert::{INSERTS, REBUILDS};
use super::{data_kind, ledger};
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

pub(super) struct InFile<'c>(pub(super) &'c mut SqliteConnection);

impl Statements for InFile<'_> {
    type Error = sqlx::Error;
    type IdentityKey = String;

    const COINS_LOCK: &'static str = "";
    const IDENTITY_COLUMNS: &'static str = "coin_id, symbol, name, slug, first_seen_at, last_seen_at";

    async fn admit(&mut self, simulated: bool) -> Result<bool> {
        data_kind::admit(self.0, simulated).await
    }

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
    async fn batch_numbers(&mut self, batches: &[&BatchId]) -> Result<Vec<u32>> {
        let mut numbers = Vec::with_capacity(batches.len());
        for batch in batches {
            let sql = "INSERT INTO batch_numbers (batch_id) SELECT ?1 \
                       WHERE NOT EXISTS (SELECT 1 FROM batch_numbers WHERE batch_id = ?1)";
            sqlx::query(sql).bind(batch.as_str()).execute(&mut *self.0).await?;
            let sql = "SELECT number FROM batch_numbers WHERE batch_id = ?";
            numbers.push(sqlx::query_scalar(sql).bind(batch.as_str()).fetch_one(&mut *self.0).await?);
        }
        Ok(numbers)
    }

    async fn of_coins<T: Send>(&mut self, sql: OfCoins, ids: &[u32], reader: Reader<T>) -> Result<Vec<T>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(AssertSqlSafe(sql(IDS))).bind(json(ids)).fetch_all(&mut *self.0).await?;
        read_all(&rows, reader)
    }

    async fn record(&mut self, chunk: &Chunk, loaded: &Loaded, now: DateTime<Utc>) -> Result<()> {
        ledger::record_chunk(self.0, chunk, loaded, now).await
    }

    async fn set_seen(&mut self, sql: OfCoins, at: DateTime<Utc>, ids: &[u32]) -> Result<()> {
        let query = sqlx::query(AssertSqlSafe(sql(IDS))).bind(timestamp::to_text(at)).bind(json(ids));
        query.execute(&mut *self.0).await.map(drop)
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

fn json(ids: &[u32]) -> String {
    serde_json::json!(ids).to_string()
}
