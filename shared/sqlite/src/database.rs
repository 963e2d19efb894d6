//! One SQLite file: how it is opened, how writers take turns, and how its schemas are brought up to date.
//!
//! # Guarantees
//! - A committed transaction survives a crash of the process and of the machine (WAL, `synchronous=FULL`).
//! - Writers of this process that wait at the same time share one transaction (see [`group_commit`]).
//! - Writers in any number of processes take turns: a write transaction locks when it begins, so it never
//!   fails half-way because another one was faster.
//! - Readers see one committed state and never wait for a writer.
//! - A file that takes no writes (a full disk, read-only, locked) is tried by one call of this process at a time, at
//!   growing distances; the others wait for what that finds (see [`outage::gate`]).
//!
//! # Not guaranteed
//! Network file systems: SQLite's locks do not work on many of them.

mod group_commit;
mod location;
mod probe;
mod read_only;
mod schema;
#[cfg(test)]
mod tests;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use outage::{Away, Gate, Need};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Sqlite, SqlitePool, Transaction};

use group_commit::Turns;

pub(crate) use group_commit::Work;
pub(crate) use write::Write;

use crate::error::{Error, is_cannot_open};

/// How long a statement waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a call waits for its turn in this process.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);

/// Readers at once; more wait for their turn.
const READERS: u32 = 4;

/// Those who look at the quotes at once. They have connections of their own: what people ask for may take long, and the pipeline does
/// not wait for it.
const VIEWERS: u32 = 3;

/// What each of them keeps in memory, in KiB: the newest quotes of 10,000 coins.
const VIEWER_CACHE: &str = "-6144";

/// What the writer keeps of the file in memory, in KiB (SQLite takes the minus for that). A snapshot touches a page of each of
/// 5,000 coins' histories; with SQLite's own 2 MiB they are written and read several times within a transaction.
const WRITER_CACHE: &str = "-16384";

/// How many pages (of 4 KiB) the journal has before they are written back into the file. With SQLite's own 1,000 each transaction of
/// a replay was written back by itself, and with it many pages that the next one changes again.
const JOURNAL_PAGES: &str = "8192";

/// Several processes that open one new file at once may meet while it becomes a WAL database, which
/// SQLite does not wait for by itself. This many waits of [`OPEN_PAUSE`] outlast any such meeting.
const OPEN_ATTEMPTS: u32 = 50;
const OPEN_PAUSE: Duration = Duration::from_millis(100);

/// An open SQLite file. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Database {
    path: Arc<Path>,
    writer: SqlitePool,
    readers: SqlitePool,
    viewers: SqlitePool,
    access: Access,
    /// Before the writer, for those who share transactions.
    turns: Turns,
    /// Before the writer.
    gate: Arc<Gate>,
    /// Bytes without which nothing is written after something failed.
    room_needed: u64,
}

/// What a file was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Reading and writing.
    Work,
    /// Reading what others write.
    ReadOnly,
    /// Read-only, no journal when opened: the readers may take the file for immutable. When a journal appears, somebody
    /// has begun to write, and the pool of the writer, which does not take it so, reads instead.
    ReadOnlyAtRest,
}

