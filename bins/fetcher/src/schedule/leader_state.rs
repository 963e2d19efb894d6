//! What a fetcher knows about its leading from one term to the next.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Slot;
use outage::Backoff;
use tracing::{debug, info, warn};

use crate::collect::GaveUp;
use crate::subject::Subject;

/// A limit may be lifted early (another plan), so a long wait asks again this often; the API charges
/// nothing for a refusal.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(6);

/// A term that lasted this long proves that the queue lets this fetcher lead.
pub(super) const STABLE_AFTER: Duration = Duration::from_secs(30);

/// A batch that gave way to a snapshot, and is to be gone on with.
pub(super) struct GivenWay {
    pub(super) subject: Subject,
    pub(super) slot: Slot,
    /// When the snapshot was due that it gave way to.
    pub(super) not_before: DateTime<Utc>,
    /// Why it did not come whole until then, as far as known.
    pub(super) gave_up: Option<GaveUp>,
}

/// The state of a fetcher between its terms.
#[derive(Default)]
pub(super) struct LeaderState {
    backoff: Backoff,
    is_away: bool,
    paused_until: Option<DateTime<Utc>>,
    given_way: Vec<GivenWay>,
    /// No gap is filled before.
    catching_up_held_until: Option<DateTime<Utc>>,
}

impl LeaderState {
    /// A term began. That proves nothing yet: a queue may give the lead and take no messages.
    pub(super) fn term_began(&self) {
        if self.is_away {
            debug!("leading, as it seems");
        } else {
            info!("leading: this fetcher schedules");
        }
    }

    /// Something was written in this term, or it lasts. `true` when that was in doubt.
    pub(super) fn confirm(&mut self) -> bool {
        self.backoff.reset();
        if self.is_away {
            info!("leading again: this fetcher schedules");
        }
        std::mem::take(&mut self.is_away)
    }

    /// Whether leading failed the last time.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.is_away
    }

    /// Leading failed because of `reason`, which is a warning once and a debug line from then on.
    pub(super) fn fail(&mut self, reason: &str) {
        if self.is_away {
            debug!("still cannot lead: {reason}");
        } else {
            warn!("cannot lead, so nothing is fetched: {reason}");
        }
        self.is_away = true;
    }

    /// How long to wait before asking for the lead again.
    pub(super) fn next_wait(&mut self) -> Duration {
        self.backoff.next_wait()
    }

    /// A batch is to be gone on with.
    pub(super) fn give_way(&mut self, batch: GivenWay) {
        self.given_way.push(batch);
    }

    /// A batch to go on with at `now`, where no snapshot is due.
    pub(super) fn take_given_way(&mut self, now: DateTime<Utc>) -> Option<GivenWay> {
        let place = self.given_way.iter().position(|batch| batch.not_before <= now)?;
        Some(self.given_way.remove(place))
    }

    /// The API wants to be left alone until then.
    pub(super) fn pause_until(&mut self, until: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        self.paused_until = until.map(|until| until.min(now + LONGEST_PAUSE));
    }

    /// No gap is filled before `until`.
    pub(super) fn hold_catching_up(&mut self, until: DateTime<Utc>) {
        self.catching_up_held_until = Some(until);
    }

    /// Whether no gap is to be filled at `now`.
    pub(super) fn is_catching_up_held(&self, now: DateTime<Utc>) -> bool {
        // A clock that was set back does not make it longer.
        self.catching_up_held_until.is_some_and(|until| until > now && until - now <= LONGEST_PAUSE)
    }

    /// Until when the API wants to be left alone at `now`, if it does.
    pub(super) fn paused_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // A clock that was set back does not make it longer.
        self.paused_until.filter(|&until| until > now && until - now <= LONGEST_PAUSE)
    }
}
