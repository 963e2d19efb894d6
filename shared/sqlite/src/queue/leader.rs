//! Leadership: a lease on the one row of `queue_leader`, renewed while the term is held.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::timestamp::later;
use ports::{Leadership, QueueError, Term};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

use super::lease::renewal_interval;
use super::{Inner, SqliteQueue};
use crate::error::Error;

/// How often to look whether another process gave the lease back, or lost it.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

#[async_trait]
impl Leadership for SqliteQueue {
    async fn lead(&self) -> Result<Box<dyn Term>, QueueError> {
        let inner = &self.inner;
        loop {
            if inner.is_free().await? {
                // On a task of its own: when the caller stops waiting, a term that was won all the same is
                // dropped within that task, which gives it back.
                let winning = inner.tasks.spawn(win(Arc::clone(inner)));
                if let Some(term) = winning.await.map_err(QueueError::unavailable)?? {
                    return Ok(Box::new(term));
                }
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

impl Inner {
    async fn is_free(&self) -> Result<bool, Error> {
        let sql = "SELECT expires_at FROM queue_leader";
        let expires_at: Result<i64, _> = sqlx::query_scalar(sql).fetch_one(self.database.readers()).await;
        Ok(expires_at.map_err(|error| self.database.blame(error))? <= self.clock.now().timestamp_millis())
    }

    /// Writes what `sql` says, with one row or none changed; `false`: none, so the term is over.
    async fn change_term(&self, number: i64, change: Change<'_>) -> Result<bool, Error> {
        let mut transaction = self.database.begin().await?;
        let now = self.clock.now();
        let until = later(now, self.options.lease).timestamp_millis();
        let query = match change {
            Change::Renew => {
                sqlx::query("UPDATE queue_leader SET expires_at = ?1 WHERE term = ?2 AND expires_at > 0")
                    .bind(until)
                    .bind(number)
            }
            Change::Write(note) => sqlx::query(
                "UPDATE queue_leader SET expires_at = ?1, note = ?3 WHERE term = ?2 AND expires_at > 0",
            )
            .bind(until)
            .bind(number)
            .bind(note.to_owned()),
            Change::End => sqlx::query("UPDATE queue_leader SET expires_at = 0 WHERE term = ?1").bind(number),
        };
        let changed = query.execute(&mut *transaction).await;
        let changed = changed.map_err(|error| self.database.blame(error))?.rows_affected();
        self.database.commit(transaction).await?;
        Ok(changed > 0)
    }
}

enum Change<'a> {
    Renew,
    Write(&'a [u8]),
    End,
}

/// Begins a term, unless someone else was faster.
async fn win(queue: Arc<Inner>) -> Result<Option<SqliteTerm>, Error> {
    let mut transaction = queue.database.begin().await?;
    let now = queue.clock.now();
    let won = sqlx::query_as::<_, (i64, Option<Vec<u8>>)>(
        "UPDATE queue_leader SET term = term + 1, expires_at = ? WHERE expires_at <= ? RETURNING term, note",
    )
    .bind(later(now, queue.options.lease).timestamp_millis())
    .bind(now.timestamp_millis())
    .fetch_optional(&mut *transaction)
    .await;
    let won = won.map_err(|error| queue.database.blame(error))?;
    queue.database.commit(transaction).await?;
    Ok(won.map(|(number, note)| {
        let over = CancellationToken::new();
        let unheld = CancellationToken::new();
        tokio::spawn(renew(Arc::clone(&queue), number, now, over.clone(), unheld.clone()));
        SqliteTerm { queue, number, note, over, _held: unheld.drop_guard() }
    }))
}

/// Renews the term until it is over or no longer held.
async fn renew(
    queue: Arc<Inner>,
    number: i64,
    mut renewed_at: DateTime<Utc>,
    over: CancellationToken,
    unheld: CancellationToken,
) {
    let mut is_failing = false;
    loop {
        tokio::select! {
            () = queue.clock.sleep(renewal_interval(queue.options.lease)) => {}
            () = unheld.cancelled() => return,
            () = over.cancelled() => return,
        }
        let now = queue.clock.now();
        match queue.change_term(number, Change::Renew).await {
            Ok(true) => (renewed_at, is_failing) = (now, false),
            Ok(false) => return over.cancel(),
            Err(error) => {
                if !is_failing {
                    warn!(%error, "cannot renew the lead; another fetcher may take over");
                }
                is_failing = true;
                if later(renewed_at, queue.options.lease) <= now {
                    return over.cancel();
                }
            }
        }
    }
}

struct SqliteTerm {
    queue: Arc<Inner>,
    number: i64,
    note: Option<Vec<u8>>,
    over: CancellationToken,
    /// Ends the renewal.
    _held: DropGuard,
}

#[async_trait]
impl Term for SqliteTerm {
    fn note(&self) -> Option<&[u8]> {
        self.note.as_deref()
    }

    async fn write(&mut self, note: Vec<u8>) -> Result<(), QueueError> {
        match self.queue.change_term(self.number, Change::Write(&note)).await {
            Ok(true) => {
                self.note = Some(note);
                Ok(())
            }
            Ok(false) => {
                self.over.cancel();
                Err(QueueError::Lost)
            }
            Err(error) => {
                self.over.cancel();
                Err(error.into())
            }
        }
    }

    async fn over(&mut self) {
        self.over.cancelled().await;
    }
}

impl Drop for SqliteTerm {
    fn drop(&mut self) {
        let (queue, number) = (Arc::clone(&self.queue), self.number);
        let end = async move {
            if let Err(error) = queue.change_term(number, Change::End).await {
                warn!(%error, "cannot give the lead back; another fetcher leads after its lease");
            }
        };
        self.queue.tasks.spawn_on(end, &self.queue.runtime);
    }
}
