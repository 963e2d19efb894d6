//! What the errors of a file system mean: is something wrong with the file, or can it not be got at now?
//!
//! | error | meaning | why |
//! |---|---|---|
//! | `ENOENT` | absent | nothing has that name; the folder may have been deleted |
//! | `EISDIR`, `ENOTDIR`, `ELOOP` | not a file | something else has the name, and keeps it |
//! | `ENOSPC`, `EDQUOT` | trouble | disk or quota is full; somebody makes room |
//! | `EROFS` | trouble | mounted read-only, as file systems do after an error; what is there can be read |
//! | `EACCES`, `EPERM` | trouble | rights were taken away; the bytes are as they were |
//! | `EMFILE`, `ENFILE`, `ENOMEM` | trouble | this process or machine has no more handles or memory; says nothing about the file |
//! | `EIO` | trouble | the disk or its cable; the next read may give the bytes |
//! | `ESTALE`, `ETIMEDOUT`, `EHOSTDOWN`, … | trouble | a network disk is away |
//! | `EBUSY`, `ETXTBSY`, `EINTR`, `EAGAIN` | trouble | another process uses it |
//! | all others | trouble | unknown: a page that was paid for is not given up for it |
//!
//! Only bytes that were read can be wrong ([`Found::aside`](super::Found)). Trouble is waited for, and nothing is moved.

use std::io::{self, ErrorKind};

/// What an error says about the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing has that name.
    Absent,
    /// Something has the name that cannot be read as a file.
    NotAFile,
    /// Nothing: waiting helps, or somebody has to do what the text says.
    Trouble(&'static str),
}

pub(super) fn meaning(error: &io::Error) -> Meaning {
    match error.kind() {
        ErrorKind::NotFound => Meaning::Absent,
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => Meaning::NotAFile,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Meaning::Trouble("make room on the disk"),
        ErrorKind::ReadOnlyFilesystem => {
            Meaning::Trouble("the disk is read-only: check it, and mount it anew")
        }
        ErrorKind::PermissionDenied => Meaning::Trouble("give the user of this process its rights back"),
        ErrorKind::OutOfMemory => Meaning::Trouble("this machine is out of memory"),
        ErrorKind::StaleNetworkFileHandle | ErrorKind::TimedOut | ErrorKind::HostUnreachable => {
            Meaning::Trouble("a network disk is away")
        }
        _ => match error.raw_os_error() {
            Some(ELOOP) => Meaning::NotAFile,
            Some(EMFILE | ENFILE) => Meaning::Trouble("too many files are open here: raise the limit"),
            Some(EIO) => Meaning::Trouble("the disk fails: check it"),
            _ => Meaning::Trouble("look after the disk"),
        },
    }
}

/// Whether `error`, of making the names in a folder durable, says that this file system knows no such thing (some network
/// and FUSE file systems): then there is nothing to wait for.
pub(super) fn cannot_sync_folders(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported)
}

// Those that std has no name for; the first three are the same on every Unix.
const EIO: i32 = 5;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const ELOOP: i32 = if cfg!(target_os = "linux") { 40 } else { 62 };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_name_stands_for_is_said_about_the_file() {
        let check = |errno: i32, expected: fn(Meaning) -> bool| {
            let error = io::Error::from_raw_os_error(errno);
            assert!(expected(meaning(&error)), "{error}: {:?}", meaning(&error));
        };
        check(2, |meaning| meaning == Meaning::Absent);
        for errno in [20, 21, 40] {
            check(errno, |meaning| meaning == Meaning::NotAFile);
        }
        // EPERM, EINTR, EIO, EAGAIN, ENOMEM, EACCES, EBUSY, ENFILE, EMFILE, ENOSPC, EROFS, EDQUOT, ESTALE, ETIMEDOUT,
        // and one that does not exist.
        for errno in [1, 4, 5, 11, 12, 13, 16, 23, 24, 28, 30, 122, 116, 110, 4000] {
            check(errno, |meaning| matches!(meaning, Meaning::Trouble(hint) if !hint.is_empty()));
        }
    }
}
