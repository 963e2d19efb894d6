//! The spool: pages that were paid for, on disk until the queue has confirmed them.
//!
//! ```text
//! SPOOL/lock                     held while a process uses the spool
//! SPOOL/batches/NAME/batch.json  what was asked for; how many pages, once that is settled ("sealed")
//! SPOOL/batches/NAME/page-00001  one line of JSON about the page, then its compressed body
//! SPOOL/letters/NAME.json        a dead letter that waits for the queue
//! SPOOL/corrupt/…                what could not be read, for a person to look at
//! ```
//!
//! # Guarantees
//! - What a call has written survives a power cut once it returned; a file is there whole or not at all.
//! - One process at a time: the second is refused, with the name of the lock file.
//! - A file that cannot be read is set aside and reported; it neither stops nor loses the others.
//! - Only bodies as received and what was asked for are written, never the key.
//!
//! All calls block; async code goes through [`blocking`].

mod batches;
mod durable;
mod letters;
mod record;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use durable::SetAside;
pub use record::{Manifest, PageRecord};

/// The spool cannot be used or written. What was written before is safe.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process uses it.
    #[error(
        "another coinpipe or fetcher is running here: it holds {}, the lock of fetch.spool; a \
         second fetcher needs a folder of its own there",
        .0.display()
    )]
    Locked(PathBuf),
    /// The file system refuses.
    #[error("cannot write or read {}", path.display())]
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

/// What was found on disk, and what could not be read and was set aside.
#[derive(Debug)]
pub struct Found<T> {
    /// What was read, in order.
    pub items: Vec<T>,
    /// What was not.
    pub aside: Vec<SetAside>,
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self { items: Vec::new(), aside: Vec::new() }
    }
}

/// An open spool. Nobody else can open it until this is dropped.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    /// Held while batches come, go or are listed: one loop fetches while another publishes.
    batches: Mutex<()>,
    _lock: File,
}

impl Spool {
    /// Opens the spool in `dir`, creating what is missing and clearing away what a crash left unfinished.
    pub fn open(dir: &Path) -> Result<Self, SpoolError> {
        std::fs::create_dir_all(dir).map_err(SpoolError::at(dir))?;
        let lock_path = dir.join("lock");
        let lock = File::create(&lock_path).map_err(SpoolError::at(&lock_path))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => SpoolError::Locked(lock_path.clone()),
            TryLockError::Error(error) => SpoolError::at(&lock_path)(error),
        })?;
        let spool = Self { dir: dir.to_owned(), batches: Mutex::default(), _lock: lock };
        for part in [spool.batches_dir(), spool.letters_dir(), spool.corrupt_dir()] {
            std::fs::create_dir_all(&part).map_err(SpoolError::at(&part))?;
        }
        durable::sync_dir(dir)?;
        spool.remove_finished()?;
        Ok(spool)
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn lock_batches(&self) -> MutexGuard<'_, ()> {
        // What a panic interrupted is what a crash would have.
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn batches_dir(&self) -> PathBuf {
        self.dir.join("batches")
    }

    fn letters_dir(&self) -> PathBuf {
        self.dir.join("letters")
    }

    fn corrupt_dir(&self) -> PathBuf {
        self.dir.join("corrupt")
    }
}

/// Runs `work` on a thread where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    spool: &Arc<Spool>,
    work: impl FnOnce(&Spool) -> T + Send + 'static,
) -> T {
    let spool = Arc::clone(spool);
    match tokio::task::spawn_blocking(move || work(&spool)).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is being shut down, and nobody will look at the result.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests;
