//! A file that is being written, as `FILE.part`: by one export at a time, and gone when it does not become whole.

use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use service::Usage;

/// What is written at once, in bytes.
const BUFFER: usize = 1 << 16;

/// The file. Dropping it takes away what was written: on a disk that is full somebody needs the room.
pub(crate) struct Part {
    /// Its name when it is whole.
    path: PathBuf,
    /// Its name until then.
    unfinished: PathBuf,
    /// Locked as long as it is open.
    file: BufWriter<File>,
    /// All that was to be written is.
    is_whole: bool,
}

impl Part {
    /// Begins to write what will be `path`, which must not be there. What another one left that was killed is written over.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        if path.exists() {
            return Err(Usage(format!("{} is there already; name another file", path.display())).into());
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let cannot = || format!("cannot write {}", part.display());
        let file =
            File::options().write(true).create(true).truncate(false).open(&part).with_context(cannot)?;
        // Not every file system knows locks; where there are none it goes without.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) || !is_at(&file, &part) {
            let said = format!("another export writes {} just now; name another file", path.display());
            return Err(Usage(said).into());
        }
        file.set_len(0).with_context(cannot)?;
        let file = BufWriter::with_capacity(BUFFER, file);
        Ok(Self { path: path.to_owned(), unfinished: part, file, is_whole: false })
    }

    /// Writes `bytes`.
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(bytes).with_context(|| format!("cannot write {}", self.unfinished.display()))
    }

    /// All is written: the file gets its name. Where it cannot, all of it stays as what it was called so far.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        written.with_context(|| format!("cannot write {}", self.unfinished.display()))?;
        self.is_whole = true;
        self.rename().with_context(|| format!("cannot finish {}", self.path.display()))
    }

    fn rename(&self) -> io::Result<()> {
        let Self { path, unfinished, .. } = self;
        // Fails where somebody made the file meanwhile, as a rename would not.
        std::fs::hard_link(unfinished, path).or_else(|error| match error.kind() {
            ErrorKind::AlreadyExists => Err(error),
            _ => std::fs::rename(unfinished, path),
        })?;
        match std::fs::remove_file(unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_whole {
            // What stays does not look whole.
            let _ = std::fs::remove_file(&self.unfinished);
        }
    }
}

/// Whether `file` is what `path` names: the export that had the lock before may have given it its name.
fn is_at(file: &File, path: &Path) -> bool {
    let (open, named) = (file.metadata(), std::fs::metadata(path));
    open.and_then(|open| Ok((open, named?)))
        .is_ok_and(|(open, named)| (open.dev(), open.ino()) == (named.dev(), named.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder, a file in it, and what that is called while it is written.
    fn setup() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (path, part) = (folder.path().join("a.csv"), folder.path().join("a.csv.part"));
        (folder, path, part)
    }

    #[test]
    fn a_file_has_its_name_when_it_is_whole() {
        let (folder, path, part) = setup();
        let mut file = Part::create(&path).unwrap();
        file.write_all(b"a,b\n").unwrap();
        assert!(!path.exists() && part.exists());
        file.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"a,b\n");
        assert!(!part.exists());
        // Somebody else made it meanwhile: theirs stays, and ours, too.
        let other = folder.path().join("b.csv");
        let mut file = Part::create(&other).unwrap();
        file.write_all(b"ours").unwrap();
        std::fs::write(&other, "theirs").unwrap();
        assert!(file.finish().is_err());
        assert_eq!(std::fs::read(&other).unwrap(), b"theirs");
        assert_eq!(std::fs::read(folder.path().join("b.csv.part")).unwrap(), b"ours");
    }

    #[test]
    fn two_never_write_one_file_and_what_one_left_is_written_anew() {
        let (_folder, path, part) = setup();
        let mut file = Part::create(&path).unwrap();
        file.write_all(b"ours\n").unwrap();
        let refused = Part::create(&path).err().expect("another one writes it").to_string();
        assert!(refused.contains("another export"), "{refused}");
        file.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"ours\n");
        // Of one that was killed.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&part, "left over and longer").unwrap();
        let mut file = Part::create(&path).unwrap();
        file.write_all(b"new\n").unwrap();
        file.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new\n");
    }

    /// A disk that was full has the room again.
    #[test]
    fn what_was_not_finished_is_taken_away() {
        let (_folder, path, part) = setup();
        let mut file = Part::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert!(part.exists());
        drop(file);
        assert!(!part.exists() && !path.exists());
    }
}
