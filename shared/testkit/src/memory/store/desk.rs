//! The dead-letter desk in memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Class, DeadLetter, timestamp};

use super::MemoryStore;
use ports::store::{
    AlertGroup, Death, FLAPPING_WITHIN, FiledCounts, FiledLetter, GroupState, LetterSummary, Letters,
    StoreError,
};

/// Letters by id, groups by fingerprint.
#[derive(Default)]
pub(super) struct Desk {
    letters: BTreeMap<String, FiledLetter>,
    pub(super) groups: BTreeMap<String, AlertGroup>,
}

impl Desk {
    fn file(&mut self, letter: DeadLetter, fingerprint: &str, now: DateTime<Utc>) -> bool {
        let replay = letter.replay();
        let filed = self.letters.get(letter.id.as_str());
        let mut deaths = filed.map(|filed| filed.deaths.clone()).unwrap_or_default();
        let is_known = |death: &Death| {
            (death.replay.as_str(), death.class, &death.code) == (replay.as_str(), letter.class, &letter.code)
        };
        if deaths.iter().any(is_known) {
            return false;
        }
        let death = Death {
            replay: replay.to_string(),
            stage: letter.stage,
            class: letter.class,
            code: letter.code.clone(),
            reason: letter.reason.clone(),
            attempt: letter.attempt,
            first_seen_at: letter.first_seen_at,
            filed_at: now,
            fingerprint: fingerprint.to_owned(),
        };
        self.count(&death);
        deaths.push(death);
        let id = letter.id.to_string();
        self.letters
            .insert(id, FiledLetter { letter, fingerprint: fingerprint.to_owned(), filed_at: now, deaths });
        true
    }

    /// Counts `death` in its group.
    fn count(&mut self, death: &Death) {
        let group = self.groups.entry(death.fingerprint.clone()).or_insert_with(|| AlertGroup {
            fingerprint: death.fingerprint.clone(),
            stage: death.stage,
            class: death.class,
            code: death.code.clone(),
            reason: String::new(),
            state: GroupState::Open,
            first_seen_at: death.first_seen_at,
            last_seen_at: death.filed_at,
            total: 0,
            unsent: 0,
            mailed_at: None,
            mailed_total: 0,
            opened_at: death.filed_at,
            resolved_at: None,
            resolution: None,
            episodes: 1,
            opened_total: 0,
            flapping_since: death.filed_at,
            flaps: 1,
            told_at: None,
        });
        if group.state == GroupState::Resolved {
            reopen(group, death.filed_at);
        }
        group.reason.clone_from(&death.reason);
        group.first_seen_at = group.first_seen_at.min(death.first_seen_at);
        group.last_seen_at = death.filed_at;
        group.total += 1;
        group.unsent += 1;
    }

    pub(super) fn resolve(&mut self, fingerprint: &str) {
        if let Some(group) = self.groups.get_mut(fingerprint) {
            group.state = GroupState::Resolved;
        }
    }
}

/// Another episode of a group that was resolved.
fn reopen(group: &mut AlertGroup, now: DateTime<Utc>) {
    if group.resolved_at.is_some_and(|at| at > now - FLAPPING_WITHIN) {
        group.flaps += 1;
    } else {
        (group.flaps, group.flapping_since) = (1, now);
    }
    group.episodes += 1;
    group.opened_total = group.total;
    (group.state, group.opened_at) = (GroupState::Open, now);
    (group.resolved_at, group.resolution) = (None, None);
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

    async fn resolve(&self, fingerprint: &str, total: u64, resolution: &str) -> Result<bool, StoreError> {
        let now = self.now();
        let mut held = self.state()?;
        let group = held.desk.groups.get_mut(fingerprint);
        let Some(group) = group.filter(|group| group.state == GroupState::Open && group.total == total)
        else {
            return Ok(false);
        };
        group.state = GroupState::Resolved;
        (group.resolved_at, group.resolution) = (Some(now), Some(resolution.to_owned()));
        Ok(true)
    }

    async fn groups(&self, state: Option<GroupState>) -> Result<Vec<AlertGroup>, StoreError> {
        let held = self.state()?;
        let groups = held.desk.groups.values().filter(|group| state.is_none_or(|state| group.state == state));
        let mut groups: Vec<_> = groups.cloned().collect();
        // Stable: groups of one instant stay in the order of their fingerprints.
        groups.sort_by_key(|group| Reverse(group.last_seen_at));
        Ok(groups)
    }

    async fn letters(&self, fingerprint: Option<&str>, limit: u32) -> Result<Vec<LetterSummary>, StoreError> {
        let held = self.state()?;
        let letters = held.desk.letters.values();
        let wanted = letters.filter(|filed| fingerprint.is_none_or(|wanted| filed.fingerprint == wanted));
        let mut wanted: Vec<_> = wanted.map(summary).collect();
        wanted.sort_by(|one, other| (other.filed_at, &other.id).cmp(&(one.filed_at, &one.id)));
        wanted.truncate(limit as usize);
        Ok(wanted)
    }

    async fn letter(&self, id: &str) -> Result<Option<FiledLetter>, StoreError> {
        Ok(self.state()?.desk.letters.get(id).cloned())
    }

    async fn count_filed(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<FiledCounts, StoreError> {
        let held = self.state()?;
        let mut counts = FiledCounts::default();
        for filed in held.desk.letters.values().filter(|filed| (from..to).contains(&filed.filed_at)) {
            if filed.letter.class == Class::Incident {
                counts.incidents += 1;
            } else {
                counts.letters += 1;
            }
        }
        Ok(counts)
    }

    async fn filed(&self, ids: &[&str]) -> Result<BTreeSet<String>, StoreError> {
        let held = self.state()?;
        let filed = ids.iter().filter(|id| held.desk.letters.contains_key(**id));
        Ok(filed.map(ToString::to_string).collect())
    }
}

fn summary(filed: &FiledLetter) -> LetterSummary {
    let letter = &filed.letter;
    LetterSummary {
        id: letter.id.clone(),
        class: letter.class,
        code: letter.code.clone(),
        reason: letter.reason.clone(),
        stage: letter.stage,
        attempt: letter.attempt,
        first_seen_at: letter.first_seen_at,
        headers: letter.headers.clone(),
        body_bytes: letter.body.len() as u64,
        fingerprint: filed.fingerprint.clone(),
        filed_at: filed.filed_at,
        deaths: filed.deaths.len() as u64,
    }
}
