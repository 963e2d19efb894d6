//! Files that are there whole or not at all, also after a power cut.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::SpoolError;

/// The ending of a file that is being written. One that is left over is from a crash, and is worthless.
pub(super) const UNFINISHED: &str = "tmp";

/// A file that could not be read, and where it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Its new place.
    pub path: PathBuf,
    /// What was wrong with it.
    pub reason: String,
}

/// Writes `parts` one after the other as the file `path`, replacing one that is there.
pub(super) fn write(path: &Path, parts: &[&[u8]]) -> Result<(), SpoolError> {
    let unfinished = path.with_added_extension(UNFINISHED);
    let write = || -> io::Result<()> {
        let mut file = File::create(&unfinished)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().map_err(SpoolError::at(path))?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes the names in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), SpoolError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(SpoolError::at(dir))
}

/// The names in `dir`, in order, without unfinished files.
pub(super) fn names(dir: &Path) -> Result<Vec<String>, SpoolError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(SpoolError::at(dir))? {
        let name = entry.map_err(SpoolError::at(dir))?.file_name();
        // A name that is not text is not ours.
        if let Ok(name) = name.into_string()
            && !name.ends_with(&format!(".{UNFINISHED}"))
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Moves the file or directory `path` into `corrupt` under a name that is not taken.
pub(super) fn set_aside(corrupt: &Path, path: &Path, reason: String) -> Result<SetAside, SpoolError> {
    let name_of = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let parent = path.parent().map(name_of).unwrap_or_default();
    let stem = format!("{parent}.{}", name_of(path));
    let mut target = corrupt.join(format!("{stem}.corrupt"));
    let mut number = 1;
    while target.exists() {
        number += 1;
        target = corrupt.join(format!("{stem}.{number}.corrupt"));
    }
    fs::rename(path, &target).map_err(SpoolError::at(path))?;
    sync_dir(corrupt)?;
    path.parent().map_or(Ok(()), sync_dir)?;
    Ok(SetAside { path: target, reason })
}

/// A name for `text` that every file system takes: its letters and digits, and its checksum.
pub(super) fn file_name(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(100).collect();
    format!("{plain}.{:08x}", domain::wire::crc32c(text.as_bytes()))
}
