//! Feeding the archive: a page that the work queue has confirmed is appended to the stream, once.
//!
//! Work queue and archive have an exchange each and are published to one after the other, so neither confirms for the
//! other, and the archive gets nothing that the work queue refused. A stream that is away holds nobody up: the page goes
//! to the durable queue *unarchived* instead, from which [`catch_up`] appends it later. Only when it has reached one of
//! the two is it published: until then the caller keeps it, and publishing it again goes on where it failed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{Message, MessageId, wire};
use ports::{Clock, QueueError, QueueName};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use crate::Options;
use crate::catch_up::catch_up;
use crate::known::Known;
use crate::link::Link;
use crate::publish::{Post, Publisher};
use crate::queue::Inner;
use crate::topology::LIVE;
use crate::unfit;

/// How long a page is taken for the one that the work queue has already, when it is published again.
const MEMORY: Duration = Duration::from_hours(1);

/// The way into the archive, with a connection of its own: a stream that does not answer blocks nothing else.
pub(crate) struct Feed {
    pub link: Arc<Link>,
    publisher: Publisher,
    /// Held while a page is appended: one at a time, so that none is appended twice.
    pub known: tokio::sync::Mutex<Known>,
    clock: Arc<dyn Clock>,
    /// Until when the stream is left alone, because it did not take a page.
    resting: Mutex<Option<Instant>>,
    is_away: AtomicBool,
    /// Pages that the work queue confirmed and that are nowhere else yet: their ids and checksums, and when.
    confirmed: Mutex<BTreeMap<(MessageId, u32), Instant>>,
    catching_up: Mutex<Option<AbortHandle>>,
}

/// Publishes `messages` on the work queue *raw*, and feeds the archive with the live pages among them.
pub(crate) async fn publish(shared: &Arc<Inner>, messages: &[Message]) -> Result<(), QueueError> {
    let Inner { names, feed, .. } = &**shared;
    let is_live = |message: &&Message| QueueName::Raw.archives(message);
    let exchange = names.pages();
    let post = |message| {
        let key = if is_live(&message) { LIVE } else { "raw.again" };
        Post { exchange: &exchange, key, message }
    };
    let posts: Vec<_> = messages.iter().filter(|message| !feed.is_confirmed(message)).map(post).collect();
    shared.publisher.publish(&posts).await?;
    let live: Vec<&Message> = messages.iter().filter(is_live).collect();
    if live.is_empty() {
        return Ok(());
    }
    feed.remember(&live);
    feed.attend(shared);
    for page in &live {
        feed.keep(shared, page).await?;
    }
    feed.forget(&live);
    Ok(())
}

impl Feed {
    /// Not connected yet. `link` makes a link with the options it is given.
    pub fn new(options: &Options, clock: &Arc<dyn Clock>, link: impl FnOnce(&Arc<Options>) -> Link) -> Self {
        // Who waits for the archive keeps a fetched page from the next step.
        let hasty = Options { publish_timeout: options.call_timeout, ..options.clone() };
        let hasty = Arc::new(hasty);
        let link = Arc::new(link(&hasty));
        Self {
            publisher: Publisher::new(Arc::clone(&link), hasty, Arc::clone(clock)),
            link,
            known: tokio::sync::Mutex::new(Known::starting_at(clock.now())),
            clock: Arc::clone(clock),
            resting: Mutex::default(),
            is_away: AtomicBool::new(false),
            confirmed: Mutex::default(),
            catching_up: Mutex::default(),
        }
    }

    /// Whoever feeds the archive also sees to what it could not take, whoever published that.
    pub fn attend(&self, shared: &Arc<Inner>) {
        let mut catching_up = lock(&self.catching_up);
        if catching_up.as_ref().is_none_or(AbortHandle::is_finished) {
            let task = shared.runtime.spawn(catch_up(Arc::downgrade(shared)));
            *catching_up = Some(task.abort_handle());
        }
    }

    /// Closes its connection; what is in the queue *unarchived* stays there.
    pub async fn close(&self) {
        self.stop();
        self.link.close().await;
    }

