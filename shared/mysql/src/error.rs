//! What a server cannot do, and which of the port's two answers it is: wait, or change something.

mod number;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;

use outage::Away;
use ports::StoreError;
use sqlx::mysql::MySqlDatabaseError;

use number::Meaning;

/// Why a MySQL or MariaDB database cannot be used. Never holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Away, busy, full or read-only. Waiting helps.
    Unavailable(String),
    /// A wrong URL, a refused login, a missing right or table, a newer schema. Someone has to act.
    Misconfigured(String),
}

impl Error {
    /// The same error, saying which database it is about.
    #[must_use]
    pub(crate) fn at(self, place: &str) -> Self {
        match self {
            Self::Unavailable(reason) => Self::Unavailable(format!("{place}: {reason}")),
            Self::Misconfigured(reason) => Self::Misconfigured(format!("{place}: {reason}")),
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

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::by_adapter(error.is_away(), error.to_string())
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if let Some(answer) = server_error(&error) {
            let text = format!("{} (error {})", answer.message(), answer.number());
            return match number::meaning(answer.number(), answer.code().unwrap_or_default()) {
                Meaning::Collided | Meaning::Unavailable => Self::Unavailable(text),
                Meaning::Misconfigured(hint) => Self::Misconfigured(format!("{text}; {hint}")),
                // Loading sets such rows aside; whatever else is written fits the tables as they were made.
                Meaning::Refused => Self::Misconfigured(format!(
                    "{text}; the tables are not as coinpipe made them: undo the change"
                )),
            };
        }
        match error {
            // What rustls says about a certificate arrives as an I/O error of this kind.
            sqlx::Error::Io(source) if source.kind() == io::ErrorKind::InvalidData => {
                Self::Misconfigured(format!("{source}; {TLS_HINT}"))
            }
            sqlx::Error::Tls(source) => Self::Misconfigured(format!("{source}; {TLS_HINT}")),
            // The text of the setting may be a secret.
            sqlx::Error::Configuration(_) => {
                Self::Misconfigured(format!("cannot be used as configured; {TLS_HINT}"))
            }
            sqlx::Error::Protocol(what) if what.contains("auth") || what.contains("rsa") => {
                Self::Misconfigured(format!(
                    "{what}; log in over TLS (ssl-mode=required), or as a user with another plugin"
                ))
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unavailable(error.to_string()),
            // What remains is a row that does not look as the schema says.
            _ => Self::Misconfigured(format!("unexpected content: {error}")),
        }
    }
}

const TLS_HINT: &str = "see ssl-mode (disabled, required, verify_ca, verify_identity) and ssl-ca in the URL";

/// What the server answered instead of doing what it was asked.
fn server_error(error: &sqlx::Error) -> Option<&MySqlDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

fn meaning_of(error: &sqlx::Error) -> Option<Meaning> {
    let answer = server_error(error)?;
    Some(number::meaning(answer.number(), answer.code().unwrap_or_default()))
}

/// Whether another transaction was in the way: done again, the same transaction can succeed at once.
pub(crate) fn is_collision(error: &sqlx::Error) -> bool {
    meaning_of(error) == Some(Meaning::Collided)
}

/// The reason, when `error` says that the values of a row do not fit the tables. Waiting cannot help then,
/// and the operator need not act before other rows go on.
pub(crate) fn refusal(error: &sqlx::Error) -> Option<String> {
    let refused = meaning_of(error) == Some(Meaning::Refused);
    server_error(error).filter(|_| refused).map(|answer| answer.message().to_owned())
}

/// Whether a row with this key is there already.
pub(crate) fn is_duplicate(error: &sqlx::Error) -> bool {
    server_error(error).is_some_and(|answer| answer.number() == number::DUPLICATE)
}

/// Whether there is no such table.
pub(crate) fn is_missing_table(error: &sqlx::Error) -> bool {
    server_error(error).is_some_and(|answer| answer.number() == number::NO_SUCH_TABLE)
}

/// Whether the user may not do it.
pub(crate) fn is_denied(error: &sqlx::Error) -> bool {
    server_error(error).is_some_and(|answer| number::DENIED.contains(&answer.number()))
}
