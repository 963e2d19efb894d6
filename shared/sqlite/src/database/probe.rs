//! Probing whether the file can be written.

use outage::Need;
use rustix::io::Errno;
use sqlx::{AssertSqlSafe, Executor};

use super::Database;
use crate::error::Error;

/// Free bytes on the disk without which no write is tried: a page of 5,000 coins twice (queue and archive), and as much
/// again for the journal. A probe by a small write proves less: it fits into the room that the journal has already.
pub(super) const ROOM: u64 = 8 << 20;

impl Database {
    /// `Ok` when the file takes writes now.
    pub(crate) async fn ready(&self) -> Result<(), Error> {
        let was_shut = self.gate.failing().is_some();
        drop(self.gate.pass(Need::Write, |_| Box::pin(self.probe())).await?);
        // Passing a shut gate means that the probe just succeeded, or that this call is the trial.
        if was_shut { Ok(()) } else { self.probe().await }
    }

    /// Finds out whether the disk has room, and whether the file can be written: it commits a write of a number that nobody
    /// reads, with its old value.
    pub(super) async fn probe(&self) -> Result<(), Error> {
        let room = self.room().map_err(|error| self.blame(error))?;
        if room < self.room_needed {
            return Err(self.blame(Error::Unavailable(format!("the disk is full ({room} bytes are free)"))));
        }
        let mut transaction = self.begin_now().await?;
        let written = async {
            let number: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await?;
            transaction.execute(AssertSqlSafe(format!("PRAGMA user_version = {number}"))).await?;
            transaction.commit().await
        };
        written.await.map_err(|error| self.blame(error))
    }

    /// Free bytes on the disk of the file, for this process.
    fn room(&self) -> Result<u64, Error> {
        // The folder, because the file itself may not exist.
        let folder = self.path().parent().unwrap_or(self.path());
        match rustix::fs::statvfs(folder) {
            Ok(disk) => Ok(disk.f_bavail.saturating_mul(disk.f_frsize)),
            Err(Errno::NOSYS) => Ok(u64::MAX),
            Err(errno) => Err(Error::Unavailable(format!("its disk cannot be asked for room: {errno}"))),
        }
    }
}
