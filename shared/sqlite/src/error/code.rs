//! SQLite's result codes, one by one: which are waited for, which need someone to act, which are about a row:
//! <https://sqlite.org/rescode.html>
//!
//! The lowest byte is the primary code; the extended code decides where it says more. A limit is an outage: what
//! a disk or its operator can lift without touching coinpipe is waited for.

/// What a code tells about what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The values of a row do not fit.
    Refused,
    /// Waiting helps; what is the matter, where the message of SQLite does not say it.
    Unavailable(&'static str),
    /// Someone has to act; what to do.
    Misconfigured(&'static str),
}

/// `SQLITE_CANTOPEN`.
pub(super) const CANTOPEN: i32 = 14;

use Meaning::{Misconfigured, Refused, Unavailable};

/// What the extended result code `code` means.
pub(crate) fn meaning(code: i32) -> Meaning {
    extended(code).unwrap_or_else(|| primary(code & 0xff))
}

/// Extended codes that mean something else than their primary one.
fn extended(code: i32) -> Option<Meaning> {
    Some(match code {
        // READONLY_DBMOVED: what is written now nobody would find.
        1032 => Misconfigured("the file was moved, renamed or deleted while it was open: put it back"),
        // IOERR_DATA, IOERR_CORRUPTFS: a checksum, of the page or of the file system, does not fit.
        8202 | 8458 => Misconfigured("check the disk, and restore the file from a backup"),
        // IOERR_NOMEM, IOERR_SHMSIZE: not the disk's fault, or that it is full.
        3082 => Unavailable("out of memory"),
        4874 => Unavailable("the disk is full"),
        // CANTOPEN_ISDIR, CANTOPEN_SYMLINK: no time makes it a file.
        526 => Misconfigured("name a file, not a directory"),
        1550 => Misconfigured("name the file itself, not a symbolic link"),
        // CORRUPT_INDEX: the rows themselves are whole.
        779 => Misconfigured("run REINDEX on it with the sqlite3 shell"),
        _ => return None,
    })
}

fn primary(code: i32) -> Meaning {
    match code {
        // ABORT: the transaction was undone under the statement. BUSY, with its RECOVERY, SNAPSHOT and TIMEOUT;
        // LOCKED, with SHAREDCACHE and VTAB; PROTOCOL, a race for the lock that was lost too often; SCHEMA, changed
        // again and again under a statement: all of them end with what another connection does.
        4 | 5 | 6 | 15 | 17 => Unavailable("another process is writing"),
        // NOMEM.
        7 => Unavailable("out of memory"),
        // READONLY, with RECOVERY, CANTLOCK, ROLLBACK, CANTINIT, DIRECTORY: a mount or a mode that may be changed back.
        8 => Unavailable("the file cannot be written"),
        // INTERRUPT.
        9 => Unavailable("interrupted"),
        // IOERR, whichever call failed: READ, SHORT_READ, WRITE, FSYNC, TRUNCATE, FSTAT, LOCK, DELETE, SHMOPEN, SHMMAP,
        // MMAP, GETTEMPPATH, VNODE, BEGIN_ATOMIC … A disk that fails now may not later, or on another machine.
        10 => Unavailable("the disk fails"),
        // FULL.
        13 => Unavailable("the disk is full"),
        // CANTOPEN, with NOTEMPDIR, FULLPATH, CONVPATH: too many open files, or a mount that is away. (At the start,
        // where a wrong path is more likely, `Database::open` says so.)
        CANTOPEN => Unavailable("the file cannot be opened"),
        // TOOBIG, CONSTRAINT with all of its kinds, MISMATCH.
        18..=20 => Refused,
        // CORRUPT, with VTAB and SEQUENCE.
        11 => Misconfigured("restore it from a backup or move it away"),
        // NOTADB, FORMAT.
        26 | 24 => Misconfigured("move it away or name another file"),
        // PERM, AUTH.
        3 | 23 => Misconfigured("check the permissions of the file and of its directory"),
        // NOLFS: it will not grow beyond this, here.
        22 => Misconfigured("move it to a file system that takes larger files"),
        // ERROR: no such table, column or function; bad SQL. NOTFOUND.
        1 | 12 => Misconfigured("the tables are not as coinpipe made them, or the SQLite is another one"),
        // INTERNAL, MISUSE, RANGE: a fault in SQLite or in coinpipe.
        2 | 21 | 25 => Misconfigured("this is a fault in coinpipe: please report it"),
        // NOTICE and WARNING are for logs; EMPTY, ROW, DONE are no errors; what is not known is waited for.
        _ => Unavailable("not foreseen"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tell_waiting_from_acting_from_refusing() {
        let check = |codes: &[i32], expected: &str| {
            for code in codes {
                let found = match meaning(*code) {
                    Refused => "refused",
                    Unavailable(what) => {
                        assert!(!what.is_empty());
                        "unavailable"
                    }
                    Misconfigured(hint) => {
                        assert!(!hint.is_empty());
                        "misconfigured"
                    }
                };
                assert_eq!(found, expected, "{code}");
            }
        };
        // BUSY and its kinds, LOCKED, PROTOCOL, SCHEMA, ABORT_ROLLBACK.
        check(&[5, 261, 517, 773, 6, 262, 15, 17, 4, 516], "unavailable");
        // FULL, READONLY with RECOVERY, CANTLOCK, ROLLBACK, CANTINIT and DIRECTORY, NOMEM, INTERRUPT.
        check(&[13, 8, 264, 520, 776, 1288, 1544, 7, 9], "unavailable");
        // IOERR: READ, WRITE, FSYNC, TRUNCATE, SHMSIZE, SHMMAP, NOMEM, LOCK.
        check(&[10, 266, 778, 1034, 1546, 4874, 5386, 3082, 3850], "unavailable");
        // CANTOPEN, NOTEMPDIR, FULLPATH; nothing known.
        check(&[14, 270, 782, 99, 27, 28], "unavailable");
        // READONLY_DBMOVED, IOERR_DATA, IOERR_CORRUPTFS, CANTOPEN_ISDIR, CANTOPEN_SYMLINK.
        check(&[1032, 8202, 8458, 526, 1550], "misconfigured");
        // CORRUPT, CORRUPT_INDEX, NOTADB, PERM, AUTH, NOLFS, ERROR, MISUSE.
        check(&[11, 267, 779, 26, 3, 23, 22, 1, 21], "misconfigured");
        // TOOBIG, CONSTRAINT with CHECK, NOTNULL, PRIMARYKEY, UNIQUE and DATATYPE, MISMATCH.
        check(&[18, 19, 275, 1299, 1555, 2067, 3091, 20], "refused");
    }
}
