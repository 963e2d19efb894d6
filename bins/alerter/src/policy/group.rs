//! What of one group is worth a mail.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ports::store::{AlertGroup, CLOCK_SKEW, FLAPPING, FLAPPING_WITHIN, GroupState};

use super::{Rules, delta};

/// By which factor an episode must grow to be due before `repeat_after`.
const GROWTH: u64 = 10;

/// How long to gather ends before a mail about them.
const END_WAIT: TimeDelta = TimeDelta::seconds(15);

/// Whether a group opens and closes again and again.
pub(crate) fn is_flapping(group: &AlertGroup) -> bool {
    group.flaps >= FLAPPING
}

/// Whether there is more than somebody was told of an open group before.
pub(super) fn has_more(group: &AlertGroup) -> bool {
    group.state == GroupState::Open && group.unsent > 0 && group.told_at.is_some()
}

/// The waits that are over at a time.
#[derive(Clone, Copy)]
pub(super) struct Waits<'a> {
    pub(super) now: DateTime<Utc>,
    pub(super) rules: Rules<'a>,
    /// Whether digests are far enough apart.
    pub(super) digest_is_due: bool,
    /// Whether what is new since the last mail has gathered: causes that begin one after the other are told together.
    pub(super) is_gathered: bool,
}

impl Waits<'_> {
    /// How long ago `at` was. The clocks of two alerters differ a little; what is further ahead than that is from before a step
    /// back, and counts as long ago.
    pub(super) fn since(self, at: DateTime<Utc>) -> TimeDelta {
        if at > self.now + CLOCK_SKEW { TimeDelta::MAX } else { (self.now - at).max(TimeDelta::zero()) }
    }

    pub(super) fn has_passed(self, at: DateTime<Utc>, wait: Duration) -> bool {
        self.since(at) >= delta(wait)
    }

    /// Whether its trouble is to be told.
    pub(super) fn is_due(self, group: &AlertGroup) -> bool {
        (group.state == GroupState::Open || self.is_away_for_now(group))
            && group.unsent > 0
            && (self.news_is_due(group) || (self.digest_is_due && self.repeat_is_due(group)))
    }

    /// Nobody was told of it, and it is over just now; but it comes and goes, so that it may never be there when it is looked for.
    fn is_away_for_now(self, group: &AlertGroup) -> bool {
        group.state == GroupState::Resolved
            && group.told_at.is_none()
            && is_flapping(group)
            && group.resolved_at.is_some_and(|at| self.since(at) < FLAPPING_WITHIN)
    }

    /// Nobody was told of the episode. One that flaps has gathered all the time; one whose last end was just told waits.
    fn news_is_due(self, group: &AlertGroup) -> bool {
        let Rules { mail, no_wait, .. } = self.rules;
        let began_at = if is_flapping(group) { group.flapping_since } else { group.opened_at };
        let is_apart = group.mailed_at.is_none_or(|at| self.has_passed(at, mail.digest_every));
        group.told_at.is_none()
            && (no_wait || (is_apart && self.is_gathered && self.has_passed(began_at, mail.group_wait)))
    }

    /// Somebody was told of it, and there is more.
    fn repeat_is_due(self, group: &AlertGroup) -> bool {
        group.told_at.is_some_and(|told_at| {
            // Those of this episode; of all, when a mail told of an earlier one only.
            let before = if group.mailed_total > group.opened_total { group.opened_total } else { 0 };
            let (told, now) = (group.mailed_total - before, group.total.saturating_sub(before));
            // Who was told of it believes that it is there all the time.
            let flaps_now = group.flaps == FLAPPING && told_at < group.opened_at;
            flaps_now
                || self.has_passed(told_at, self.rules.mail.repeat_after)
                || now >= told.saturating_mul(GROWTH)
        })
    }

    /// Whether its end is to be told: somebody was told of its trouble, and, where it flaps, it stays away.
    pub(super) fn has_ended(self, group: &AlertGroup) -> bool {
        let stays_away = |at| self.since(at) >= FLAPPING_WITHIN;
        group.state == GroupState::Resolved
            && group.told_at.is_some()
            && (!is_flapping(group) || group.resolved_at.is_none_or(stays_away))
    }

    /// Whether that alone is worth a mail.
    pub(super) fn end_is_due(self, group: &AlertGroup) -> bool {
        let has_gathered = |at| self.rules.no_wait || self.since(at) >= END_WAIT;
        self.has_ended(group) && group.resolved_at.is_none_or(has_gathered)
    }
}
