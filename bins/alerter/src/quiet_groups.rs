//! Closes groups in which nothing died for a long time: `alert.resolve_after`.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::{Class, StageName};
use ports::store::{AlertGroup, GroupState};
use ports::{Clock, Letters, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often the desk is read.
const POLL_INTERVAL: Duration = Duration::from_mins(1);

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Resolves groups that were quiet for a time.
pub struct QuietGroups {
    letters: Arc<dyn Letters>,
    clock: Arc<dyn Clock>,
    /// `None`: never.
    after: Option<Duration>,
    is_mailed: bool,
}

impl QuietGroups {
    /// Resolves groups without a death for the time `after`; zero: none. Where deaths are mailed about, those that wait for it
    /// are told first.
    pub fn new(letters: Arc<dyn Letters>, clock: Arc<dyn Clock>, after: Duration, is_mailed: bool) -> Self {
        Self { letters, clock, after: Some(after).filter(|after| !after.is_zero()), is_mailed }
    }

    /// Looks again and again until `stop`. While the store is away it waits.
    pub async fn run(&self, stop: CancellationToken) {
        let Some(after) = self.after else { return };
        let tell =
            |error: &StoreError| warn!(%error, "quiet groups are not resolved while the store is away");
        outage::rounds(&self.clock, POLL_INTERVAL, &stop, || self.look(after), tell).await;
    }

    async fn look(&self, after: Duration) -> Result<(), StoreError> {
        let least = TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
        let how = match after.as_secs() {
            seconds if seconds % DAY == 0 && seconds >= 2 * DAY => {
                format!("quiet for {} days", seconds / DAY)
            }
            _ => format!("quiet for {}", humantime::format_duration(after)),
        };
        let now = self.clock.now();
        for group in self.letters.groups(Some(GroupState::Open)).await? {
            let is_told = group.unsent == 0 || !self.is_mailed;
            let is_quiet = now - group.last_seen_at >= least && is_told;
            if is_quiet
                && !is_seen_to_last(&group)
                && self.letters.resolve(&group.fingerprint, group.total, &how).await?
            {
                info!(group = group.fingerprint, code = group.code, "resolved: {how}");
            }
        }
        Ok(())
    }
}

/// Whether somebody looks whether it is still so, and closes it then: the alerter's own incidents.
fn is_seen_to_last(group: &AlertGroup) -> bool {
    group.class == Class::Incident && group.stage == Some(StageName::Alerter)
}

#[cfg(test)]
mod tests {
    use domain::DeadLetter;
    use testkit::clock::ManualClock;
    use testkit::memory::MemoryStore;

    use super::*;

    /// A day.
    const DAY: Duration = Duration::from_secs(super::DAY);

    #[tokio::test]
    async fn a_group_is_resolved_when_nothing_died_in_it_for_so_long() {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let quiet = QuietGroups::new(store.clone(), clock.clone(), 7 * DAY, true);
        let file = async |stage, occasion: &str| {
            let letter = DeadLetter::incident(stage, "broken", occasion, "it broke", clock.now());
            assert!(store.file(&letter, stage.as_str()).await.unwrap());
        };
        let open = async || {
            quiet.look(7 * DAY).await.unwrap();
            let groups = store.groups(Some(GroupState::Open)).await.unwrap();
            groups.into_iter().map(|group| group.fingerprint).collect::<Vec<_>>()
        };
        // Told, or nothing was to be told: the tests of the mailer have mails.
        let tell = |state: &ports::OutboxState| {
            let covers = |group: &AlertGroup| ports::Covered {
                fingerprint: group.fingerprint.clone(),
                letters: group.unsent,
                total: group.total,
                is_end: false,
            };
            let covered = state.groups.iter().map(covers).collect();
            let mail = ports::Mail::plain(clock.now().to_string(), "", "", clock.now());
            Some(ports::Posting { mail, covered, copies: Vec::new() })
        };
        for stage in [StageName::Loader, StageName::Fetcher, StageName::Alerter] {
            file(stage, "first").await;
        }
        clock.advance(6 * DAY);
        file(StageName::Loader, "second").await;
        clock.advance(DAY);
        assert_eq!(open().await.len(), 3, "nobody was told");
        ports::Outbox::post(&*store, clock.now(), &tell).await.unwrap();
        assert_eq!(open().await, ["loader", "alerter"]);
        clock.advance(Duration::from_secs(6 * super::DAY - 1));
        assert_eq!(open().await, ["loader", "alerter"]);
        clock.advance(Duration::from_secs(1));
        assert_eq!(open().await, ["alerter"]);
        let resolved = store.groups(Some(GroupState::Resolved)).await.unwrap();
        assert!(resolved.iter().all(|group| group.resolution.as_deref() == Some("quiet for 7 days")));
        // Nobody is told where nothing is mailed.
        file(StageName::Transformer, "first").await;
        clock.advance(7 * DAY);
        assert_eq!(open().await, ["transformer", "alerter"]);
        let unmailed = QuietGroups::new(store.clone(), clock.clone(), 7 * DAY, false);
        unmailed.look(7 * DAY).await.unwrap();
        assert_eq!(open().await, ["alerter"]);
    }
}
