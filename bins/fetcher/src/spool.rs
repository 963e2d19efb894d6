//! The spool: pages that were paid for, on disk until the queue has confirmed them.
//!
//! ```text
//! SPOOL/lock                     held while a process uses the spool
//! SPOOL/id                       the name of what is in here, for the claims of slots
//! SPOOL/batches/NAME/batch.json  what was asked for; how many pages, once that is settled ("sealed")
//! SPOOL/batches/NAME/page-00001  one line of JSON about the page, then its compressed body
//! SPOOL/letters/NAME.json        a dead letter that waits for the queue
//! SPOOL/waiting.json             what the fetcher waits for, if it does; for `coinpipe status`
//! SPOOL/judged.json              what earlier snapshots were like, to hold the next one against them
//! SPOOL/drift.json               what was told about changes of the API
//! SPOOL/past-coins.json          the coins that the history is asked for, while gaps are filled
//! SPOOL/past-price.json          what the history takes when that is more than it should
//! SPOOL/past-paid.json           batches of the past that were paid for and published
//! SPOOL/corrupt/…                what was read and is wrong, for a person to look at
//! ```
//!
//! # Guarantees
//! - What a call has written survives a power cut once it returned; a file is there whole or not at all.
//! - One process at a time: the second is refused, with the name of the lock file.
//! - A file whose bytes are wrong is set aside and reported; it neither stops nor loses the others. A body is checked where
//!   it is read; a list of pages tells of each only what its first line says, and that it is as long as it was.
//! - A file that cannot be got at (`io_errors` says when) stays where it is, and the others are read: [`Found::troubles`].
//! - What is not the spool's own is left alone, whatever it is: an editor's backup, a folder, a link, a name that is no text.
//! - A folder that was deleted under an open spool is made again; the pages that were in it are reported ([`Found::lost`]).
//! - Only bodies as received and what was asked for are written, never the key.
//!
//! All calls block; async code goes through [`blocking`].

mod batches;
mod disk;
mod drift;
mod folder;
mod inventory;
mod io_errors;
mod judged;
mod letters;
mod names;
mod pages;
mod past;
mod record;
mod waiting;

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tracing::warn;

use disk::Disk;
use folder::FolderLock;
pub use folder::Holder;
use inventory::Inventory;
pub(crate) use inventory::Lost;
use io_errors::Meaning;
pub(crate) use names::PAST_PAID;
pub(crate) use past::{history_in, unfinished_history_in};
pub(crate) use record::{Calls, ClaimState, Manifest, PageRecord};

pub(crate) use letters::MOST as MOST_LETTERS;

#[cfg(test)]
pub(crate) use disk::Op;

/// The spool cannot be used or written. What was written before is safe.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process uses it.
    #[error(
        "another coinpipe or fetcher is running here: {0} holds the lock of fetch.spool; stop it, or name a folder of its own for \
         this one in fetch.spool"
    )]
    Locked(Holder),
    /// The file system refuses.
    #[error("cannot write or read {}{}", path.display(), hint(source))]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl SpoolError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

fn hint(error: &io::Error) -> String {
    match io_errors::meaning(error) {
        Meaning::Trouble(hint) => format!(" ({hint})"),
        Meaning::Absent | Meaning::NotAFile => String::new(),
    }
}

/// A file that was read and is wrong, and where it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetAside {
    /// Its new place.
    pub path: PathBuf,
    /// What was wrong with it.
    pub reason: String,
}

/// What was found on disk, and what was not.
#[must_use = "what was set aside or is lost is reported only here"]
#[derive(Debug)]
pub(crate) struct Found<T> {
    /// What was read, in order.
    pub items: Vec<T>,
    /// What was read, is wrong, and was set aside.
    pub aside: Vec<SetAside>,
    /// What could not be read now, or not be set aside. It is where it was.
    pub troubles: Vec<SpoolError>,
    /// What should have been there.
    pub lost: Vec<Lost>,
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self { items: Vec::new(), aside: Vec::new(), troubles: Vec::new(), lost: Vec::new() }
    }
}

impl<T> Found<T> {
    /// Sets `path` aside because of `reason`.
    fn set_aside(&mut self, spool: &Spool, path: &Path, reason: impl Into<String>) {
        match spool.set_aside(path) {
            Ok(Some(place)) => self.aside.push(SetAside { path: place, reason: reason.into() }),
            // It was removed meanwhile.
            Ok(None) => {}
            Err(error) => self.troubles.push(error),
        }
    }
}

/// Notices that wait to be logged, at most.
const MOST_NOTICES: usize = 100;
/// Foreign names that are remembered, so that each is logged once.
const MOST_FOREIGN: usize = 1000;

