//! How the queue in memory behaves.

use std::time::Duration;

/// How the queue in memory behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// How long a process may stand still before others are given what it holds.
    pub(crate) lease: Duration,
    /// How often a message may be delivered to holders that die before it goes to the dead letters.
    pub(crate) delivery_limit: u32,
    /// Age at which a page leaves the archive.
    pub(crate) archive_keep: Duration,
    /// Size of the archive in bytes at which its oldest pages leave.
    pub(crate) archive_max_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            delivery_limit: 8,
            archive_keep: Duration::from_hours(7 * 24),
            archive_max_bytes: 1 << 30,
        }
    }
}
