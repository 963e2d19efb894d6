//! The leases that a process holds, and when they were renewed.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::table::LeaseKey;

/// They are renewed together.
pub(super) struct HeldLeases {
    keys: BTreeSet<LeaseKey>,
    renewed_at: DateTime<Utc>,
}

impl HeldLeases {
    /// None, at `now`.
    pub(super) fn starting_at(now: DateTime<Utc>) -> Self {
        Self { keys: BTreeSet::new(), renewed_at: now }
    }

    /// Holds the lease `key`.
    pub(super) fn insert(&mut self, key: LeaseKey) {
        self.keys.insert(key);
    }

    /// Does not hold the lease `key` any more.
    pub(super) fn remove(&mut self, key: LeaseKey) {
        self.keys.remove(&key);
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// All of them.
    pub(super) fn keys(&self) -> Vec<LeaseKey> {
        self.keys.iter().copied().collect()
    }

    /// When they were last renewed.
    pub(super) fn renewed_at(&self) -> DateTime<Utc> {
        self.renewed_at
    }

    /// They were renewed at `now`.
    pub(super) fn set_renewed(&mut self, now: DateTime<Utc>) {
        self.renewed_at = now;
    }
}
