//! What the simulator was asked, for tests to look at. Keys are not kept.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// One request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// The path, such as `/v3/cryptocurrency/listings/latest`.
    pub path: String,
    /// The query as it came, without a key in it.
    pub query: String,
    /// Whether there was an `X-CMC_PRO_API_KEY` header.
    pub key_header: bool,
    /// Whether the key, from wherever, lets the caller in.
    pub key_accepted: bool,
}

/// The newest requests are kept, so that a simulator that runs for months does not grow.
const MOST: usize = 10_000;

/// Requests, oldest first.
#[derive(Debug, Default)]
pub(crate) struct SeenLog(Mutex<VecDeque<Seen>>);

impl SeenLog {
    pub(crate) fn push(&self, seen: Seen) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == MOST {
            log.pop_front();
        }
        log.push_back(seen);
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
