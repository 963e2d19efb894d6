//! What is worth a mail now. A pure function, so that storms are tests and not nights.
//!
//! - An open group that nobody was told of is due `group_wait` after it opened, so that a burst becomes one mail, and as long after the
//!   last mail, so that many causes become few; one that was told of and ended before, no sooner than `digest_every` after the last
//!   mail about it.
//! - An open group that somebody was told of is due again after `repeat_after`, or when its episode grew tenfold. A cause in
//!   another stage is another group, so it is news.
//! - The end of an episode that somebody was told of is told within seconds; one that nobody was told of, never.
//! - A group that opened [`ports::store::FLAPPING`] times, each time soon after it closed, flaps: one mail says so, also when it is away
//!   at that moment, and one tells its end when it has stayed away for as long.
//! - Groups that are due together share one mail, and such digests are `digest_every` apart; only news and ends need not wait
//!   for the next digest.
//! - A group with a silence is not mailed about until the silence ends, and what came meanwhile is told then; in quiet hours nothing is
//!   mailed. What is due then is told together.
//! - At most `max_per_hour` and `max_per_day` mails, whatever happens; the last one before a cap says so. Ends alone use up no more
//!   than half of a cap: there must be room for trouble.
//! - Letters of a mail that the server refused are mailed again, without quoted reasons (these may be what the server
//!   refuses), after growing waits, so that refusals do not use up the caps of a day.
//!
//! The clock may step back: an instant in the future counts as long ago, so nothing is held back for ever;
//! the caps still hold, because they count the mails of the next day too.

mod group;
mod posted;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use config::{Mail as Settings, QuietHours};
use outage::Growth;
use ports::store::{AlertGroup, OutboxState};

pub(crate) use group::is_flapping;
use group::{Waits, has_more};
pub(crate) use posted::Posted;

/// After a refusal the next mail waits for `digest_every`, but at least this long; twice as long after the next one.
const FIRST_REFUSAL: Duration = Duration::from_mins(1);
/// The longest such wait, unless `digest_every` is longer.
const LAST_REFUSAL: Duration = Duration::from_hours(1);

/// What is asked of the policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    /// Waits and caps.
    pub mail: &'a Settings,
    /// When nobody wants mails.
    pub quiet_hours: Option<&'a QuietHours>,
    /// For a process that ends now: a new group need not gather, and a digest need not wait for its time. Quiet times and caps
    /// hold.
    pub no_wait: bool,
}

/// A mail to post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailPlan<'a> {
    /// The open groups it covers, those with the most new deaths first; among them those that come and go.
    pub groups: Vec<&'a AlertGroup>,
    /// The groups of whose end it tells, the last to end first.
    pub resolved: Vec<&'a AlertGroup>,
    /// Set when this is the last mail that a cap allows for now: until about when.
    pub capped_until: Option<DateTime<Utc>>,
    /// Omits quoted reasons: the server refused the last mail.
    pub is_plain: bool,
}

/// The mail to post now, if any: about which of the groups in `state`, after the mails in `posted`.
pub(crate) fn plan<'a>(
    now: DateTime<Utc>,
    state: &'a OutboxState,
    posted: Posted,
    rules: Rules<'_>,
) -> Option<MailPlan<'a>> {
    let Rules { mail, quiet_hours, no_wait } = rules;
    let (per_hour, per_day) = (u64::from(mail.max_per_hour), u64::from(mail.max_per_day));
    if posted.last_hour >= per_hour || posted.last_day >= per_day {
        return None;
    }
    if quiet_hours.is_some_and(|hours| hours.contain(now)) {
        return None;
    }
    let mut waits = Waits { now, rules, digest_is_due: no_wait, is_gathered: no_wait };
    waits.is_gathered |= posted.last_at.is_none_or(|at| waits.has_passed(at, mail.group_wait));
    waits.digest_is_due |= posted.last_at.is_none_or(|at| waits.has_passed(at, mail.digest_every));
    if posted.refused_at.is_some_and(|at| waits.since(at) < refusal_wait(posted.refusals, mail)) {
        return None;
    }

    let is_silent = |group: &AlertGroup| {
        let mut silences = state.silences.iter();
        silences.any(|silence| silence.fingerprint == group.fingerprint && silence.until > now)
    };
    let audible = || state.groups.iter().filter(|group| !is_silent(group));
    let is_silence_over = |group: &AlertGroup| {
        let mut over = state.silences.iter().filter(|silence| silence.until <= now);
        over.any(|silence| silence.fingerprint == group.fingerprint && group.told_at < Some(silence.until))
    };
    let is_due = |group: &AlertGroup| waits.is_due(group) || (has_more(group) && is_silence_over(group));
    let mut groups: Vec<_> = audible().filter(|group| is_due(group)).collect();
    let has_room = posted.last_hour < per_hour.div_ceil(2) && posted.last_day < per_day.div_ceil(2);
    if groups.is_empty() && !(has_room && audible().any(|group| waits.end_is_due(group))) {
        return None;
    }
    groups.sort_by(|one, other| {
        other.unsent.cmp(&one.unsent).then_with(|| one.fingerprint.cmp(&other.fingerprint))
    });
    let mut resolved: Vec<_> = audible().filter(|group| waits.has_ended(group)).collect();
    resolved.sort_by(|one, other| {
        other.resolved_at.cmp(&one.resolved_at).then_with(|| one.fingerprint.cmp(&other.fingerprint))
    });
    Some(MailPlan {
        groups,
        resolved,
        capped_until: capped_until(now, posted, (per_hour, per_day)),
        is_plain: posted.refusals > 0,
    })
}

/// Until about when another mail than this one has to wait for a cap.
fn capped_until(
    now: DateTime<Utc>,
    posted: Posted,
    (per_hour, per_day): (u64, u64),
) -> Option<DateTime<Utc>> {
    if posted.last_day + 1 >= per_day {
        Some(now + TimeDelta::days(1))
    } else if posted.last_hour + 1 >= per_hour {
        Some(now + TimeDelta::hours(1))
    } else {
        None
    }
}

/// How long after the last of so many refusals in a row the next mail may be posted.
fn refusal_wait(refusals: u32, settings: &Settings) -> TimeDelta {
    let first = settings.digest_every.max(FIRST_REFUSAL);
    delta(Growth::doubling(first, LAST_REFUSAL.max(first)).whole_wait(refusals))
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests;
