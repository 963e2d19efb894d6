//! One database on a server: its connections, its transactions, and how its schema is brought up to date.
//!
//! # Guarantees
//! - A transaction is done whole or not at all. One that collides with another is done again, a few times.
//! - Every call ends within three times the statement timeout plus six seconds for a connection, whatever the
//!   server does or the network swallows. Bringing the schema up to date may take longer.
//! - A connection whose call was given up half-way is closed, never used again: it may still be in a
//!   transaction, or have an answer on its way.
//! - A server that is away is waited for: the next call after its return works. Meanwhile it is asked by one call
//!   of this process at a time, at growing distances; the others wait for what that finds (see [`outage::gate`]).
//!
//! # Not guaranteed
//! When a call fails as unavailable, what it wrote may be there all the same: the answer to its COMMIT may
//! have been lost. Callers repeat it.

mod lease;
mod probe;
mod schema;
mod session;

use std::sync::Arc;
use std::time::Duration;

use outage::{Gate, Growth, Need};
use sqlx::mysql::{MySqlArguments, MySqlConnection, MySqlPoolOptions, MySqlRow};
use sqlx::query::Query;
use sqlx::{ConnectOptions, Executor, MySql, MySqlPool};
use tables::schema::Schema;
use tokio::sync::OnceCell;

use crate::error::{Error, is_collision};
use crate::options::Options;
use lease::Lease;

/// How long a call waits for a connection: a new one, or its turn.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long another try may take that only asks for the reason.
const LAST_TRY: Duration = Duration::from_secs(1);

/// The most that a transaction waits for another one of this process without a statement.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a transaction is tried that collides with others.
const ATTEMPTS: u32 = 5;

/// The pauses after a transaction's collisions, of which chance leaves any part: both sides must not come back in step.
const PAUSES: Growth = Growth {
    first: Duration::from_millis(40),
    factor: 2,
    longest: Duration::from_millis(320),
    least_part: 0.0,
};

/// A database. Clones share its connections.
#[derive(Clone)]
pub(crate) struct Database {
    place: Arc<str>,
    pool: MySqlPool,
    call_timeout: Duration,
    /// `None`: the tables are not ours.
    schema: Option<&'static Schema>,
    /// Set once the schema is known to be up to date.
    migrated: Arc<OnceCell<()>>,
    gate: Arc<Gate>,
}

/// What is done in a transaction, as a value: it can be done again.
pub(crate) trait Work: Sync {
    /// What it finds out.
    type Output: Send;

    /// Does it, within the transaction that `connection` is in.
    fn run(
        &self,
        connection: &mut MySqlConnection,
    ) -> impl Future<Output = Result<Self::Output, sqlx::Error>> + Send;

    /// Whether what came out shows that something was written.
    fn has_written(&self, _: &Self::Output) -> bool {
        true
    }
}

impl Database {
    /// Connects to nothing yet.
    pub(crate) fn new(options: &Options, schema: Option<&'static Schema>) -> Self {
        let pool = MySqlPoolOptions::new()
            .max_connections(options.max_connections.max(1))
            .acquire_timeout(CONNECT_TIMEOUT)
            .idle_timeout(session::idle_timeout(options.statement_timeout))
            .after_connect(session::set_up(options.statement_timeout))
            .connect_lazy_with(options.connect.clone());
        Self {
            place: options.place.as_str().into(),
            pool,
            call_timeout: options.statement_timeout.max(Duration::from_secs(1)) * 3,
            schema,
            migrated: Arc::default(),
            gate: Arc::default(),
        }
    }

    /// Host, port and database.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// The most connections that it opens.
    pub(crate) fn connections(&self) -> u32 {
        self.pool.options().get_max_connections()
    }

    /// How long a transaction of this process may wait for another one without a statement. Half of what the server lets it be
    /// idle; and less than a statement waits for a lock, because it may hold the one that the other waits for: of locks, the server
    /// knows when two transactions wait for each other.
    pub(crate) fn patience(&self) -> Duration {
        PATIENCE.min(self.call_timeout / 6)
    }

    /// Waits for running calls and closes all connections, of clones too.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// Brings the schema up to date, unless it is known to be. Every call below begins with it, so that a
    /// server that was away at the start gets its tables when it comes.
    pub(crate) async fn migrate(&self) -> Result<(), Error> {
        self.through_the_gate(Need::Read, self.migrate_now()).await
    }

    /// The steps of `schema` that were not applied yet, by name. Changes nothing.
    pub(crate) async fn pending(&self, schema: &Schema) -> Result<Vec<String>, Error> {
        schema::pending(self, schema).await.map_err(|error| self.blame(error))
    }

