//! What is worth a mail now. A pure function, so that storms are tests and not nights.
//!
//! - An open group that nobody was told of is due `group_wait` after it opened, so that a burst becomes one mail.
//! - An open group that somebody was told of is due again after `repeat_after`, or when it grew tenfold.
//! - The end of an episode that somebody was told of is due [`END_WAIT`] after it; one that nobody was told of is told by nobody.
//! - Groups that are due together share one mail, and such digests are `digest_every` apart; only a group without a mail
//!   so far need not wait for the next digest.
//! - At most `max_per_hour` and `max_per_day` mails, whatever happens; the last one before a cap says so.
//! - Letters of a mail that the server refused are mailed again, without quoted reasons (these may be what the server
//!   refuses), after growing waits, so that refusals do not use up the caps of a day.
//!
//! The clock may step back: an instant in the future counts as long ago, so nothing is held back for ever;
//! the caps still hold, because they count the mails of the next day too.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use config::Mail as Settings;
use outage::Growth;
use ports::store::{AlertGroup, CLOCK_SKEW, Fate, GroupState, PostedMail};

/// By which factor a group must grow to be due before `repeat_after`.
const GROWTH: u64 = 10;

/// How long to gather ends before a mail about them.
const END_WAIT: TimeDelta = TimeDelta::seconds(15);

/// After a refusal the next mail waits for `digest_every`, but at least this long; twice as long after the next one.
const FIRST_REFUSAL: Duration = Duration::from_mins(1);
/// The longest such wait, unless `digest_every` is longer.
const LAST_REFUSAL: Duration = Duration::from_hours(1);

/// The mails that were posted lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Posted {
    /// Mails in the last hour, refused ones too; and those of the next day, which a clock that stepped back leaves.
    pub last_hour: u64,
    /// The same for the last 24 hours.
    pub last_day: u64,
    /// When the last mail was posted that was not refused.
    pub last_at: Option<DateTime<Utc>>,
    /// Mails that were refused since one was sent.
    pub refusals: u32,
    /// When the last of these was refused.
    pub refused_at: Option<DateTime<Utc>>,
}

impl Posted {
    /// How far back before `now` mails matter.
    pub(crate) fn since(now: DateTime<Utc>, settings: &Settings) -> DateTime<Utc> {
        let window = TimeDelta::days(1).max(delta(settings.digest_every));
        now.checked_sub_signed(window).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// What `mails`, oldest first, say at `now`.
    ///
    /// Those of up to a day ahead were posted before the clock stepped back: they count, or each step would lift the
    /// caps; those still further ahead do not, or nothing would be mailed until the clock gets there.
    pub(crate) fn new(mails: &[PostedMail], now: DateTime<Utc>) -> Self {
        let beyond = now + TimeDelta::days(1);
        let within = |window: TimeDelta| {
            let counted = mails.iter().filter(|mail| (now - window..beyond).contains(&mail.posted_at));
            counted.count() as u64
        };
        let is_refused = |mail: &&PostedMail| matches!(mail.fate, Fate::Refused(_));
        let since_sent = mails.iter().rev().take_while(|mail| mail.fate != Fate::Sent);
        let refused: Vec<_> = since_sent.filter(is_refused).collect();
        Self {
            last_hour: within(TimeDelta::hours(1)),
            last_day: within(TimeDelta::days(1)),
            last_at: mails.iter().filter(|mail| !is_refused(mail)).map(|mail| mail.posted_at).max(),
            refusals: u32::try_from(refused.len()).unwrap_or(u32::MAX),
            refused_at: refused
                .iter()
                .filter_map(|mail| if let Fate::Refused(at) = mail.fate { Some(at) } else { None })
                .max(),
        }
    }
}

/// A mail to post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailPlan<'a> {
    /// The groups it covers, those with the most new deaths first.
    pub groups: Vec<&'a AlertGroup>,
    /// The groups of whose end it tells, the last to end first.
    pub resolved: Vec<&'a AlertGroup>,
    /// Set when this is the last mail that a cap allows for now: until about when.
    pub capped_until: Option<DateTime<Utc>>,
    /// Omits quoted reasons: the server refused the last mail.
    pub is_plain: bool,
}

/// The mail to post now, if any. With `no_wait`, for a process that ends now, a new group need not gather
/// and a digest need not wait for its time; quiet times and caps hold.
pub(crate) fn plan<'a>(
    now: DateTime<Utc>,
    groups: &'a [AlertGroup],
    posted: Posted,
    settings: &Settings,
    no_wait: bool,
) -> Option<MailPlan<'a>> {
    let per_hour = u64::from(settings.max_per_hour);
    let per_day = u64::from(settings.max_per_day);
    if posted.last_hour >= per_hour || posted.last_day >= per_day {
        return None;
    }
    // The clocks of two alerters differ a little; what is further ahead than that is from before a step back.
    let since = |at: DateTime<Utc>| {
        if at > now + CLOCK_SKEW { TimeDelta::MAX } else { (now - at).max(TimeDelta::zero()) }
    };
    let at_least = |passed: TimeDelta, wait: Duration| passed >= delta(wait);
    if posted.refused_at.is_some_and(|at| since(at) < refusal_wait(posted.refusals, settings)) {
        return None;
    }
    let open = || groups.iter().filter(|group| group.state == GroupState::Open && group.unsent > 0);
    let fresh_is_due = |group: &AlertGroup| {
        group.told_at.is_none() && (no_wait || at_least(since(group.opened_at), settings.group_wait))
    };
    let repeat_is_due = |group: &AlertGroup| {
        group.told_at.is_some_and(|told_at| {
            let told = group.mailed_total.saturating_sub(group.opened_total);
            at_least(since(told_at), settings.repeat_after)
                || group.total - group.opened_total >= told.saturating_mul(GROWTH)
        })
    };
    let ended = |group: &&AlertGroup| group.state == GroupState::Resolved && group.told_at.is_some();
    let end_is_due = |group: &&AlertGroup| {
        ended(group) && (no_wait || group.resolved_at.is_none_or(|at| since(at) >= END_WAIT))
    };
    let digest_is_due = no_wait || posted.last_at.is_none_or(|at| at_least(since(at), settings.digest_every));

    let mut due: Vec<_> =
        open().filter(|group| fresh_is_due(group) || (digest_is_due && repeat_is_due(group))).collect();
    if due.is_empty() && !groups.iter().any(|group| end_is_due(&group)) {
        return None;
    }
    let mut resolved: Vec<_> = groups.iter().filter(ended).collect();
    resolved.sort_by(|one, other| {
        other.resolved_at.cmp(&one.resolved_at).then_with(|| one.fingerprint.cmp(&other.fingerprint))
    });
    due.sort_by(|one, other| {
        other.unsent.cmp(&one.unsent).then_with(|| one.fingerprint.cmp(&other.fingerprint))
    });
    let capped_until = if posted.last_day + 1 >= per_day {
        Some(now + TimeDelta::days(1))
    } else if posted.last_hour + 1 >= per_hour {
        Some(now + TimeDelta::hours(1))
    } else {
        None
    };
    Some(MailPlan { groups: due, resolved, capped_until, is_plain: posted.refusals > 0 })
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
