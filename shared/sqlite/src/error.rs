//! What SQLite cannot do, and which of the ports' two answers it is: wait, or change something.

use std::fmt;
use std::path::Path;

use ports::{QueueError, StoreError};
use sqlx::error::DatabaseError;

/// Why a SQLite file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Busy, full, read-only or a failing disk. Waiting helps.
    Unavailable(String),
    /// Not a database, damaged, of a newer version, or in a place that does not exist. Someone has to act.
    Misconfigured(String),
}

impl Error {
    /// Whether waiting and trying again can help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// The same error, saying which file it is about.
    #[must_use]
    pub(crate) fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Unavailable(reason) => Self::Unavailable(format!("{}: {reason}", path.display())),
            Self::Misconfigured(reason) => Self::Misconfigured(format!("{}: {reason}", path.display())),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unavailable(reason) | Self::Misconfigured(reason)) = self;
        f.write_str(reason)
    }
}

impl std::error::Error for Error {}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(database) = &error else { return without_code(&error) };
        let message = database.message();
        let code = primary_code(&**database);
        match code {
            BUSY | LOCKED | PROTOCOL => Self::Unavailable(format!("another process is writing ({message})")),
            FULL => Self::Unavailable(format!("the disk is full ({message})")),
            READONLY => Self::Unavailable(format!("the file cannot be written ({message})")),
            NOMEM | INTERRUPT | IOERR | CANTOPEN => Self::Unavailable(format!("{message} (code {code})")),
            NOTADB => Self::Misconfigured(format!("{message}; move it away or name another file")),
            CORRUPT => Self::Misconfigured(format!("{message}; restore it from a backup or move it away")),
            _ => Self::Misconfigured(format!("{message} (code {code})")),
        }
    }
}

/// The code without its details, which are in the higher bytes: <https://sqlite.org/rescode.html>
fn primary_code(error: &dyn DatabaseError) -> i32 {
    error.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or_default() & 0xff
}

/// Whether SQLite could not open the file, or create it.
pub(crate) fn is_cannot_open(error: &(dyn DatabaseError + 'static)) -> bool {
    primary_code(error) == CANTOPEN
}

const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NOMEM: i32 = 7;
const READONLY: i32 = 8;
const INTERRUPT: i32 = 9;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const PROTOCOL: i32 = 15;
const NOTADB: i32 = 26;

fn without_code(error: &sqlx::Error) -> Error {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Io(_) => Error::Unavailable(error.to_string()),
        // What remains is a row that does not look as the schema says.
        _ => Error::Misconfigured(format!("unexpected content: {error}")),
    }
}

impl From<Error> for QueueError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(reason) => Self::Unavailable { reason },
            Error::Misconfigured(reason) => Self::Misconfigured { reason },
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(reason) => Self::Unavailable { reason },
            Error::Misconfigured(reason) => Self::Misconfigured { reason },
        }
    }
}