    /// Does `work` in a transaction that writes, and makes it durable.
    pub(crate) async fn write<W: Work>(&self, work: &W) -> Result<W::Output, Error> {
        // Said to be writing, it is refused at once by a server that is read-only.
        let call = self.call(Box::pin(self.repeat(&["START TRANSACTION READ WRITE"], work)));
        let _pass = self.gate.pass(Need::Write, |need| self.probe(need)).await?;
        let done = call.await;
        match &done {
            Ok(output) if !work.has_written(output) => self.gate.worked(Need::Read),
            done => self.gate.ended(Need::Write, done),
        }
        done
    }

    /// Does `work`, which only reads, on the state of one moment.
    pub(crate) async fn snapshot<W: Work>(&self, work: &W) -> Result<W::Output, Error> {
        const BEGIN: [&str; 2] = [
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ];
        self.through_the_gate(Need::Read, self.call(Box::pin(self.repeat(&BEGIN, work)))).await
    }

    /// Reads what a single statement finds.
    pub(crate) async fn read(&self, query: Query<'_, MySql, MySqlArguments>) -> Result<Vec<MySqlRow>, Error> {
        let read = Box::pin(async {
            let mut lease = self.lease().await?;
            let rows = query.fetch_all(lease.connection()).await?;
            lease.give_back();
            Ok(rows)
        });
        self.through_the_gate(Need::Read, self.call(read)).await
    }

    /// Makes `call` when the server may be there, and remembers how it went.
    async fn through_the_gate<T>(
        &self,
        need: Need,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let _pass = self.gate.pass(need, |need| self.probe(need)).await?;
        let done = call.await;
        self.gate.ended(need, &done);
        done
    }

    async fn call<T>(&self, call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Error> {
        self.migrate_now().await?;
        self.in_time(call).await.map_err(|error| self.blame(error))
    }

    async fn migrate_now(&self) -> Result<(), Error> {
        if let Some(schema) = self.schema {
            let migrated = self.migrated.get_or_try_init(|| Box::pin(schema::migrate(self, schema))).await;
            migrated.map_err(|error| self.blame(error))?;
        }
        Ok(())
    }

    /// What `error`, from a statement on this database, means; names the database.
    pub(crate) fn blame(&self, error: impl Into<Error>) -> Error {
        error.into().at(&self.place)
    }

    async fn lease(&self) -> Result<Lease, sqlx::Error> {
        Ok(Lease::new(self.pool.acquire().await?))
    }

    /// Gives `call` up when it takes too long; its connection is closed then.
    async fn in_time<T>(&self, call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Error> {
        let limit = CONNECT_TIMEOUT + self.call_timeout;
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(sqlx::Error::PoolTimedOut)) => Err(self.why_no_connection().await),
            Ok(Err(error)) => Err(error.into()),
            Err(_elapsed) => Err(Error::Unavailable(format!("no answer within {limit:?}"))),
        }
    }

    /// Why there was no connection in time, which the pool, that tried all the while, does not tell.
    async fn why_no_connection(&self) -> Error {
        let options = self.pool.connect_options();
        match tokio::time::timeout(LAST_TRY, options.connect()).await {
            Ok(Err(error)) => error.into(),
            Ok(Ok(connection)) => {
                drop(connection);
                let all = "the connections of this process are all in use";
                Error::Unavailable(format!("no connection within {CONNECT_TIMEOUT:?}: {all}"))
            }
            Err(_elapsed) => {
                let mute = "the server does not answer";
                Error::Unavailable(format!("no connection within {CONNECT_TIMEOUT:?}: {mute}"))
            }
        }
    }

    async fn repeat<W: Work>(&self, begin: &[&'static str], work: &W) -> Result<W::Output, sqlx::Error> {
        let mut attempt = 1;
        loop {
            match self.transaction(begin, work).await {
                Err(error) if is_collision(&error) && attempt < ATTEMPTS => {
                    tracing::debug!(%error, attempt, "collided with another transaction; trying again");
                    tokio::time::sleep(PAUSES.wait(attempt, fastrand::f64())).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn transaction<W: Work>(&self, begin: &[&'static str], work: &W) -> Result<W::Output, sqlx::Error> {
        let mut lease = self.lease().await?;
        for statement in begin {
            lease.connection().execute(*statement).await?;
        }
        let outcome = work.run(lease.connection()).await;
        // Explicitly, for some errors undo only the statement. What wrote nothing has nothing to commit.
        let is_done = outcome.as_ref().is_ok_and(|output| work.has_written(output));
        let end = if is_done { "COMMIT" } else { "ROLLBACK" };
        match (lease.connection().execute(end).await, outcome) {
            (Ok(_), outcome) => {
                // After another error the connection itself may be what is wrong.
                if outcome.as_ref().err().is_none_or(is_collision) {
                    lease.give_back();
                }
                outcome
            }
            (Err(error), Ok(_)) | (Err(_), Err(error)) => Err(error),
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("place", &self.place).finish_non_exhaustive()
    }
}