impl Database {
    /// Opens the file, and creates it when it does not exist; its directory must.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = location::absolute(path.as_ref())?;
        let mut attempt = 1;
        loop {
            match Self::connect(path.clone()).await {
                Err(error) if error.is_away() && attempt < OPEN_ATTEMPTS => {
                    attempt += 1;
                    tokio::time::sleep(OPEN_PAUSE).await;
                }
                outcome => return outcome.map_err(|error| error.in_file(&path)),
            }
        }
    }

    /// Opens the file that `url` names: `sqlite://relative.db`, `sqlite:///absolute.db`, or the same
    /// without the two slashes. `%20` and the like are decoded; there are no parameters.
    pub async fn open_url(url: &str) -> Result<Self, Error> {
        Self::open(location::from_url(url)?).await
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for running calls and closes all connections, of clones too.
    pub async fn close(&self) {
        self.viewers.close().await;
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Closes all connections and leaves one complete file, without a journal beside it. An error while
    /// another process has the file open.
    pub async fn close_alone(&self) -> Result<(), Error> {
        self.close().await;
        // The last connection to close writes the journal back and removes it.
        let mut journal = self.path.as_os_str().to_owned();
        journal.push("-wal");
        if Path::new(&journal).exists() {
            return Err(Error::Unavailable("is open in another process".to_owned()).in_file(&self.path));
        }
        Ok(())
    }

    /// Begins a write transaction of the caller's own, which no other writer can disturb. Dropping it undoes it. Those who
    /// write often [share](Self::write) theirs.
    pub(crate) async fn begin(&self) -> Result<Write, Error> {
        let pass = self.gate.pass(Need::Write, |_| Box::pin(self.probe())).await?;
        Ok(Write::new(self.begin_now().await?, Arc::clone(&self.gate), pass))
    }

    async fn begin_now(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        if self.access != Access::Work {
            return Err(self.blame(Error::Misconfigured("was opened read-only".to_owned())));
        }
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(|error| self.blame(error))
    }

    /// Makes `transaction` durable.
    pub(crate) async fn commit(&self, transaction: Write) -> Result<(), Error> {
        transaction.commit().await.map_err(|error| self.blame(error))
    }

    /// Connections for reading.
    pub(crate) fn readers(&self) -> &SqlitePool {
        if self.access == Access::ReadOnlyAtRest && read_only::has_journal(&self.path) {
            return &self.writer;
        }
        &self.readers
    }

    /// Connections for looking at the quotes, which nobody else waits for.
    pub(crate) fn viewers(&self) -> &SqlitePool {
        if self.access == Access::Work { &self.viewers } else { self.readers() }
    }

    /// What `error`, from a statement on this database, means; names the file. Shuts the gate when it is away: what
    /// cannot be read cannot be written either.
    pub(crate) fn blame(&self, error: impl Into<Error>) -> Error {
        let error = error.into().in_file(&self.path);
        if error.is_away() {
            self.gate.failed(Need::Write, &error);
        }
        error
    }

    fn with(path: PathBuf, writer: SqlitePool, readers: SqlitePool, access: Access) -> Self {
        let (turns, gate, viewers) = (Turns::default(), Arc::default(), readers.clone());
        Self { path: path.into(), writer, readers, viewers, access, turns, gate, room_needed: probe::ROOM }
    }

    async fn connect(path: PathBuf) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            // A portion of a conversion takes seconds, and is told of by itself.
            .disable_statement_logging()
            // The journal shrinks again after a burst of large pages.
            .pragma("journal_size_limit", "67108864");
        let working = options
            .clone()
            .pragma("cache_size", WRITER_CACHE)
            .pragma("wal_autocheckpoint", JOURNAL_PAGES)
            // What a savepoint may have to undo: otherwise SQLite writes more than 64 KiB of it into a temporary file, and a
            // transaction of the loader changes megabytes.
            .pragma("temp_store", "memory");
        let writer = pool(1).connect_with(working).await.map_err(|error| opening(&path, error))?;
        let reading = options.pragma("query_only", "ON");
        let readers = pool(READERS).connect_lazy_with(reading.clone());
        let viewers = pool(VIEWERS).connect_lazy_with(reading.pragma("cache_size", VIEWER_CACHE));
        Ok(Self { viewers, ..Self::with(path, writer, readers, Access::Work) })
    }
}

/// The file that a `sqlite:` URL names; see [`Database::open_url`].
pub fn file_of_url(url: &str) -> Result<PathBuf, Error> {
    location::from_url(url)
}

/// Connections to a local file do not age, and need one test before use. When a disk is full or fails, SQLite undoes the
/// transaction by itself, sqlx's own undoing then fails, and it believes for ever that the connection is within a transaction
/// (sqlx-sqlite 0.9, `connection/worker.rs`): the pool closes such a connection, and opens another.
fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(TURN_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
}

/// A file that cannot be opened is a wrong path more often than trouble that passes.
fn opening(path: &Path, error: sqlx::Error) -> Error {
    if path.is_dir() {
        return Error::Misconfigured("is a directory; name a file in it".to_owned());
    }
    if let Some(directory) = path.parent().filter(|directory| !directory.is_dir()) {
        let reason = format!("there is no directory {}; create it or name another file", directory.display());
        return Error::Misconfigured(reason);
    }
    if error.as_database_error().is_some_and(is_cannot_open) {
        let reason = "cannot be opened; check its permissions and those of its directory";
        return Error::Misconfigured(reason.to_owned());
    }
    error.into()
}