/// An open spool. No other process can open it until this is dropped.
pub(crate) struct Spool {
    dir: PathBuf,
    pub(crate) disk: Disk,
    /// Locked while batches are added, removed or listed: one loop fetches while another publishes.
    batches: Mutex<()>,
    held: Mutex<Option<FolderLock>>,
    inventory: Mutex<Inventory>,
    foreign: Mutex<HashSet<PathBuf>>,
    /// What a person should know, until [`blocking`] logs it.
    notices: Mutex<Vec<String>>,
    /// Woken when there may be something to publish.
    publisher: Notify,
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Spool {
    /// Opens the spool in `dir`, creating what is missing and clearing away what a crash left unfinished.
    pub(crate) fn open(dir: &Path) -> Result<Self, SpoolError> {
        let spool = Self {
            dir: dir.to_owned(),
            disk: Disk::default(),
            batches: Mutex::default(),
            held: Mutex::default(),
            inventory: Mutex::default(),
            foreign: Mutex::default(),
            notices: Mutex::default(),
            publisher: Notify::new(),
        };
        let held = spool.take()?;
        *lock(&spool.held) = Some(held);
        if let Err(error) = spool.clear_unfinished() {
            // What is left over does no harm.
            spool.notice(format!("cannot clear up in the spool: {}", telemetry::error_chain(&error)));
        }
        Ok(spool)
    }

    /// Where it is.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The name of what is in the folder: a folder that was made again, or is another one, has another. Survives restarts,
    /// and goes with a folder that is moved.
    pub(crate) fn id(&self) -> String {
        lock(&self.held).as_ref().map(|held| held.id.clone()).unwrap_or_default()
    }

    /// Whether the folder is called `id`, or was so since it was opened. What was deleted since then was missed.
    pub(crate) fn is_called(&self, id: &str) -> bool {
        lock(&self.held)
            .as_ref()
            .is_some_and(|held| held.id == id || held.past_ids.iter().any(|past| past == id))
    }

    /// There may be something to publish.
    pub(crate) fn wake_publisher(&self) {
        self.publisher.notify_one();
    }

    /// Returns when the publisher was woken, also when that was before.
    pub(crate) async fn publisher_woken(&self) {
        self.publisher.notified().await;
    }

    fn lock_batches(&self) -> MutexGuard<'_, ()> {
        lock(&self.batches)
    }

    fn batches_dir(&self) -> PathBuf {
        self.dir.join(names::BATCHES)
    }

    fn letters_dir(&self) -> PathBuf {
        self.dir.join("letters")
    }

    fn corrupt_dir(&self) -> PathBuf {
        self.dir.join("corrupt")
    }

    /// Moves the file or folder `path` among the corrupt ones, and says where it is. `None` when there is none.
    fn set_aside(&self, path: &Path) -> Result<Option<PathBuf>, SpoolError> {
        let name_of = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let parent = path.parent().map(name_of).unwrap_or_default();
        let place = disk::free(&self.corrupt_dir(), &format!("{parent}.{}", name_of(path)), ".corrupt");
        if !self.disk.rename(path, &place)? {
            return Ok(None);
        }
        // It is set aside; a crash that undoes it has it set aside again.
        for dir in [Some(&*self.corrupt_dir()), path.parent()].into_iter().flatten() {
            if let Err(error) = self.disk.sync(dir) {
                self.notice(telemetry::error_chain(&error));
            }
        }
        Ok(Some(place))
    }

    /// Says, once, that `path` is not the spool's.
    fn leave_alone(&self, path: &Path) {
        let mut foreign = lock(&self.foreign);
        if foreign.len() < MOST_FOREIGN && foreign.insert(path.to_owned()) {
            self.notice(format!("{} is nothing of the spool's; it is left alone", path.display()));
        }
    }

    fn notice(&self, text: String) {
        let mut notices = lock(&self.notices);
        if notices.len() < MOST_NOTICES {
            notices.push(text);
        }
    }

    fn tell_notices(&self) {
        for notice in std::mem::take(&mut *lock(&self.notices)) {
            warn!("{notice}");
        }
    }
}

/// After a panic the data is what a crash would have left; the spool copes with that.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` on a thread where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    spool: &Arc<Spool>,
    work: impl FnOnce(&Spool) -> T + Send + 'static,
) -> T {
    #[cfg(test)]
    let _busy = crate::busy::Busy::begin();
    let used = Arc::clone(spool);
    let done = tokio::task::spawn_blocking(move || work(&used)).await;
    spool.tell_notices();
    match done {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is being shut down: nothing uses the result.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests;
