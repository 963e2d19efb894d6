//! Appending pages to the archive, each once; and where they wait while it is away.

use std::sync::{Arc, Mutex, PoisonError};

use domain::Message;
use outage::AwayOnce;
use ports::QueueError;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::archived_ids::ArchivedIds;
use super::unarchivable;
use crate::Options;
use crate::client::Client;
use crate::connection::Connection;
use crate::publish::{Publisher, RoutedMessage};
use crate::session::Session;
use crate::topology::LIVE;

/// The way into the archive, on a connection of its own: a stream that does not answer blocks nothing else.
pub(crate) struct ArchiveWriter {
    client: Arc<Client>,
    connection: Arc<Connection>,
    publisher: Publisher,
    /// Locked while a page is appended: one at a time, so that none is appended twice.
    archived: tokio::sync::Mutex<ArchivedIds>,
    /// Until then the stream is not tried, because it did not take a page.
    paused_until: Mutex<Option<Instant>>,
    away: AwayOnce,
}

impl ArchiveWriter {
    /// Not connected yet. `options` are those of the connection.
    pub(super) fn new(client: Arc<Client>, options: &Options) -> Self {
        // The next step of a fetched page waits for the archive: do not let it wait for long.
        let options = Arc::new(Options { publish_timeout: options.call_timeout, ..options.clone() });
        let connection = Connection::secondary("archiving", Arc::clone(&options), &client.group);
        let connection = Arc::new(connection);
        Self {
            publisher: Publisher::new(Arc::clone(&connection), options, Arc::clone(&client.clock)),
            connection,
            archived: tokio::sync::Mutex::new(ArchivedIds::starting_at(client.clock.now())),
            client,
            paused_until: Mutex::default(),
            away: AwayOnce::default(),
        }
    }

    /// What the process shares.
    pub(super) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The connection to the archive.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What is known to be in the archive.
    #[cfg(test)]
    pub(crate) fn archived(&self) -> &tokio::sync::Mutex<ArchivedIds> {
        &self.archived
    }

    /// Appends `page`, which the work queue has, to the archive, or [puts it on the queue *unarchived*](Self::keep_for_later).
    /// Only for a page that this process has not tried to keep before: after that, the stream may have it.
    pub(super) async fn keep(&self, page: &Message) -> Result<(), QueueError> {
        if !self.is_paused() {
            let limit = self.client.options.call_timeout;
            let appended = timeout(limit, self.append(page)).await.unwrap_or_else(|_| {
                Err(QueueError::unavailable(format!("it did not take a page in {limit:?}")))
            });
            match appended {
                Ok(()) => return Ok(()),
                Err(QueueError::Refused { reason }) => {
                    return unarchivable::file(&self.client, page, &reason).await;
                }
                Err(error) => self.pause(&error),
            }
        }
        self.keep_for_later(page).await
    }

    /// Puts `page`, which the work queue has, on the queue *unarchived*: who consumes that looks into the archive first. A
    /// page that cannot be kept at all is worked on all the same, and a letter says that the archive lacks it.
    pub(super) async fn keep_for_later(&self, page: &Message) -> Result<(), QueueError> {
        let exchange = self.client.names.unarchived();
        let routed = RoutedMessage { exchange: &exchange, key: "", message: page };
        match self.client.publisher.publish(&[routed]).await {
            Err(QueueError::Refused { reason }) => unarchivable::file(&self.client, page, &reason).await,
            published => published,
        }
    }

    async fn append(&self, page: &Message) -> Result<(), QueueError> {
        let mut archived = self.archived.lock().await;
        archived.make_room(self.client.clock.now());
        let is_archived = match archived.contains(page) {
            Some(is_archived) => is_archived,
            None => archived.look_up(&self.client, std::slice::from_ref(page)).await?.contains(&page.id),
        };
        if !is_archived {
            let session = self.connection.session().await?;
            self.append_new(&mut archived, &session, page).await?;
        }
        self.is_back();
        Ok(())
    }

    /// Appends those of `pages` that the archive does not hold, whoever tried to append them before. For each: why it can
    /// never be appended, if so.
    ///
    /// `session` is the one in which they were delivered. When it ends, another process gets them and looks into the archive
    /// before it appends them, so nothing must be appended by who had them before: it works in no other session.
    pub(crate) async fn append_late(
        &self,
        session: &Arc<Session>,
        pages: &[Message],
    ) -> Result<Vec<Option<String>>, QueueError> {
        let mut archived = self.archived.lock().await;
        archived.make_room(self.client.clock.now());
        let mut found = archived.look_up(&self.client, pages).await?;
        let mut refused = Vec::new();
        for page in pages {
            let appended = if found.contains(&page.id) {
                Ok(())
            } else {
                self.append_new(&mut archived, session, page).await
            };
            refused.push(match appended {
                Ok(()) => {
                    found.insert(page.id.clone());
                    self.is_back();
                    None
                }
                Err(QueueError::Refused { reason }) => Some(reason),
                Err(error) => return Err(error),
            });
        }
        Ok(refused)
    }

    /// Appends `page`, which the archive does not hold.
    async fn append_new(
        &self,
        archived: &mut ArchivedIds,
        session: &Arc<Session>,
        page: &Message,
    ) -> Result<(), QueueError> {
        let exchange = self.client.names.archive();
        let routed = RoutedMessage { exchange: &exchange, key: LIVE, message: page };
        self.publisher.publish_in(session, &[routed]).await?;
        archived.insert(page.id.clone());
        Ok(())
    }

    fn is_back(&self) {
        if self.away.worked() {
            info!("the archive takes pages again");
        }
    }

    fn is_paused(&self) -> bool {
        let paused_until = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        paused_until.is_some_and(|until| Instant::now() < until)
    }

    /// The archive failed with `error`: it is not tried for a while.
    pub(super) fn pause(&self, error: &QueueError) {
        let until = Instant::now() + self.client.options.archive_pause;
        *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        if self.away.failed() {
            warn!(%error, "the archive takes no pages; they wait for it in a queue, and work goes on");
        }
    }
}
