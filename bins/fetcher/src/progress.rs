//! Progress for people: the steps of a snapshot as they happen.

use std::fmt;

use chrono::{DateTime, Utc};
use domain::BatchId;

/// A step of a snapshot. Its text is one line for the person who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// A page is asked for.
    Fetching {
        /// Its number, from 1.
        page: u32,
        /// How many there are, as far as known.
        pages: u32,
    },
    /// A page arrived and is safe on disk.
    Received {
        /// Its number, from 1.
        page: u32,
        /// How many there are, as far as known.
        pages: u32,
        /// Coins in it.
        rows: u32,
        /// Its size in bytes, decoded.
        bytes: usize,
    },
    /// Something failed; it will be tried again.
    Waiting {
        /// When.
        until: DateTime<Utc>,
        /// What failed.
        reason: &'a str,
    },
    /// All pages are in the queue.
    Published {
        /// The batch.
        batch: &'a BatchId,
    },
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetching { page, pages } => write!(f, "fetching page {page} of {pages}"),
            Self::Received { page, pages, rows, bytes } => {
                let plural = if *rows == 1 { "" } else { "s" };
                write!(
                    f,
                    "received page {page} of {pages}: {rows} coin{plural}, {} KiB",
                    bytes.div_ceil(1024)
                )
            }
            Self::Waiting { until, reason } => {
                write!(f, "waiting until {} UTC: {reason}", until.format("%F %T"))
            }
            Self::Published { batch } => write!(f, "published {batch}"),
        }
    }
}

/// Receives each step of a snapshot.
pub trait ProgressObserver: Send + Sync {
    /// `step` begins. Must not block.
    fn step(&self, step: Step<'_>);
}

/// For scheduled runs, which nobody watches: the log has all of it.
pub(crate) struct NoObserver;

impl ProgressObserver for NoObserver {
    fn step(&self, _: Step<'_>) {}
}
