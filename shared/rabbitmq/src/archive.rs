//! The archive: a stream to which each page is appended once, after the work queue has confirmed it.
//!
//! Work queue and archive have an exchange each and are published to one after the other, so neither confirms for the
//! other, and the archive gets nothing that the work queue refused. While the stream is away, pages go to the durable
//! queue *unarchived*, from which [`catch_up()`] appends them later. A page is published when it is on the work queue and
//! on one of these two. Until then the caller keeps it; publishing it again goes on where it failed.

mod archived_ids;
mod catch_up;
mod confirmed;
mod read;
mod stream;
mod unarchivable;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};

use domain::Message;
use ports::{QueueError, QueueName};
use tokio::task::AbortHandle;

#[cfg(test)]
pub(crate) use self::archived_ids::MOST;
use self::catch_up::catch_up;
use self::confirmed::{Confirmed, Key};
pub(crate) use self::read::{range, read};
use self::writer::ArchiveWriter;
use crate::Options;
use crate::client::Client;
use crate::publish::RoutedMessage;
use crate::topology::LIVE;

/// Publishes pages on the work queue *raw* and appends them to the archive.
pub(crate) struct ArchivedQueue {
    client: Arc<Client>,
    writer: Arc<ArchiveWriter>,
    confirmed: Confirmed,
    catching_up: Mutex<Option<AbortHandle>>,
}

impl ArchivedQueue {
    /// Not connected yet. `options` are those of the connection to the archive.
    pub(crate) fn new(client: Arc<Client>, options: &Options) -> Self {
        let writer = Arc::new(ArchiveWriter::new(Arc::clone(&client), options));
        Self { client, writer, confirmed: Confirmed::default(), catching_up: Mutex::default() }
    }

    /// Publishes `messages` on the work queue *raw*, and archives the live pages among them.
    pub(crate) async fn publish(&self, messages: &[Message]) -> Result<(), QueueError> {
        let (live, again): (Vec<&Message>, Vec<&Message>) =
            messages.iter().partition(|message| QueueName::Raw.archives(message));
        let keys: Vec<Key> = live.iter().map(|page| Key::of(page)).collect();
        let exchange = self.client.names.pages();
        let route = |message, key| RoutedMessage { exchange: &exchange, key, message };
        let are_new: Vec<bool> = keys.iter().map(|key| !self.confirmed.contains(key)).collect();
        let new =
            live.iter().zip(&are_new).filter(|(_, is_new)| **is_new).map(|(page, _)| route(*page, LIVE));
        let again = again.into_iter().map(|message| route(message, "raw.again"));
        self.client.publisher.publish(&new.chain(again).collect::<Vec<_>>()).await?;
        if live.is_empty() {
            return Ok(());
        }
        self.confirmed.insert(&keys);
        self.keep_catching_up();
        for (page, is_new) in live.iter().zip(are_new) {
            if is_new {
                self.writer.keep(page).await?;
            } else {
                // The stream may have it since the last time, or the queue *unarchived*, whose consumer appends it now.
                self.writer.keep_for_later(page).await?;
            }
        }
        self.confirmed.remove(&keys);
        Ok(())
    }

    /// Appends what is on the queue *unarchived* in the background, whoever published it.
    pub(crate) fn keep_catching_up(&self) {
        let mut catching_up = self.catching_up.lock().unwrap_or_else(PoisonError::into_inner);
        if catching_up.as_ref().is_none_or(AbortHandle::is_finished) {
            let task = self.client.runtime.spawn(catch_up(Arc::downgrade(&self.writer)));
            *catching_up = Some(task.abort_handle());
        }
    }

    /// Closes its connection. What is on the queue *unarchived* stays there.
    pub(crate) async fn close(&self) {
        self.stop_catching_up();
        self.writer.connection().close().await;
    }

    /// What appends.
    #[cfg(test)]
    pub(crate) fn writer(&self) -> &ArchiveWriter {
        &self.writer
    }

    fn stop_catching_up(&self) {
        let mut catching_up = self.catching_up.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = catching_up.take() {
            task.abort();
        }
    }
}

impl Drop for ArchivedQueue {
    fn drop(&mut self) {
        self.stop_catching_up();
    }
}
