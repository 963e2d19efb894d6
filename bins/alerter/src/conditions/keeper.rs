//! Keeps the incident of one condition: files a letter when it opens, resolves the group when it is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::{Class, DeadLetter, StageName};
use ports::store::{AlertGroup, GroupState};
use ports::{Clock, Letters, StoreError};
use tracing::{info, warn};

use super::{Condition, Finding, Look};
use crate::fingerprint::fingerprint;

pub(super) struct Keeper {
    condition: Box<dyn Condition>,
    letters: Arc<dyn Letters>,
    clock: Arc<dyn Clock>,
    /// An incident may be open: also one from before the start, or of another alerter.
    may_be_open: AtomicBool,
}

impl Keeper {
    pub(super) fn new(
        condition: Box<dyn Condition>,
        letters: Arc<dyn Letters>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { condition, letters, clock, may_be_open: AtomicBool::new(true) }
    }

    /// Opens the incident when it is due, and closes it when it is over.
    pub(super) async fn look(&self) -> Result<(), StoreError> {
        match self.condition.look(self.clock.now()).await? {
            Look::Fine => self.close().await,
            Look::Unsure => Ok(()),
            Look::Wrong(finding) => self.open(finding).await,
        }
    }

    /// Files the letter, unless the incident is open.
    async fn open(&self, finding: Finding) -> Result<(), StoreError> {
        self.may_be_open.store(true, Ordering::Relaxed);
        if !self.groups().await?.is_empty() {
            return Ok(());
        }
        let Finding { occasion, reason } = finding;
        let code = self.condition.code();
        let letter = DeadLetter::incident(StageName::Alerter, code, occasion, reason, self.clock.now());
        let group = fingerprint(&letter);
        if self.letters.file(&letter, &group).await? {
            warn!(letter = %letter.id, group, code, "{}", letter.reason);
        }
        Ok(())
    }

    /// Resolves the incident, if it is open.
    async fn close(&self) -> Result<(), StoreError> {
        if !self.may_be_open.load(Ordering::Relaxed) {
            return Ok(());
        }
        let end = self.condition.end();
        for group in self.groups().await? {
            if self.letters.resolve(&group.fingerprint, group.total, end).await? {
                info!(group = group.fingerprint, code = self.condition.code(), "resolved: {end}");
            }
        }
        self.may_be_open.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// The incidents that are open.
    async fn groups(&self) -> Result<Vec<AlertGroup>, StoreError> {
        let mut groups = self.letters.groups(Some(GroupState::Open)).await?;
        groups.retain(|group| {
            group.stage == Some(StageName::Alerter)
                && group.class == Class::Incident
                && group.code == self.condition.code()
        });
        Ok(groups)
    }
}
