//! How long a batch is tried for, and how that ends.

use chrono::{DateTime, TimeDelta, Utc};

use crate::spool::PageRecord;

/// How long a batch is worth trying for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// Until the next slot begins.
    UntilNextSlot(DateTime<Utc>),
    /// Someone is waiting for it.
    Watched,
}

impl Patience {
    /// Retries of a batch that someone waits for.
    const RETRIES: u32 = 5;
    /// The longest single wait of such a batch: longer ones are daily and monthly limits.
    const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(10);
    /// How long such a batch waits for the disk.
    const DISK_WAIT: TimeDelta = TimeDelta::minutes(1);

    /// Until when to wait for a disk that refuses something at `now`.
    pub(super) fn for_the_disk(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::UntilNextSlot(next) => next,
            Self::Watched => now.checked_add_signed(Self::DISK_WAIT).unwrap_or(now),
        }
    }

    /// Whether someone is waiting for it.
    pub(super) fn is_watched(self) -> bool {
        matches!(self, Self::Watched)
    }

    /// How often such a batch is tried, if that is limited.
    pub(super) fn most_tries(self) -> Option<u32> {
        self.is_watched().then_some(Self::RETRIES + 1)
    }

    /// Whether to wait until `until` after `failures` in all.
    pub(super) fn allows(self, until: DateTime<Utc>, now: DateTime<Utc>, failures: u32) -> bool {
        match self {
            Self::UntilNextSlot(next) => until < next,
            Self::Watched => failures <= Self::RETRIES && until - now <= Self::LONGEST_WAIT,
        }
    }
}

/// How fetching a batch ended. What was fetched is in the spool.
#[derive(Debug)]
pub(crate) enum Ending {
    /// All pages are there.
    Complete(Vec<PageRecord>),
    /// The rest will not come.
    GaveUp(GaveUp),
    /// Something that goes before it is due: it is gone on with afterwards. This is why it did not come whole until then.
    GaveWay(GaveUp),
    /// Asked to stop; the next start goes on.
    Interrupted,
}

/// Why the rest of a batch will not come.
#[derive(Clone, Debug)]
pub(crate) struct GaveUp {
    pub(crate) code: String,
    pub(crate) reason: String,
    pub(crate) hint: Option<&'static str>,
    /// When trying makes sense again, if that is known.
    pub(crate) until: Option<DateTime<Utc>>,
    /// Whether the cause outlasts the slot, so that the next ones will fail alike.
    pub(crate) lasts: bool,
}