    fn stop(&self) {
        if let Some(task) = lock(&self.catching_up).take() {
            task.abort();
        }
    }

    /// Makes `page`, which the work queue has, safe: in the archive, or where it is taken there from. What can be in
    /// neither is worked on all the same, and a letter says what the archive lacks.
    async fn keep(&self, shared: &Inner, page: &Message) -> Result<(), QueueError> {
        let is_resting = lock(&self.resting).is_some_and(|until| Instant::now() < until);
        if !is_resting {
            let limit = shared.options.call_timeout;
            let appended = timeout(limit, self.append(shared, page)).await.unwrap_or_else(|_| {
                Err(QueueError::unavailable(format!("it did not take a page in {limit:?}")))
            });
            match appended {
                Ok(()) => return Ok(()),
                Err(QueueError::Refused { reason }) => return unfit::file(shared, page, &reason).await,
                Err(error) => self.rest(shared.options.archive_rest, &error),
            }
        }
        let exchange = shared.names.unarchived();
        match shared.publisher.publish(&[Post { exchange: &exchange, key: "", message: page }]).await {
            Err(QueueError::Refused { reason }) => unfit::file(shared, page, &reason).await,
            published => published,
        }
    }

    async fn append(&self, shared: &Inner, page: &Message) -> Result<(), QueueError> {
        let mut known = self.known.lock().await;
        known.make_room(self.clock.now());
        let is_there = match known.holds(page) {
            Some(is_there) => is_there,
            None => known.look(shared, std::slice::from_ref(page)).await?.contains(&page.id),
        };
        if !is_there {
            self.append_new(shared, &mut known, page).await?;
        }
        self.is_back();
        Ok(())
    }

    /// Appends those of `pages` that the archive does not hold, whoever may have tried to append them before. For each: why
    /// it never can be appended, if so.
    pub async fn append_late(
        &self,
        shared: &Inner,
        pages: &[Message],
    ) -> Result<Vec<Option<String>>, QueueError> {
        let mut known = self.known.lock().await;
        known.make_room(self.clock.now());
        let mut there = known.look(shared, pages).await?;
        let mut refused = Vec::new();
        for page in pages {
            let appended = if there.contains(&page.id) {
                Ok(())
            } else {
                self.append_new(shared, &mut known, page).await
            };
            refused.push(match appended {
                Ok(()) => {
                    there.insert(page.id.clone());
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
    async fn append_new(&self, shared: &Inner, known: &mut Known, page: &Message) -> Result<(), QueueError> {
        let exchange = shared.names.archive();
        self.publisher.publish(&[Post { exchange: &exchange, key: LIVE, message: page }]).await?;
        known.add(page.id.clone());
        Ok(())
    }

    fn is_back(&self) {
        if self.is_away.swap(false, Ordering::SeqCst) {
            info!("the archive takes pages again");
        }
    }

    /// The archive failed: it is left alone for a while.
    pub fn rest(&self, rest: Duration, error: &QueueError) {
        *lock(&self.resting) = Some(Instant::now() + rest);
        if !self.is_away.swap(true, Ordering::SeqCst) {
            warn!(%error, "the archive takes no pages; they wait for it in a queue, and work goes on");
        }
    }

    /// Whether `message` is a page that was published before, as far as the work queue.
    fn is_confirmed(&self, message: &Message) -> bool {
        let confirmed = lock(&self.confirmed);
        !confirmed.is_empty()
            && QueueName::Raw.archives(message)
            && confirmed.get(&key(message)).is_some_and(|at| at.elapsed() < MEMORY)
    }

    fn remember(&self, pages: &[&Message]) {
        let now = Instant::now();
        let mut confirmed = lock(&self.confirmed);
        confirmed.retain(|_, at| at.elapsed() < MEMORY);
        for page in pages {
            confirmed.entry(key(page)).or_insert(now);
        }
    }

    fn forget(&self, pages: &[&Message]) {
        let mut confirmed = lock(&self.confirmed);
        for page in pages {
            confirmed.remove(&key(page));
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What tells a page from another of the same id.
fn key(page: &Message) -> (MessageId, u32) {
    (page.id.clone(), wire::crc32c(&page.body))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
