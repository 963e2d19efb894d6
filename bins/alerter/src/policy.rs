//! What is worth a mail now. A pure function, so that storms are tests and not nights.
//!
//! - A group that was never mailed about is due `group_wait` after its first letter, so that a burst
//!   becomes one mail.
//! - A group that was mailed about is due again after `repeat_after`, or when it grew tenfold.
//! - Groups that are due together share one mail, and such digests are `digest_every` apart; only a group
//!   that was never mailed about need not wait for the next digest.
//! - At most `max_per_hour` and `max_per_day` mails, whatever happens; the last one before a cap says so.
//!
//! The clock may step back: an instant in the future counts as long ago, so nothing is held back for ever;
//! the caps still hold, because they count the mails of the next day too.

use chrono::{DateTime, TimeDelta, Utc};
use config::Mail as Settings;
use ports::store::{AlertGroup, GroupState};

/// How much a group must grow to be mailed about before `repeat_after`.
const GROWTH: u64 = 10;

/// How many mails were posted lately; those of the next day too, which a clock that stepped back leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Posted {
    /// In the last hour.
    pub last_hour: u64,
    /// In the last 24 hours.
    pub last_day: u64,
}

/// A mail to post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<'a> {
    /// The groups it tells about, those with most news first.
    pub groups: Vec<&'a AlertGroup>,
    /// Set when this is the last mail that a cap allows for now: mails go on about then.
    pub capped_until: Option<DateTime<Utc>>,
}

