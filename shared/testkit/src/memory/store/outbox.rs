//! The outbox in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::timestamp;

use super::{MemoryStore, State};
use ports::store::{
    CLOCK_SKEW, Claim, ClaimedMail, Covered, FLAPPING, Fate, GroupState, Mail, MailResult, MailTrouble,
    Outbox, OutboxState, Planner, PostedMail, StoreError,
};

/// Mails by id.
pub(super) struct Mails {
    installation: String,
    mails: BTreeMap<String, Held>,
}

/// A mail, claimed or not.
struct Held {
    mail: Mail,
    due_at: DateTime<Utc>,
    /// Of a mail that one of its recipients has, and others not yet, [`Fate::Sent`].
    fate: Fate,
    /// Whether nobody is to get it any more.
    is_done: bool,
    /// Whether another one says the same.
    is_copy: bool,
    claims: u64,
    /// From when until when it is somebody's.
    claimed: Option<(DateTime<Utc>, DateTime<Utc>)>,
    covers: Vec<Cover>,
    /// When the last attempt failed, and why.
    failure: Option<(DateTime<Utc>, String)>,
}

/// What a mail covers of a group, and when the group was mailed about before.
struct Cover {
    fingerprint: String,
    letters: u64,
    mailed_at: Option<DateTime<Utc>>,
    mailed_total: u64,
    told_at: Option<DateTime<Utc>>,
}

impl Default for Mails {
    fn default() -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let installation = format!("memory{}", MADE.fetch_add(1, Ordering::Relaxed));
        Self { installation, mails: BTreeMap::new() }
    }
}

impl Mails {
    /// The mails, oldest first.
    fn in_order(&self) -> Vec<&Held> {
        let mut mails: Vec<_> = self.mails.values().collect();
        // Stable: mails of one instant stay in the order of their ids.
        mails.sort_by_key(|held| held.mail.posted_at);
        mails
    }
}

impl Mails {
    /// Forgets up to `limit` mails that were posted before `before` and do not wait; how many.
    pub(super) fn purge(&mut self, before: DateTime<Utc>, limit: usize) -> usize {
        let old = self.in_order().into_iter().filter(|held| {
            let is_over = match held.fate {
                Fate::Waiting => false,
                Fate::Sent => true,
                Fate::Refused(at) => at < before,
            };
            is_over && held.mail.posted_at < before
        });
        let old: Vec<_> = old.take(limit).map(|held| held.mail.id.clone()).collect();
        for id in &old {
            self.mails.remove(id);
        }
        old.len()
    }
}

impl Held {
    fn is_claimable(&self, claim: Claim) -> bool {
        let is_due = self.due_at <= claim.now || self.due_at > claim.far;
        let is_held =
            self.claimed.is_some_and(|(from, until)| from <= claim.now + CLOCK_SKEW && claim.now < until);
        !self.is_done && self.mail.channel == claim.channel && is_due && !is_held
    }
}

impl State {
    fn outbox_state(&self, since: DateTime<Utc>) -> OutboxState {
        let untold = |group: &&_| {
            let group: &ports::store::AlertGroup = group;
            match group.state {
                GroupState::Open => group.unsent > 0,
                GroupState::Resolved => {
                    group.told_at.is_some() || group.unsent > 0 && group.flaps >= FLAPPING
                }
            }
        };
        let mails = self.mails.in_order().into_iter().filter(|held| !held.is_copy);
        let wanted = mails.filter(|held| held.mail.posted_at >= since || held.fate == Fate::Waiting);
        OutboxState {
            installation: self.mails.installation.clone(),
            groups: self.desk.groups.values().filter(untold).cloned().collect(),
            mails: wanted
                .map(|held| PostedMail {
                    posted_at: held.mail.posted_at,
                    attempts: held.mail.attempts,
                    fate: held.fate,
                })
                .collect(),
            silences: self.silences_after(since),
        }
    }

    /// Takes what a mail posted at `at` covers off its groups.
    fn cover(&mut self, covered: Vec<Covered>, at: DateTime<Utc>) -> Vec<Cover> {
        let mut covers = Vec::new();
        for Covered { fingerprint, letters, total, is_end } in covered {
            let Some(group) = self.desk.groups.get_mut(&fingerprint) else { continue };
            let letters = letters.min(group.unsent);
            covers.push(Cover {
                fingerprint,
                letters,
                mailed_at: group.mailed_at,
                mailed_total: group.mailed_total,
                told_at: group.told_at,
            });
            group.unsent -= letters;
            (group.mailed_at, group.mailed_total) = (Some(at), total);
            group.told_at = (!is_end).then_some(at);
        }
        covers
    }

