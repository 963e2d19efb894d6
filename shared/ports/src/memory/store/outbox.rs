//! The outbox in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::timestamp;

use super::MemoryStore;
use crate::store::{Covered, Mail, MailResult, Outbox, StoreError};

/// Mails by id.
#[derive(Default)]
pub(super) struct Mails {
    mails: BTreeMap<String, Posted>,
}

struct Posted {
    mail: Mail,
    due_at: DateTime<Utc>,
    /// Sent, or refused for good.
    finished: bool,
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn post(&self, mail: &Mail, covered: &[Covered]) -> Result<(), StoreError> {
        let mut state = self.state()?;
        if state.mails.mails.contains_key(&mail.id) {
            return Ok(());
        }
        let posted_at = timestamp::to_millis(mail.posted_at);
        let posted = Posted { mail: Mail { posted_at, ..mail.clone() }, due_at: posted_at, finished: false };
        state.mails.mails.insert(mail.id.clone(), posted);
        state.desk.cover(covered, posted_at);
        Ok(())
    }

    async fn due(&self, now: DateTime<Utc>) -> Result<Vec<Mail>, StoreError> {
        let state = self.state()?;
        let waiting = state.mails.mails.values().filter(|posted| !posted.finished && posted.due_at <= now);
        let mut due: Vec<_> = waiting.map(|posted| posted.mail.clone()).collect();
        due.sort_by_key(|mail| mail.posted_at);
        Ok(due)
    }

    async fn record_attempt(
        &self,
        id: &str,
        _at: DateTime<Utc>,
        result: &MailResult,
    ) -> Result<(), StoreError> {
        let mut state = self.state()?;
        if let Some(posted) = state.mails.mails.get_mut(id) {
            posted.mail.attempts += 1;
            match result {
                MailResult::Sent | MailResult::Refused(_) => posted.finished = true,
                MailResult::RetryAt(at) => posted.due_at = timestamp::to_millis(*at),
            }
        }
        Ok(())
    }

    async fn posted_since(&self, since: DateTime<Utc>) -> Result<u64, StoreError> {
        let state = self.state()?;
        Ok(state.mails.mails.values().filter(|posted| posted.mail.posted_at >= since).count() as u64)
    }
}
