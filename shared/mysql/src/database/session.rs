//! What every session on the server is set to, whatever the server's own settings are.

use std::pin::Pin;
use std::time::Duration;

use sqlx::mysql::MySqlConnection;
use sqlx::pool::PoolConnectionMetadata;
use sqlx::{AssertSqlSafe, Executor};

/// How long a statement waits for another transaction's lock on a row. Shorter than the server's 50 s: who
/// waits holds locks of its own.
const LOCK_WAIT_SECONDS: u64 = 5;

type SettingUp<'c> = Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + Send + 'c>>;

/// The pool's `after_connect`.
pub(super) fn set_up(
    statement_timeout: Duration,
) -> impl for<'c> Fn(&'c mut MySqlConnection, PoolConnectionMetadata) -> SettingUp<'c> + Send + Sync + 'static
{
    let seconds = statement_timeout.as_secs().max(1);
    move |connection, _| {
        Box::pin(async move {
            // The default, REPEATABLE READ, locks gaps, which makes loaders deadlock more often.
            connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
            connection.execute(AssertSqlSafe(settings(seconds))).await?;
            Ok(())
        })
    }
}

/// How long a connection may be idle in the pool before this side closes it. The pool looks as often as that, so it may be
/// twice as long, and has to be less than the server's limit (see `settings`): to lose a connection is an event in two logs, to
/// close one is none.
pub(super) fn idle_timeout(statement_timeout: Duration) -> Duration {
    statement_timeout.max(Duration::from_secs(1)) / 3
}

/// Both servers skip the comments that are meant for the other. MySQL ends only SELECTs that take too long;
/// the rest is up to this side. A session that asks nothing for as long as a statement may take is ended, with
/// its locks: its process may be frozen, or its host gone, in the middle of a transaction (the server's own
/// 8 hours would hold the others up). One that was only idle in the pool is replaced when it is needed.
fn settings(seconds: u64) -> String {
    let milliseconds = seconds * 1000;
    format!(
        "SET SESSION autocommit = 1, time_zone = '+00:00', \
             sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
                         NO_ENGINE_SUBSTITUTION', \
             /*M!100203 max_statement_time = {seconds}, */ \
             /*!80017 max_execution_time = {milliseconds}, information_schema_stats_expiry = 0, */ \
             innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}, lock_wait_timeout = {seconds}, \
             wait_timeout = {seconds}"
    )
}

/// The settings of a session that changes the schema, which may take as long as it takes.
pub(super) const PATIENT: &str = "SET SESSION /*M!100203 max_statement_time = 0, */ \
                                             /*!80017 max_execution_time = 0, */ lock_wait_timeout = 60";
