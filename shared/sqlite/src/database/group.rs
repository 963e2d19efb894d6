//! Group commit: those who wait for the file's one write lock share a transaction, and what making it durable costs.
//!
//! Whoever has done its part hands the transaction on to those who queued for it meanwhile, and queues again behind them. When
//! its turn comes again, all of those are done, and it commits for all. Nobody waits for company: a part that nobody waits
//! behind is committed at once.
//!
//! # Guarantees
//! - `Ok` comes after the commit, for each of a group.
//! - A part that fails, or is given up, undoes the transaction for all; the others do theirs again, and each commits at once.
//!   So one's trouble stays its own.

use std::sync::Arc;

use async_trait::async_trait;
use outage::Need;
use sqlx::{Sqlite, SqliteConnection, Transaction};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::time::timeout;

use super::{Database, TURN_TIMEOUT};
use crate::error::Error;

/// Statements that belong together. They may run more than once: what an earlier run did was undone.
#[async_trait]
pub(crate) trait Work: Sync {
    /// What comes of them.
    type Output: Send;

    /// Runs them in a transaction that others may share.
    async fn run(&self, connection: &mut SqliteConnection) -> Result<Self::Output, Error>;
}

/// The transaction that is handed on, when there is one; locked by whoever does a part.
pub(super) type Turns = Arc<Mutex<Option<Open>>>;

/// A transaction with the parts of some.
#[derive(Debug)]
pub(super) struct Open {
    transaction: Transaction<'static, Sqlite>,
    /// Told how the commit ended; dropped when all was undone.
    members: Vec<oneshot::Sender<Result<(), Error>>>,
}

type Turn = OwnedMutexGuard<Option<Open>>;

impl Database {
    /// Does `work`, durably.
    pub(crate) async fn write<W: Work>(&self, work: &W) -> Result<W::Output, Error> {
        // After it was undone: it hands nothing on.
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

    /// Waits for the turn.
    async fn turn(&self) -> Result<Turn, Error> {
        let mut leaving = Leaving { turns: Some(&self.turns) };
        let turn = timeout(TURN_TIMEOUT, Arc::clone(&self.turns).lock_owned()).await;
        let turn =
            turn.map_err(|_elapsed| self.blame(Error::Unavailable("its writers are too slow".to_owned())))?;
        leaving.turns = None;
        Ok(turn)
    }

    /// The transaction that was handed on, or a new one.
    async fn connection<'p>(&self, part: &'p mut Part) -> Result<&'p mut SqliteConnection, Error> {
        let turn = part.turn.as_mut().expect("held until it is done");
        let open = match turn.take() {
            Some(open) => open,
            None => Open { transaction: self.begin_now().await?, members: Vec::new() },
        };
        Ok(&mut turn.insert(open).transaction)
    }

    /// Lets those who queued do their parts, and commits for all unless another one did. `None`: all was undone.
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

    /// Commits on a task of its own, which ends whoever is given up.
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
            // Who gets the turn now has been told.
            drop(turn);
        });
    }
}

/// The turn of one who does its part. Dropping it undoes what the transaction has.
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

/// Somebody in the queue. When it leaves early and was the last, nobody is left to commit what may be open, and it is undone.
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
