//! How the queue in a file behaves.

use std::time::Duration;

/// How the queue in a file behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    /// How long a lease lasts without being renewed: then the message is delivered again.
    pub lease: Duration,
    /// How often a message may be delivered to holders that die before it goes to the dead letters.
    pub delivery_limit: u32,
    /// Age at which a page leaves the archive.
    pub archive_keep: Duration,
    /// Size of the archive in bytes at which its oldest pages leave.
    pub archive_max_bytes: u64,
}

impl Default for QueueOptions {
    /// 10 seconds, 8 deliveries, 7 days, 1 GiB.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            delivery_limit: 8,
            archive_keep: Duration::from_hours(7 * 24),
            archive_max_bytes: 1 << 30,
        }
    }
}
