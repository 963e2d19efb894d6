//! Where an export is written: a file that has its name when it is whole, or stdout.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use service::Usage;

/// An open target.
pub(super) enum Target {
    Stdout(BufWriter<StdoutLock<'static>>),
    File { path: PathBuf, part: PathBuf, file: BufWriter<File> },
}

/// Whether somebody still reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    IsThere,
    /// `coinpipe export quotes --all - | head`.
    IsGone,
}

impl Reader {
    pub(super) fn is_closed(self) -> bool {
        self == Self::IsGone
    }
}

impl Target {
    /// Opens `path`; `-` is stdout.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout(BufWriter::new(io::stdout().lock())));
        }
        if path.exists() {
            return Err(Usage(format!("{} is there already; name another file", path.display())).into());
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = File::create(&part).with_context(|| format!("cannot write {}", part.display()))?;
        Ok(Self::File { path: path.to_owned(), part, file: BufWriter::with_capacity(1 << 16, file) })
    }

    /// Writes `bytes`. That nobody reads a pipe any more is no error of ours.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> anyhow::Result<Reader> {
        match self {
            Self::Stdout(out) => told(out.write_all(bytes)),
            Self::File { part, file, .. } => {
                file.write_all(bytes).with_context(|| format!("cannot write {}", part.display()))?;
                Ok(Reader::IsThere)
            }
        }
    }

    /// All is written: a file gets its name.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Stdout(mut out) => told(out.flush()).map(drop),
            Self::File { path, part, file } => {
                let finish = || {
                    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
                    // Fails where somebody made the file meanwhile, as a rename would not.
                    std::fs::hard_link(&part, &path).or_else(|error| match error.kind() {
                        ErrorKind::AlreadyExists => Err(error),
                        _ => std::fs::rename(&part, &path),
                    })?;
                    match std::fs::remove_file(&part) {
                        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                        _ => Ok(()),
                    }
                };
                finish().with_context(|| format!("cannot finish {}", path.display()))
            }
        }
    }

    /// Takes away what was written.
    pub(super) fn discard(self) {
        if let Self::File { part, file, .. } = self {
            drop(file);
            // What stays does not look whole.
            let _ = std::fs::remove_file(part);
        }
    }
}

fn told(written: io::Result<()>) -> anyhow::Result<Reader> {
    match written {
        Ok(()) => Ok(Reader::IsThere),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::IsGone),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (path, part) = (folder.path().join("a.csv"), folder.path().join("a.csv.part"));
        let mut target = Target::open(&path).unwrap();
        assert_eq!(target.write_all(b"a,b\n").unwrap(), Reader::IsThere);
        assert!(!path.exists() && part.exists());
        target.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"a,b\n");
        assert!(!part.exists());
        assert!(Target::open(&path).is_err(), "it is there");

        let other = folder.path().join("b.csv");
        let mut target = Target::open(&other).unwrap();
        target.write_all(b"half").unwrap();
        target.discard();
        assert!(!other.exists() && !folder.path().join("b.csv.part").exists());

        // Somebody else made it meanwhile.
        let mut target = Target::open(&other).unwrap();
        target.write_all(b"ours").unwrap();
        std::fs::write(&other, "theirs").unwrap();
        assert!(target.finish().is_err());
        assert_eq!(std::fs::read(&other).unwrap(), b"theirs");
    }
}
