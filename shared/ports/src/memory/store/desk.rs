//! The dead-letter desk in memory.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{DeadLetter, timestamp};

use super::MemoryStore;
use crate::store::{AlertGroup, Covered, FiledLetter, GroupState, Letters, StoreError};

/// Letters by id, groups by fingerprint.
#[derive(Default)]
pub(super) struct Desk {
    letters: BTreeMap<String, FiledLetter>,
    groups: BTreeMap<String, AlertGroup>,
}

impl Desk {
    fn file(&mut self, letter: DeadLetter, fingerprint: &str, now: DateTime<Utc>) -> bool {
        if self.letters.contains_key(letter.id.as_str()) {
            return false;
        }
        let group = self.groups.entry(fingerprint.to_owned()).or_insert_with(|| AlertGroup {
            fingerprint: fingerprint.to_owned(),
            stage: letter.stage,
            class: letter.class,
            code: letter.code.clone(),
            reason: String::new(),
            state: GroupState::Open,
            first_seen_at: letter.first_seen_at,
            last_seen_at: now,
            total: 0,
            unsent: 0,
            mailed_at: None,
            mailed_total: 0,
        });
        group.reason.clone_from(&letter.reason);
        group.state = GroupState::Open;
        group.first_seen_at = group.first_seen_at.min(letter.first_seen_at);
        group.last_seen_at = now;
        group.total += 1;
        group.unsent += 1;
        let filed = FiledLetter { letter, fingerprint: fingerprint.to_owned(), filed_at: now };
        self.letters.insert(filed.letter.id.to_string(), filed);
        true
    }

    pub(super) fn resolve(&mut self, fingerprint: &str) {
        if let Some(group) = self.groups.get_mut(fingerprint) {
            group.state = GroupState::Resolved;
        }
    }

    /// A mail posted at `at` tells about `covered`.
    pub(super) fn cover(&mut self, covered: &[Covered], at: DateTime<Utc>) {
        for Covered { fingerprint, letters } in covered {
            if let Some(group) = self.groups.get_mut(fingerprint) {
                group.unsent = group.unsent.saturating_sub(*letters);
                group.mailed_at = Some(at);
                group.mailed_total = group.total;
            }
        }
    }
}

#[async_trait]
impl Letters for MemoryStore {
    async fn ready_to_file(&self) -> Result<(), StoreError> {
        self.state().map(|_| ())
    }

    async fn file(&self, letter: &DeadLetter, fingerprint: &str) -> Result<bool, StoreError> {
        let first_seen_at = timestamp::to_millis(letter.first_seen_at);
        let letter = DeadLetter { first_seen_at, ..letter.clone() };
        Ok(self.state()?.desk.file(letter, fingerprint, self.now()))
    }

    async fn groups(&self, state: Option<GroupState>) -> Result<Vec<AlertGroup>, StoreError> {
        let held = self.state()?;
        let groups = held.desk.groups.values().filter(|group| state.is_none_or(|state| group.state == state));
        let mut groups: Vec<_> = groups.cloned().collect();
        // Stable: groups of one instant stay in the order of their fingerprints.
        groups.sort_by_key(|group| Reverse(group.last_seen_at));
        Ok(groups)
    }

    async fn letters(&self, fingerprint: Option<&str>, limit: u32) -> Result<Vec<FiledLetter>, StoreError> {
        let held = self.state()?;
        let letters = held.desk.letters.values();
        let wanted = letters.filter(|filed| fingerprint.is_none_or(|wanted| filed.fingerprint == wanted));
        let mut wanted: Vec<_> = wanted.cloned().collect();
        wanted.sort_by_key(|filed| Reverse(filed.filed_at));
        wanted.truncate(limit as usize);
        Ok(wanted)
    }

    async fn letter(&self, id: &str) -> Result<Option<FiledLetter>, StoreError> {
        Ok(self.state()?.desk.letters.get(id).cloned())
    }
}
