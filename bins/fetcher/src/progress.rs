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
        /// Which try comes then, where tries are counted.
        next: Option<NextTry>,
    },
    /// All pages are in the queue.
    Published {
        /// The batch.
        batch: &'a BatchId,
    },
}

/// A try that comes after a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextTry {
    /// Its number, from 2.
    pub number: u32,
    /// After so many it is given up.
    pub most: u32,
    /// Whether what came before was paid for, and this one costs as much again.
    pub is_paid_again: bool,
}

impl fmt::Display for NextTry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cost = if self.is_paid_again { ", which costs its credits again" } else { "" };
        write!(f, "try {} of {}{cost}", self.number, self.most)
    }
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
            Self::Waiting { until, reason, next } => {
                write!(f, "waiting until {} UTC", until.format("%F %T"))?;
                if let Some(next) = next {
                    write!(f, " for {next}")?;
                }
                write!(f, ": {reason}")
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