    /// Gives the groups back what a mail posted at `at` covered.
    fn uncover(&mut self, covers: Vec<Cover>, at: DateTime<Utc>) {
        for cover in covers {
            let Some(group) = self.desk.groups.get_mut(&cover.fingerprint) else { continue };
            group.unsent = (group.unsent + cover.letters).min(group.total);
            // A later mail may have covered the group since.
            if group.mailed_at == Some(at) {
                (group.mailed_at, group.mailed_total) = (cover.mailed_at, cover.mailed_total);
                group.told_at = cover.told_at;
            }
        }
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn post(&self, since: DateTime<Utc>, plan: &Planner<'_>) -> Result<Option<Mail>, StoreError> {
        let mut state = self.state()?;
        let Some(posting) = plan(&state.outbox_state(since)) else { return Ok(None) };
        if state.mails.mails.contains_key(&posting.mail.id) {
            return Ok(None);
        }
        let mail = Mail { posted_at: timestamp::to_millis(posting.mail.posted_at), ..posting.mail };
        let covers = state.cover(posting.covered, mail.posted_at);
        let held = |mail: Mail, is_copy, covers| Held {
            due_at: mail.posted_at,
            mail,
            fate: Fate::Waiting,
            is_done: false,
            is_copy,
            claims: 0,
            claimed: None,
            covers,
            failure: None,
        };
        state.mails.mails.insert(mail.id.clone(), held(mail.clone(), false, covers));
        for copy in posting.copies {
            let copy = Mail { posted_at: timestamp::to_millis(copy.posted_at), ..copy };
            state.mails.mails.entry(copy.id.clone()).or_insert(held(copy, true, Vec::new()));
        }
        Ok(Some(mail))
    }

    async fn claim(&self, claim: Claim) -> Result<Option<ClaimedMail>, StoreError> {
        let mut state = self.state()?;
        let mails = state.mails.in_order().into_iter();
        let Some(id) = mails.filter(|held| held.is_claimable(claim)).map(|held| held.mail.id.clone()).next()
        else {
            return Ok(None);
        };
        let held = state.mails.mails.get_mut(&id);
        Ok(held.map(|held| {
            held.claims += 1;
            held.claimed = Some((claim.now, claim.until));
            ClaimedMail { mail: held.mail.clone(), number: held.claims }
        }))
    }

    async fn record(
        &self,
        id: &str,
        number: u64,
        at: DateTime<Utc>,
        result: &MailResult,
    ) -> Result<bool, StoreError> {
        let mut state = self.state()?;
        let Some(held) = state.mails.mails.get_mut(id) else { return Ok(false) };
        if held.claims != number || held.claimed.is_none() {
            return Ok(false);
        }
        held.claimed = None;
        held.mail.attempts += 1;
        match result {
            MailResult::Sent => {
                (held.fate, held.is_done) = (Fate::Sent, true);
                held.covers.clear();
            }
            MailResult::Partly { left, at: due_at, reason } => {
                held.fate = Fate::Sent;
                held.covers.clear();
                held.mail.left.clone_from(left);
                held.due_at = timestamp::to_millis(*due_at);
                held.failure = Some((timestamp::to_millis(at), reason.clone()));
            }
            MailResult::RetryAt { at: due_at, reason } => {
                held.due_at = timestamp::to_millis(*due_at);
                held.failure = Some((timestamp::to_millis(at), reason.clone()));
            }
            MailResult::Refused(reason) => {
                held.is_done = true;
                if held.fate == Fate::Waiting {
                    held.fate = Fate::Refused(timestamp::to_millis(at));
                }
                held.failure = Some((timestamp::to_millis(at), reason.clone()));
                let (covers, posted_at) = (std::mem::take(&mut held.covers), held.mail.posted_at);
                state.uncover(covers, posted_at);
            }
        }
        Ok(true)
    }

    async fn is_posted(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.state()?.mails.mails.contains_key(id))
    }

    async fn trouble(&self) -> Result<MailTrouble, StoreError> {
        let state = self.state()?;
        let mails = state.mails.in_order();
        let waiting: Vec<_> = mails.iter().filter(|held| !held.is_done).collect();
        let last_failure = waiting.iter().filter_map(|held| held.failure.clone()).max();
        let refusals = |of_copies: bool| {
            let meant = mails.iter().filter(|held| held.is_copy == of_copies);
            let since_sent = meant.rev().take_while(|held| held.fate != Fate::Sent);
            let refused: Vec<_> = since_sent.filter(|held| matches!(held.fate, Fate::Refused(_))).collect();
            (refused.len() as u64, refused.iter().filter_map(|held| held.failure.clone()).max())
        };
        let ((refused, refusal), (refused_copies, copy_refusal)) = (refusals(false), refusals(true));
        Ok(MailTrouble {
            waiting: waiting.len() as u64,
            waiting_since: waiting.first().map(|held| held.mail.posted_at),
            failure: last_failure.map(|(_, reason)| reason),
            refused,
            refusal,
            refused_copies,
            copy_refusal,
        })
    }
}
