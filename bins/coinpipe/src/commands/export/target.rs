//! Where an export is written: a file, or stdout.

use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};
use std::path::Path;

use crate::part::Part;

/// An open target. A file that is dropped before it is finished is gone.
pub(super) enum Target {
    Stdout(BufWriter<StdoutLock<'static>>),
    File(Part),
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
        Part::create(path).map(Self::File)
    }

    /// Writes `bytes`. That nobody reads a pipe any more is no error of ours.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> anyhow::Result<Reader> {
        match self {
            Self::Stdout(out) => told(out.write_all(bytes)),
            Self::File(part) => part.write_all(bytes).map(|()| Reader::IsThere),
        }
    }

    /// All is written: a file gets its name.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Stdout(mut out) => told(out.flush()).map(drop),
            Self::File(part) => part.finish(),
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
    fn a_file_that_is_there_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "theirs").unwrap();
        assert!(Target::open(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
        assert!(!folder.path().join("a.csv.part").exists());
    }
}
