//! Leadership: a lease on the one row of `queue_leader`, renewed while the term is held.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::timestamp::later;
use ports::{QueueError, Term};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

use super::file::QueueFile;
use super::renewal::renewal_interval;
use crate::error::Error;

/// How often to check whether the lease of another process ended or expired.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Waits until this process leads.
pub(super) async fn lead(queue: &Arc<QueueFile>) -> Result<Box<dyn Term>, QueueError> {
    loop {
        if is_free(queue).await? {
            // On a task of its own: when the caller stops waiting and the term was won, the task drops the term, which
            // ends it.
            let winning = queue.tasks.spawn(win(Arc::clone(queue)));
            if let Some(term) = winning.await.map_err(QueueError::unavailable)?? {
                return Ok(Box::new(term));
            }
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn is_free(queue: &QueueFile) -> Result<bool, Error> {
    let sql = "SELECT expires_at FROM queue_leader";
    let expires_at: Result<i64, _> = sqlx::query_scalar(sql).fetch_one(queue.database.readers()).await;
    Ok(expires_at.map_err(|error| queue.database.blame(error))? <= queue.clock.now().timestamp_millis())
}

/// Changes the row of the term `number`; `false`: that term has ended, or another one began.
async fn change_term(queue: &QueueFile, number: i64, change: TermChange<'_>) -> Result<bool, Error> {
    let mut transaction = queue.database.begin().await?;
    let now = queue.clock.now();
    let until = later(now, queue.options.lease).timestamp_millis();
    let query = match change {
        TermChange::Renew => {
            sqlx::query("UPDATE queue_leader SET expires_at = ?1 WHERE term = ?2 AND expires_at > 0")
                .bind(until)
                .bind(number)
        }
        TermChange::Write(note) => sqlx::query(
            "UPDATE queue_leader SET expires_at = ?1, note = ?3 WHERE term = ?2 AND expires_at > 0",
        )
        .bind(until)
        .bind(number)
        .bind(note.to_owned()),
        TermChange::End => sqlx::query("UPDATE queue_leader SET expires_at = 0 WHERE term = ?1").bind(number),
    };
    let changed = query.execute(&mut *transaction).await;
    let changed = changed.map_err(|error| queue.database.blame(error))?.rows_affected();
    queue.database.commit(transaction).await?;
    Ok(changed > 0)
}

enum TermChange<'a> {
    Renew,
    Write(&'a [u8]),
    End,
}

/// Begins a term, unless another process was faster.
async fn win(queue: Arc<QueueFile>) -> Result<Option<SqliteTerm>, Error> {
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
    queue: Arc<QueueFile>,
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
        match change_term(&queue, number, TermChange::Renew).await {
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
    queue: Arc<QueueFile>,
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
        match change_term(&self.queue, self.number, TermChange::Write(&note)).await {
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
            if let Err(error) = change_term(&queue, number, TermChange::End).await {
                warn!(%error, "cannot give the lead back; another fetcher leads after its lease");
            }
        };
        self.queue.tasks.spawn_on(end, &self.queue.runtime);
    }
}
