//! Probing whether the server can do what a call needs.

use std::time::Duration;

use outage::{Away, Need};
use sqlx::{AssertSqlSafe, Executor};

use super::Database;
use crate::error::Error;

/// How long a probe may take. The handling of a message waits for it, and has a deadline.
const LONGEST: Duration = Duration::from_secs(10);

impl Database {
    /// `Ok` when the server takes writes now.
    pub(crate) async fn ready(&self) -> Result<(), Error> {
        let failing = self.gate.failing();
        drop(self.gate.pass(Need::Write, |need| self.probe(need)).await?);
        // Passing a gate that is shut for writes means that the probe just succeeded, or that this call is the trial.
        if failing == Some(Need::Write) {
            return Ok(());
        }
        let looked = self.probe(Need::Write).await;
        if let Err(error) = &looked
            && error.is_away()
        {
            self.gate.failed(Need::Write, error);
        }
        looked
    }

    /// Finds out whether the server can do what is needed. The probe of writing commits a write, because a server that is
    /// read-only, has no room for its logs, or lost its cluster refuses only that. It proves little about room for many
    /// rows.
    pub(super) async fn probe(&self, need: Need) -> Result<(), Error> {
        self.migrate_now().await?;
        let looking = self.in_time(Box::pin(self.ask(need)));
        let looked = tokio::time::timeout(LONGEST, looking)
            .await
            .unwrap_or_else(|_elapsed| Err(Error::Unavailable(format!("no answer within {LONGEST:?}"))));
        looked.map_err(|error| self.blame(error))
    }

    async fn ask(&self, need: Need) -> Result<(), sqlx::Error> {
        let mut lease = self.lease().await?;
        let connection = lease.connection();
        match self.schema.filter(|_| need == Need::Write) {
            Some(schema) => {
                connection.execute("START TRANSACTION READ WRITE").await?;
                // Writes a number that nobody reads. It changes each time, because MySQL does not write an unchanged row.
                let write = format!(
                    "UPDATE {} SET execution_time = -1 - execution_time WHERE version = 1",
                    schema.table
                );
                connection.execute(AssertSqlSafe(write)).await?;
                connection.execute("COMMIT").await?;
            }
            None => {
                connection.execute("DO 0").await?;
            }
        }
        lease.give_back();
        Ok(())
    }
}
