//! The file system as the spool uses it: files that are there whole or not at all, also after a power cut. Tests can make it
//! fail.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::SpoolError;
use super::io_errors::{self, Meaning};

/// The ending of a file that is being written. One that is left over is from a crash, and is worthless.
pub(super) const UNFINISHED: &str = "tmp";

/// Names that are tried for a place that is not taken.
const MOST_NAMES: u32 = 10_000;

/// What is done to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Something is read, or asked about.
    Read,
    /// Something is created, written, moved or removed.
    Change,
}

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// All of its bytes.
    Bytes(Vec<u8>),
    /// There is none.
    Absent,
    /// The name is taken by something that is no file, for this reason.
    NotAFile(&'static str),
}

#[cfg(test)]
pub(crate) type Fault = Box<dyn Fn(Op, &Path) -> Option<io::Error> + Send + Sync>;

#[derive(Default)]
pub(crate) struct Disk {
    #[cfg(test)]
    fault: std::sync::Mutex<Option<Fault>>,
}

impl Disk {
    /// From now on, what `fault` returns an error for fails with it.
    #[cfg(test)]
    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap() = fault;
    }

    #[cfg(test)]
    fn may(&self, op: Op, path: &Path) -> io::Result<()> {
        let fault = self.fault.lock().unwrap();
        fault.as_ref().and_then(|fault| fault(op, path)).map_or(Ok(()), Err)
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests make it fail")]
    fn may(&self, _: Op, _: &Path) -> io::Result<()> {
        Ok(())
    }

    /// Reads a file. The error says nothing about its bytes.
    pub(super) fn read(&self, path: &Path) -> Result<Content, SpoolError> {
        self.read_with(path, |_| fs::read(path)).map(|(content, _)| content)
    }

    /// Reads the first `most` bytes of a file. Also returns how many it has.
    pub(super) fn read_beginning(&self, path: &Path, most: u64) -> Result<(Content, u64), SpoolError> {
        self.read_with(path, |file_bytes| {
            let mut bytes = Vec::with_capacity(usize::try_from(most.min(file_bytes)).unwrap_or_default());
            File::open(path)?.take(most).read_to_end(&mut bytes)?;
            Ok(bytes)
        })
    }

    /// Lets `get`, which is told how many bytes it has, read the file `path`.
    fn read_with(
        &self,
        path: &Path,
        get: impl Fn(u64) -> io::Result<Vec<u8>>,
    ) -> Result<(Content, u64), SpoolError> {
        let read = || {
            self.may(Op::Read, path)?;
            let found = fs::metadata(path)?;
            // Checked first: reading a named pipe would block.
            if found.is_file() { get(found.len()).map(|bytes| Some((bytes, found.len()))) } else { Ok(None) }
        };
        let content = match read() {
            Ok(Some((bytes, file_bytes))) => return Ok((Content::Bytes(bytes), file_bytes)),
            Ok(None) => Ok(Content::NotAFile("it is not a file")),
            Err(error) => match io_errors::meaning(&error) {
                Meaning::Absent if path.symlink_metadata().is_ok() => {
                    Ok(Content::NotAFile("it is a link to nothing"))
                }
                Meaning::Absent => Ok(Content::Absent),
                Meaning::NotAFile => Ok(Content::NotAFile("it cannot be read as a file")),
                Meaning::Trouble(_) => Err(SpoolError::at(path)(error)),
            },
        };
        content.map(|content| (content, 0))
    }

    /// Writes `parts` one after the other as the file `path`, replacing one that is there.
    pub(super) fn write(&self, path: &Path, parts: &[&[u8]]) -> Result<(), SpoolError> {
        let unfinished = unfinished(path);
        let write = || -> io::Result<()> {
            self.may(Op::Change, path)?;
            let mut file = File::create(&unfinished)?;
            for part in parts {
                file.write_all(part)?;
            }
            // After an error it is unknown what was written: the next try begins with a new file.
            file.sync_all()?;
            fs::rename(&unfinished, path)
        };
        if let Err(error) = write() {
            // A half-written file would only take room on a full disk.
            let _ = fs::remove_file(&unfinished);
            return Err(SpoolError::at(path)(error));
        }
        path.parent().map_or(Ok(()), |dir| self.sync(dir))
    }

    /// Makes a folder, and those that it is in. `true` when it was not there.
    pub(super) fn make(&self, dir: &Path) -> Result<bool, SpoolError> {
        if self.is_folder(dir)? {
            return Ok(false);
        }
        let made = self.may(Op::Change, dir).and_then(|()| fs::create_dir_all(dir));
        made.map_err(SpoolError::at(dir))?;
        dir.parent().map_or(Ok(()), |parent| self.sync(parent))?;
        Ok(true)
    }

    /// Makes the names in `dir` durable.
    pub(super) fn sync(&self, dir: &Path) -> Result<(), SpoolError> {
        // `a/b` is in `a`, and `a` is here.
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        match self.may(Op::Change, dir).and_then(|()| File::open(dir)?.sync_all()) {
            Err(error) if !io_errors::cannot_sync_folders(&error) => Err(SpoolError::at(dir)(error)),
            _ => Ok(()),
        }
    }

    /// The names in `dir`, in order. None when there is no such folder.
    pub(super) fn names(&self, dir: &Path) -> Result<Vec<OsString>, SpoolError> {
        let list = || -> io::Result<Vec<OsString>> {
            self.may(Op::Read, dir)?;
            fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect()
        };
        match list() {
            Ok(mut names) => {
                names.sort_unstable();
                Ok(names)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(SpoolError::at(dir)(error)),
        }
    }

    /// Whether `path` is a folder, and not a link to one.
    pub(super) fn is_folder(&self, path: &Path) -> Result<bool, SpoolError> {
        match self.may(Op::Read, path).and_then(|()| fs::symlink_metadata(path)) {
            Ok(found) => Ok(found.is_dir()),
            Err(error) => match io_errors::meaning(&error) {
                Meaning::Absent | Meaning::NotAFile => Ok(false),
                Meaning::Trouble(_) => Err(SpoolError::at(path)(error)),
            },
        }
    }

    /// Moves a file or folder. `false` when there is none.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> Result<bool, SpoolError> {
        match self.may(Op::Change, from).and_then(|()| fs::rename(from, to)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound && from.symlink_metadata().is_err() => {
                Ok(false)
            }
            Err(error) => Err(SpoolError::at(from)(error)),
        }
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, path: &Path) -> Result<(), SpoolError> {
        match self.may(Op::Change, path).and_then(|()| fs::remove_file(path)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(SpoolError::at(path)(error)),
            _ => Ok(()),
        }
    }

    /// Removes a folder, if nothing is in it. `false` when something is.
    pub(super) fn remove_folder(&self, path: &Path) -> Result<bool, SpoolError> {
        match self.may(Op::Change, path).and_then(|()| fs::remove_dir(path)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(false),
            Err(error) => Err(SpoolError::at(path)(error)),
        }
    }
}

/// Whether nothing has the name `path`. While that cannot be seen it counts as there.
pub(super) fn is_gone(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// A place in `folder` whose name begins with `stem` and ends with `ending`, and which is not taken.
pub(super) fn free(folder: &Path, stem: &str, ending: &str) -> PathBuf {
    let mut place = folder.join(format!("{stem}{ending}"));
    let mut number = 1;
    while !is_gone(&place) && number < MOST_NAMES {
        number += 1;
        place = folder.join(format!("{stem}.{number}{ending}"));
    }
    place
}

/// Where `path` is while it is written.
pub(super) fn unfinished(path: &Path) -> PathBuf {
    path.with_added_extension(UNFINISHED)
}