/// The mail to post now, if any. With `no_wait`, for a process that ends now, a new group need not gather
/// and a digest need not wait for its time; quiet times and caps hold.
pub fn plan<'a>(
    now: DateTime<Utc>,
    groups: &'a [AlertGroup],
    posted: Posted,
    settings: &Settings,
    no_wait: bool,
) -> Option<Plan<'a>> {
    let per_hour = u64::from(settings.max_per_hour);
    let per_day = u64::from(settings.max_per_day);
    if posted.last_hour >= per_hour || posted.last_day >= per_day {
        return None;
    }
    let since = |at: DateTime<Utc>| if at > now { TimeDelta::MAX } else { now - at };
    let at_least = |passed: TimeDelta, wait: std::time::Duration| {
        passed >= TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)
    };
    let open = || groups.iter().filter(|group| group.state == GroupState::Open && group.unsent > 0);
    let fresh_is_due = |group: &AlertGroup| {
        group.mailed_at.is_none() && (no_wait || at_least(since(group.first_seen_at), settings.group_wait))
    };
    let repeat_is_due = |group: &AlertGroup| {
        group.mailed_at.is_some_and(|mailed_at| {
            at_least(since(mailed_at), settings.repeat_after)
                || group.total >= group.mailed_total.saturating_mul(GROWTH)
        })
    };
    let last_mail = groups.iter().filter_map(|group| group.mailed_at).max();
    let digest_is_due = no_wait || last_mail.is_none_or(|at| at_least(since(at), settings.digest_every));

    let mut due: Vec<_> =
        open().filter(|group| fresh_is_due(group) || (digest_is_due && repeat_is_due(group))).collect();
    if due.is_empty() {
        return None;
    }
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
    Some(Plan { groups: due, capped_until })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::{Class, timestamp};
    use proptest::prelude::*;

    use super::*;

    fn start() -> DateTime<Utc> {
        timestamp::from_text("2026-11-22T14:00:00Z").unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        start() + TimeDelta::seconds(seconds)
    }

    fn group(name: &str, first_seen: i64, total: u64) -> AlertGroup {
        AlertGroup {
            fingerprint: name.to_owned(),
            stage: None,
            class: Class::Poison,
            code: "c".to_owned(),
            reason: "r".to_owned(),
            state: GroupState::Open,
            first_seen_at: at(first_seen),
            last_seen_at: at(first_seen),
            total,
            unsent: total,
            mailed_at: None,
            mailed_total: 0,
        }
    }

    fn mailed(name: &str, mailed_at: i64, mailed_total: u64, total: u64) -> AlertGroup {
        AlertGroup {
            mailed_at: Some(at(mailed_at)),
            mailed_total,
            unsent: total - mailed_total,
            ..group(name, 0, total)
        }
    }

    fn settings() -> Settings {
        config::Config::defaults().mail
    }

    fn due(now: i64, groups: &[AlertGroup]) -> Vec<String> {
        let plan = plan(at(now), groups, Posted::default(), &settings(), false);
        plan.map(|plan| plan.groups.iter().map(|group| group.fingerprint.clone()).collect())
            .unwrap_or_default()
    }

    #[test]
    fn a_new_group_is_mailed_after_the_wait_and_bursts_share_one_mail() {
        let groups = [group("a", 0, 1), group("b", 10, 5)];
        assert_eq!(due(29, &groups), [""; 0]);
        assert_eq!(due(30, &groups), ["a"]);
        assert_eq!(due(40, &groups), ["b", "a"]);
    }

    #[test]
    fn a_mailed_group_is_quiet_until_the_repeat_or_tenfold_growth() {
        let hours = |hours: i64| hours * 3600;
        assert_eq!(due(hours(3), &[mailed("a", 0, 10, 99)]), [""; 0]);
        assert_eq!(due(hours(3), &[mailed("a", 0, 10, 100)]), ["a"]);
        assert_eq!(due(hours(4), &[mailed("a", 0, 10, 11)]), ["a"]);
        assert_eq!(due(hours(9), &[mailed("a", 0, 10, 10)]), [""; 0], "nothing new");
    }

    #[test]
    fn growth_waits_for_the_next_digest_but_a_new_group_does_not() {
        let groups = [mailed("grown", 0, 1, 100), mailed("other", 200, 1, 1)];
        assert_eq!(due(400, &groups), [""; 0]);
        assert_eq!(due(500, &groups), ["grown"]);
        let groups = [mailed("grown", 0, 1, 100), mailed("other", 200, 1, 1), group("new", 300, 1)];
        assert_eq!(due(400, &groups), ["new"]);
    }

    #[test]
    fn caps_hold_even_for_a_flush_and_the_last_mail_says_so() {
        let groups = [group("a", 0, 1)];
        let posted = |last_hour, last_day| Posted { last_hour, last_day };
        let ask = |posted, no_wait| plan(at(60), &groups, posted, &settings(), no_wait);
        assert_eq!(ask(posted(0, 0), false).unwrap().capped_until, None);
        assert_eq!(ask(posted(11, 11), false).unwrap().capped_until, Some(at(60 + 3600)));
        assert_eq!(ask(posted(0, 49), false).unwrap().capped_until, Some(at(60 + 86_400)));
        assert_eq!(ask(posted(12, 12), true), None);
        assert_eq!(ask(posted(0, 50), true), None);
    }

    #[test]
    fn a_flush_keeps_quiet_times() {
        let groups = [group("new", 0, 1), mailed("told", 0, 10, 11)];
        let plan = plan(at(1), &groups, Posted::default(), &settings(), true).unwrap();
        assert_eq!(plan.groups, [&groups[0]]);
    }

    #[test]
    fn a_clock_that_stepped_back_holds_nothing_back() {
        assert_eq!(due(0, &[group("future", 3600, 1)]), ["future"]);
        assert_eq!(due(0, &[mailed("future", 3600, 1, 2)]), ["future"]);
    }

    #[test]
    fn resolved_groups_are_not_mailed() {
        let resolved = AlertGroup { state: GroupState::Resolved, ..group("a", 0, 1) };
        assert_eq!(due(60, &[resolved]), [""; 0]);
    }

    proptest! {
        /// Letters of any causes at any times for two days: never more mails than the caps in any window, and
        /// when the storm is over, everything was told.
        #[test]
        fn any_storm_stays_below_the_caps_and_is_told_in_the_end(
            storm in prop::collection::vec((0_i64..172_800, 0_u8..40, 1_u64..5000), 0..200)
        ) {
            let settings = settings();
            let mut arrivals: BTreeMap<i64, Vec<(u8, u64)>> = BTreeMap::new();
            for (second, cause, letters) in storm {
                arrivals.entry(second / 60 * 60).or_default().push((cause, letters));
            }
            let mut groups: BTreeMap<u8, AlertGroup> = BTreeMap::new();
            let mut mails: Vec<i64> = Vec::new();
            for now in (0..172_800 + 86_400).step_by(60) {
                for &(cause, letters) in arrivals.get(&now).into_iter().flatten() {
                    let group = groups.entry(cause).or_insert_with(|| group(&cause.to_string(), now, 0));
                    group.total += letters;
                    group.unsent += letters;
                }
                let within = |window: i64| mails.iter().filter(|&&mail| mail > now - window).count() as u64;
                let posted = Posted { last_hour: within(3600), last_day: within(86_400) };
                let snapshot: Vec<_> = groups.values().cloned().collect();
                if let Some(plan) = plan(at(now), &snapshot, posted, &settings, false) {
                    mails.push(now);
                    for told in plan.groups {
                        let cause: u8 = told.fingerprint.parse().unwrap();
                        let group = groups.get_mut(&cause).unwrap();
                        (group.unsent, group.mailed_at, group.mailed_total) = (0, Some(at(now)), group.total);
                    }
                }
            }
            for window in mails.windows(13) {
                prop_assert!(window[12] - window[0] >= 3600);
            }
            for window in mails.windows(51) {
                prop_assert!(window[50] - window[0] >= 86_400);
            }
            prop_assert!(groups.values().all(|group| group.unsent == 0));
        }
    }
}
