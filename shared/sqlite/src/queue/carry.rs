//! Taking what waits in one queue over into another, when a file is moved out of the way.

use domain::{Message, QueueName};
use ports::{Queue as _, QueueError};
use sqlx::Row;

use super::SqliteQueue;
use super::message_row::message_from;
use crate::error::Error;

impl SqliteQueue {
    /// Publishes here what waits in `from` and `is_wanted`, in the order in which it was published there, one message at a time.
    /// When there is any, what leaders noted there is taken over, too: it tells which slots were paid for. `from` stays as it is.
    /// Gives the number of messages.
    pub async fn take_over(
        &self,
        from: &Self,
        is_wanted: impl Fn(QueueName, &Message) -> bool + Send + Sync,
    ) -> Result<u64, QueueError> {
        let mut taken = 0;
        let mut last = 0;
        while let Some((seq, queue, message)) = from.next_after(last).await? {
            last = seq;
            if is_wanted(queue, &message) {
                self.publish(queue, std::slice::from_ref(&message)).await?;
                taken += 1;
            }
        }
        if taken > 0 {
            self.take_over_note(from).await?;
        }
        Ok(taken)
    }

    /// The first message after the number `last`, whoever holds it.
    async fn next_after(&self, last: i64) -> Result<Option<(i64, QueueName, Message)>, Error> {
        let database = &self.file.database;
        let next = sqlx::query(
            "SELECT seq, queue, id, headers, body FROM queue_messages LEFT JOIN queue_bodies ON number = seq \
             WHERE seq > ? ORDER BY seq LIMIT 1",
        );
        let row = next.bind(last).fetch_optional(database.readers()).await;
        let Some(row) = row.map_err(|error| database.blame(error))? else { return Ok(None) };
        let name: &str = row.try_get("queue")?;
        let queue = QueueName::ALL.into_iter().find(|queue| queue.as_str() == name);
        let queue = queue.ok_or_else(|| Error::Misconfigured(format!("has a queue {name:?}")))?;
        Ok(Some((row.try_get("seq")?, queue, message_from(&row)?)))
    }

    async fn take_over_note(&self, from: &Self) -> Result<(), Error> {
        let (here, there) = (&self.file.database, &from.file.database);
        let note = sqlx::query_scalar("SELECT note FROM queue_leader").fetch_one(there.readers()).await;
        let note: Option<Vec<u8>> = note.map_err(|error| there.blame(error))?;
        let mut transaction = here.begin().await?;
        let noted =
            sqlx::query("UPDATE queue_leader SET note = ?").bind(note).execute(&mut *transaction).await;
        noted.map_err(|error| here.blame(error))?;
        here.commit(transaction).await
    }
}
