//! Group commit: callers that wait for the file's one write lock share a transaction, and its fsync.
//!
//! A caller runs its statements (its *part*), passes the open transaction on to the callers in the queue, and queues again
//! behind them. When it gets the lock again, all of those have run theirs, and it commits for all. A caller that nobody waits
//! behind commits at once.
//!
//! # Guarantees
//! - `Ok` comes after the commit, for every caller.
//! - When a part fails, or its caller is dropped, the transaction is rolled back for all. The others run theirs again, and each
//!   commits at once, so that one caller's error is not the error of the others.

use std::sync::Arc;

use async_trait::async_trait;
use outage::Need;
use sqlx::{Sqlite, SqliteConnection, Transaction};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::time::timeout;

use super::{Database, TURN_TIMEOUT};
use crate::error::Error;

/// Statements that belong together. They may run more than once: the earlier run was rolled back.
#[async_trait]
pub(crate) trait Work: Sync {
    /// What comes of them.
    type Output: Send;

    /// Runs them in a transaction that others may share.
    async fn run(&self, connection: &mut SqliteConnection) -> Result<Self::Output, Error>;
}

/// The transaction that is passed on, when one is open. Locked while a part runs.
pub(super) type Turns = Arc<Mutex<Option<Open>>>;

/// A transaction with the parts of several callers.
#[derive(Debug)]
pub(super) struct Open {
    transaction: Transaction<'static, Sqlite>,
    /// For each part, who is told how the commit ended. Dropped when the transaction is rolled back.
    members: Vec<oneshot::Sender<Result<(), Error>>>,
}

type Turn = OwnedMutexGuard<Option<Open>>;

impl Database {
    /// Runs `work`, and returns when it is committed.
    pub(crate) async fn write<W: Work>(&self, work: &W) -> Result<W::Output, Error> {
        // Set after a rollback: then it commits at once.
        let mut is_alone = false;
        loop {
            let _pass = self.gate.pass(Need::Write, |_| Box::pin(self.probe())).await?;
            let mut part = Part { turn: Some(self.turn().await?) };
            let output = work.run(self.connection(&mut part).await?).await;
            let output = output.map_err(|error| self.blame(error))?;
            let (told, answer) = oneshot::channel();
            let turn = part.done(told);
            let committed = if is_alone {
                self.commit_for_all(turn);
                answer.await.ok()
            } else {
                self.hand_on(turn, answer).await
            };
            match committed {
                Some(committed) => return committed.map(|()| output),
                None => is_alone = true,
            }
        }
    }

    /// Waits for the lock.
    async fn turn(&self) -> Result<Turn, Error> {
        let mut leaving = Leaving { turns: Some(&self.turns) };
        let turn = timeout(TURN_TIMEOUT, Arc::clone(&self.turns).lock_owned()).await;
        let turn =
            turn.map_err(|_elapsed| self.blame(Error::Unavailable("its writers are too slow".to_owned())))?;
        leaving.turns = None;
        Ok(turn)
    }

    /// The transaction that was passed on, or a new one.
    async fn connection<'p>(&self, part: &'p mut Part) -> Result<&'p mut SqliteConnection, Error> {
        let turn = part.turn.as_mut().expect("held until it is done");
        let open = match turn.take() {
            Some(open) => open,
            None => Open { transaction: self.begin_now().await?, members: Vec::new() },
        };
        Ok(&mut turn.insert(open).transaction)
    }

    /// Passes the transaction on to the callers in the queue, and commits for all unless one of them did. `None` when it was
    /// rolled back.
    async fn hand_on(
        &self,
        turn: Turn,
        mut answer: oneshot::Receiver<Result<(), Error>>,
    ) -> Option<Result<(), Error>> {
        let mut leaving = Leaving { turns: Some(&self.turns) };
        drop(turn);
        let committed = tokio::select! {
            biased;
            told = &mut answer => told.ok(),
            turn = Arc::clone(&self.turns).lock_owned() => match answer.try_recv() {
                Ok(told) => Some(told),
                Err(TryRecvError::Closed) => None,
                Err(TryRecvError::Empty) => {
                    self.commit_for_all(turn);
                    answer.await.ok()
                }
            },
        };
        leaving.turns = None;
        committed
    }

    /// Commits on a task of its own, so that a caller that is dropped does not interrupt it.
    fn commit_for_all(&self, mut turn: Turn) {
        let database = self.clone();
        tokio::spawn(async move {
            let Some(Open { transaction, members }) = turn.take() else { return };
            let committed = transaction.commit().await.map_err(|error| database.blame(error));
            if committed.is_ok() {
                database.gate.worked(Need::Write);
            }
            for member in members {
                let _gone = member.send(committed.clone());
            }
            // Last: whoever gets the lock next has been told by then.
            drop(turn);
        });
    }
}

/// The lock while a part runs. Dropped before it is [`done`](Self::done), it rolls the transaction back.
struct Part {
    turn: Option<Turn>,
}

impl Part {
    /// The part is done; `told` is told how the commit ends.
    fn done(mut self, told: oneshot::Sender<Result<(), Error>>) -> Turn {
        let mut turn = self.turn.take().expect("held until it is done");
        if let Some(open) = turn.as_mut() {
            open.members.push(told);
        }
        turn
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(mut turn) = self.turn.take() {
            turn.take();
        }
    }
}

/// A caller in the queue. When it is dropped there and was the last one, nobody is left to commit, so an open transaction is
/// rolled back.
struct Leaving<'t> {
    turns: Option<&'t Turns>,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if let Some(mut turn) = self.turns.and_then(|turns| turns.try_lock().ok()) {
            turn.take();
        }
    }
}

#[cfg(test)]
mod tests;
