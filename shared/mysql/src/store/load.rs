//! The statements of a [`Load`] on a server.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Coin};
use ports::Loaded;
use ports::store::Halfway;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Executor};
use tables::load::statements::{KnownIdentity, OfCoins, Reader, Rows, Select, Statements};
use tables::load::transaction::Load;
use tables::load::{BatchNumber, LoadRow};
use tables::row::{Row, Unreadable};
use tables::write::load as write;

use super::batch_numbers::Numbers;
use super::columns::read;
use super::insert::{INSERTS, REBUILDS};
use super::of_coins::{COINS, bind_ids, of_coins, sql_of};
use super::parameters::bind;
use super::row::{self, IdentityKey};
use super::{data_kind, ledger};
use crate::database::Work;
use crate::error::refusal;

/// Who is told when a load has come halfway, and how long that may take.
pub(super) type Beside<'a> = (&'a dyn Halfway, Duration);

/// A load, and its batches.
pub(super) struct Numbered<'a> {
    pub(super) load: &'a Load<'a>,
    /// Who is told when the history is written, if anybody, and how long that may take.
    pub(super) halfway: Option<Beside<'a>>,
    pub(super) batches: &'a BTreeSet<&'a BatchId>,
}

/// What became of a load whose batches need numbers.
pub(crate) enum Outcome<T> {
    /// A batch has no number yet; nothing was written.
    Unnumbered,
    /// As the load says; `None` when it is of the other kind than what is there.
    Loaded(Option<T>),
}

impl Work for Numbered<'_> {
    type Output = Outcome<Vec<Loaded>>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Self::Output> {
        let Some(numbers) = Numbers::locked(connection, self.batches).await? else {
            return Ok(Outcome::Unnumbered);
        };
        let mut statements = OnServer { connection, numbers: &numbers, halfway: self.halfway };
        self.load.run(&mut statements).await.map(Outcome::Loaded)
    }

    fn has_written(&self, outcome: &Self::Output) -> bool {
        matches!(outcome, Outcome::Loaded(_))
    }
}

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) struct OnServer<'c> {
    pub(super) connection: &'c mut MySqlConnection,
    pub(super) numbers: &'c Numbers,
    pub(super) halfway: Option<Beside<'c>>,
}

impl Statements for OnServer<'_> {
    type Error = sqlx::Error;
    type Found = MySqlRow;
    type IdentityKey = IdentityKey;

    const AT_ONCE: usize = 100;
    const COINS_LOCK: &'static str = " FOR UPDATE";
    const SIDE_BY_SIDE: bool = true;
    const IDENTITY_COLUMNS: &'static [&'static str] = &row::IDENTITY;

    async fn admit(&mut self, simulated: bool) -> Result<bool> {
        data_kind::admit(self.connection, simulated).await
    }

    fn misfit(row: &LoadRow<'_>) -> Option<String> {
        row::misfit(row)
    }

    fn refusal(error: &sqlx::Error) -> Option<String> {
        refusal(error)
    }

    fn identity_key(coin: &Coin) -> IdentityKey {
        row::identity_key(coin)
    }

    fn known_identity(row: &dyn Row) -> std::result::Result<KnownIdentity<IdentityKey>, Unreadable> {
        row::known_identity(row)
    }

    async fn execute(&mut self, sql: &'static str) -> Result<()> {
        self.connection.execute(sql).await.map(drop)
    }

    async fn batch_numbers(&mut self, batches: &[&BatchId]) -> Result<Vec<BatchNumber>> {
        batches.iter().map(|batch| self.numbers.of(batch)).collect()
    }

    async fn of_coins(&mut self, select: &Select, ids: &[u32]) -> Result<Vec<MySqlRow>> {
        let mut all = Vec::with_capacity(ids.len());
        for part in ids.chunks(COINS) {
            all.append(&mut of_coins(|ids| select.sql(ids), part).fetch_all(&mut *self.connection).await?);
        }
        Ok(all)
    }

    async fn before_coins(&mut self) {
        if let Some((halfway, patience)) = self.halfway {
            let _is_over = tokio::time::timeout(patience, halfway.reached()).await;
        }
    }

    fn read<T>(row: &MySqlRow, reader: Reader<T>, all: &mut Vec<T>) -> Result<()> {
        all.push(read(row, reader)?);
        Ok(())
    }

    async fn record(&mut self, chunk: &Chunk, loaded: &Loaded, now: DateTime<Utc>) -> Result<()> {
        ledger::record_chunk(self.connection, chunk, loaded, now).await
    }

    async fn update(&mut self, sql: OfCoins, at: Option<DateTime<Utc>>, ids: &[u32]) -> Result<()> {
        for part in ids.chunks(COINS) {
            let query = sqlx::query(AssertSqlSafe(sql_of(sql, part)));
            let query = at.into_iter().fold(query, |query, at| bind(query, at.into()));
            bind_ids(query, part).execute(&mut *self.connection).await?;
        }
        Ok(())
    }

    async fn insert(&mut self, rows: Rows<'_, '_>, is_rebuild: bool) -> Result<()> {
        let inserts = if is_rebuild { &REBUILDS } else { &INSERTS };
        match rows {
            Rows::Coins(rows) => {
                inserts.coins.run(self.connection, rows, |seen| row::tag_bytes(seen.coin), write::coin).await
            }
            Rows::Identities(rows) => {
                inserts.identities.run(self.connection, rows, |_| 0, row::identity).await
            }
            Rows::Latest(rows) => inserts.latest.run(self.connection, rows, |_| 0, write::latest).await,
            Rows::History(rows) => inserts.history.run(self.connection, rows, |_| 0, write::history).await,
        }
    }
}
