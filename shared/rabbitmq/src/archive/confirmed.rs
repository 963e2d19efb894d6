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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(MessageId, u32);

impl Key {
    /// Reads the whole page: to be called once for a page that is published.
    pub(super) fn of(page: &Message) -> Self {
        Self(page.id.clone(), wire::crc32c(&page.body))
    }
}

/// The pages, and when the work queue confirmed them.
#[derive(Default)]
pub(super) struct Confirmed {
    pages: Mutex<BTreeMap<Key, Instant>>,
}

impl Confirmed {
    /// Whether `page` is one of them.
    pub(super) fn contains(&self, page: &Key) -> bool {
        self.lock().get(page).is_some_and(|at| at.elapsed() < MEMORY)
    }

    /// The work queue confirmed `pages`, now or earlier.
    pub(super) fn insert(&self, pages: &[Key]) {
        let now = Instant::now();
        let mut confirmed = self.lock();
        confirmed.retain(|_, at| at.elapsed() < MEMORY);
        for page in pages {
            confirmed.entry(page.clone()).or_insert(now);
        }
    }

    /// `pages` are published.
    pub(super) fn remove(&self, pages: &[Key]) {
        let mut confirmed = self.lock();
        for page in pages {
            confirmed.remove(page);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Instant>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
