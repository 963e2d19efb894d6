//! Pages that the work queue confirmed and that are nowhere else yet: when they are published again, the work queue must
//! not get them twice.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{Message, MessageId, wire};
use tokio::time::Instant;

/// How long they are remembered.
const MEMORY: Duration = Duration::from_hours(1);

/// An id and a checksum tell a page from another one of the same id.
type Key = (MessageId, u32);

/// The pages, and when the work queue confirmed them.
#[derive(Default)]
pub(super) struct Confirmed {
    pages: Mutex<BTreeMap<Key, Instant>>,
}

impl Confirmed {
    /// Whether `page` is one of them.
    pub(super) fn contains(&self, page: &Message) -> bool {
        let pages = self.lock();
        !pages.is_empty() && pages.get(&key(page)).is_some_and(|at| at.elapsed() < MEMORY)
    }

    /// The work queue confirmed `pages`, now or earlier.
    pub(super) fn insert(&self, pages: &[&Message]) {
        let now = Instant::now();
        let mut confirmed = self.lock();
        confirmed.retain(|_, at| at.elapsed() < MEMORY);
        for page in pages {
            confirmed.entry(key(page)).or_insert(now);
        }
    }

    /// `pages` are published.
    pub(super) fn remove(&self, pages: &[&Message]) {
        let mut confirmed = self.lock();
        for page in pages {
            confirmed.remove(&key(page));
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Instant>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(page: &Message) -> Key {
    (page.id.clone(), wire::crc32c(&page.body))
}
