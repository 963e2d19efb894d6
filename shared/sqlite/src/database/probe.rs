//! Probing whether the file takes writes, before one is made.

use outage::Need;
use rustix::io::Errno;
use sqlx::{AssertSqlSafe, Executor};

use super::Database;
use crate::error::Error;

/// Room on the disk without which nothing is tried, in bytes: a page of 5,000 coins twice, for it is in the queue and
/// in the archive, and as much again for the journal. A small write finds room where a page does not, for the journal
/// keeps what it had.
pub(super) const ROOM: u64 = 8 << 20;

impl Database {
    /// `Ok` when the file takes writes now.
    pub(crate) async fn ready(&self) -> Result<(), Error> {
        let was_shut = self.gate.failing().is_some();
        drop(self.gate.pass(Need::Write, |_| Box::pin(self.probe())).await?);
        // Who passes a gate that is shut was told, or is what is tried.
        if was_shut { Ok(()) } else { self.probe().await }
    }

    /// Finds out whether the disk has room, and whether the file can be written: by a write that is made for good, of
    /// a number that nobody reads, as it is.
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

    /// Bytes that this process may still write on the file's disk.
    fn room(&self) -> Result<u64, Error> {
        // The file itself may be away, and what is asked is about its disk.
        let folder = self.path().parent().unwrap_or(self.path());
        match rustix::fs::statvfs(folder) {
            Ok(disk) => Ok(disk.f_bavail.saturating_mul(disk.f_frsize)),
            Err(Errno::NOSYS) => Ok(u64::MAX),
            Err(errno) => Err(Error::Unavailable(format!("its disk cannot be asked for room: {errno}"))),
        }
    }
}
