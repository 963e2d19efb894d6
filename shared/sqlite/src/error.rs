//! What SQLite cannot do, and which of the ports' two answers it is: wait, or change something.

mod code;

use std::fmt;
use std::path::Path;

use outage::Away;
use ports::{QueueError, StoreError};
use sqlx::error::DatabaseError;

use code::Meaning;

/// Why a SQLite file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Busy, full, read-only or a failing disk. Waiting helps.
    Unavailable(String),
    /// Not a database, damaged, of a newer version, or in a place that does not exist. Someone has to act.
    Misconfigured(String),
}

impl Error {
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

impl Away for Error {
    fn is_away(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    fn away(reason: String) -> Self {
        Self::Unavailable(reason)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(database) = &error else { return without_code(&error) };
        let (message, code) = (database.message(), code_of(&**database));
        match code::meaning(code) {
            Meaning::Unavailable(what) => Self::Unavailable(format!("{what} ({message}, code {code})")),
            Meaning::Misconfigured(hint) => Self::Misconfigured(format!("{message} (code {code}); {hint}")),
            // Loading sets such rows aside; whatever else is written fits the tables as they were made.
            Meaning::Refused => Self::Misconfigured(format!(
                "{message} (code {code}); the tables are not as coinpipe made them: undo the change"
            )),
        }
    }
}

/// The extended result code.
fn code_of(error: &dyn DatabaseError) -> i32 {
    error.code().and_then(|code| code.parse().ok()).unwrap_or_default()
}

/// Whether SQLite could not open the file, or create it.
pub(crate) fn is_cannot_open(error: &(dyn DatabaseError + 'static)) -> bool {
    code_of(error) & 0xff == code::CANTOPEN
}

/// The reason, when `error` says that the values of a row do not fit the tables. Waiting cannot help then, and
/// the operator need not act before other rows go on.
pub(crate) fn refusal(error: &sqlx::Error) -> Option<String> {
    let database = error.as_database_error()?;
    (code::meaning(code_of(database)) == Meaning::Refused).then(|| database.message().to_owned())
}

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
        Self::by_adapter(error.is_away(), error.to_string())
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::by_adapter(error.is_away(), error.to_string())
    }
}
