//! The spool's folder: its lock, its id, and that it is there. A folder that was deleted while the spool is
//! open is made again.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::disk::{Content, UNFINISHED, unfinished};
use super::names::{DRIFT, JUDGED, MANIFEST, PAST_COINS, PAST_PAID, WAITING, is_letter_name};
use super::{Spool, SpoolError};

/// What holds the folder.
#[derive(Debug)]
pub(super) struct FolderLock {
    lock: File,
    /// The name of what is in the folder, made up when the folder was. See [`Spool::id`].
    pub(super) id: String,
    /// Those of folders that were deleted since.
    pub(super) past_ids: Vec<String>,
}

/// The process that has the lock of a spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    lock: PathBuf,
    process: Option<u32>,
}

impl Holder {
    fn of(lock: &Path) -> Self {
        let written = fs::read_to_string(lock).ok();
        Self { lock: lock.to_owned(), process: written.and_then(|text| text.trim().parse().ok()) }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.process {
            Some(id) => write!(f, "process {id} ({})", self.lock.display()),
            None => write!(f, "it ({})", self.lock.display()),
        }
    }
}

const LOCK: &str = "lock";
const ID: &str = "id";

impl Spool {
    /// Makes what is missing of the folder and takes the lock.
    pub(super) fn take(&self) -> Result<FolderLock, SpoolError> {
        self.disk.make(&self.dir)?;
        let path = self.dir.join(LOCK);
        let lock = open_lock(&path).map_err(SpoolError::at(&path))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => SpoolError::Locked(Holder::of(&path)),
            TryLockError::Error(error) => SpoolError::at(&path)(error),
        })?;
        // Only for people: what cannot be written is not said.
        let _ = lock.set_len(0).and_then(|()| (&lock).write_all(std::process::id().to_string().as_bytes()));
        for part in [self.batches_dir(), self.letters_dir(), self.corrupt_dir()] {
            // Somebody may have put a link to a bigger disk there.
            if !part.is_dir() {
                self.disk.make(&part)?;
            }
        }
        Ok(FolderLock { lock, id: self.read_id(), past_ids: Vec::new() })
    }

    /// Makes sure that the folder is there and still ours. One that was deleted is made again, and that is said.
    pub(super) fn ensure(&self) -> Result<(), SpoolError> {
        let mut held = super::lock(&self.held);
        let path = self.dir.join(LOCK);
        let is_ours = match fs::metadata(&path) {
            Ok(found) => {
                let ours = held.as_ref().map(|held| held.lock.metadata()).transpose();
                let ours = ours.map_err(SpoolError::at(&path))?;
                ours.is_some_and(|ours| (found.dev(), found.ino()) == (ours.dev(), ours.ino()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(SpoolError::at(&path)(error)),
        };
        let parts = [self.batches_dir(), self.letters_dir(), self.corrupt_dir()];
        if is_ours && parts.iter().all(|part| part.is_dir()) {
            return Ok(());
        }
        if is_ours {
            // Locked twice, it would be refused to ourselves.
            for part in parts {
                self.disk.make(&part)?;
            }
        } else {
            let mut again = self.take()?;
            if let Some(before) = held.take() {
                again.past_ids = before.past_ids;
                again.past_ids.push(before.id);
            }
            *held = Some(again);
        }
        self.notice(format!(
            "the spool folder {} was deleted, or a part of it; it is made again",
            self.dir.display()
        ));
        Ok(())
    }

    /// The name of what is in the folder. One that cannot be kept holds until the process ends.
    fn read_id(&self) -> String {
        let path = self.dir.join(ID);
        match self.disk.read(&path) {
            Ok(Content::Bytes(bytes)) => {
                if let Ok(text) = String::from_utf8(bytes)
                    && is_id(text.trim())
                {
                    return text.trim().to_owned();
                }
            }
            Ok(Content::Absent | Content::NotAFile(_)) => {}
            Err(_) => return new_id(),
        }
        let id = new_id();
        if let Err(error) = self.disk.write(&path, &[id.as_bytes()]) {
            self.notice(format!("cannot keep the name of the spool: {}", telemetry::error_chain(&error)));
        }
        id
    }

    /// Clears away what a crash left half removed or half written. What is not the spool's own stays.
    pub(super) fn clear_unfinished(&self) -> Result<(), SpoolError> {
        for name in [MANIFEST, ID, WAITING, DRIFT, JUDGED, PAST_COINS, PAST_PAID] {
            self.disk.remove(&unfinished(&self.dir.join(name)))?;
        }
        for name in self.disk.names(&self.letters_dir())? {
            let name = name.to_string_lossy();
            let done = name.strip_suffix(UNFINISHED).and_then(|name| name.strip_suffix('.'));
            if done.is_some_and(is_letter_name) {
                self.disk.remove(&self.letters_dir().join(&*name))?;
            }
        }
        self.clear_finished()
    }
}

/// On a read-only disk a lock that is there can be taken all the same, so that what is there is published.
fn open_lock(path: &Path) -> io::Result<File> {
    match File::options().create(true).truncate(false).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => File::open(path),
        opened => opened,
    }
}

fn new_id() -> String {
    format!("{:016x}", fastrand::u64(..))
}

fn is_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
