mod episodes;

use std::collections::BTreeMap;

use domain::{Class, timestamp};
use ports::store::{Fate, GroupState, PostedMail, Silence};
use proptest::prelude::*;
use testkit::contract::store::sample;

use super::*;

fn start() -> DateTime<Utc> {
    timestamp::from_text("2026-11-22T14:00:00Z").unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

fn group(name: &str, first_seen: i64, total: u64) -> AlertGroup {
    AlertGroup { class: Class::Poison, total, unsent: total, ..sample::group(name, at(first_seen)) }
}

fn mailed(name: &str, mailed_at: i64, mailed_total: u64, total: u64) -> AlertGroup {
    AlertGroup {
        mailed_at: Some(at(mailed_at)),
        told_at: Some(at(mailed_at)),
        mailed_total,
        unsent: total - mailed_total,
        ..group(name, 0, total)
    }
}

fn settings() -> Settings {
    config::Config::defaults().mail
}

/// The mails that these groups name.
fn posted(groups: &[AlertGroup]) -> Posted {
    Posted { last_at: groups.iter().filter_map(|group| group.mailed_at).max(), ..Posted::default() }
}

fn state(groups: &[AlertGroup]) -> OutboxState {
    let (mails, silences) = (Vec::new(), Vec::new());
    OutboxState { installation: "here".to_owned(), groups: groups.to_vec(), mails, silences }
}

fn rules(mail: &Settings, no_wait: bool) -> Rules<'_> {
    Rules { mail, quiet_hours: None, no_wait }
}

fn names(groups: &[&AlertGroup]) -> Vec<String> {
    groups.iter().map(|group| group.fingerprint.clone()).collect()
}

/// The groups that a mail at `now` tells of, and those of whose end it tells.
fn told_at(now: i64, state: &OutboxState) -> (Vec<String>, Vec<String>) {
    let settings = settings();
    let plan = plan(at(now), state, posted(&state.groups), rules(&settings, false));
    plan.map(|plan| (names(&plan.groups), names(&plan.resolved))).unwrap_or_default()
}

fn due(now: i64, groups: &[AlertGroup]) -> Vec<String> {
    told_at(now, &state(groups)).0
}

#[test]
fn what_came_in_a_silence_is_told_when_it_ends_and_once() {
    let silence = |until| Silence {
        fingerprint: "a".to_owned(),
        until: at(until),
        why: "known".to_owned(),
        by: "me".to_owned(),
        at: at(20),
    };
    let told = |now, groups: &[AlertGroup], until| {
        told_at(now, &OutboxState { silences: vec![silence(until)], ..state(groups) }).0
    };
    let more = [mailed("a", 10, 2, 5)];
    assert_eq!(told(299, &more, 300), [""; 0], "it is silent");
    assert_eq!(told(300, &more, 300), ["a"], "long before a repeat");
    assert_eq!(told(300, &[mailed("a", 10, 2, 2)], 300), [""; 0], "nothing came");
    assert_eq!(told(400, &[mailed("a", 301, 5, 6)], 300), [""; 0], "it was told since");
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
    let (state, settings) = (state(&[group("a", 0, 1)]), settings());
    let posted = |last_hour, last_day| Posted { last_hour, last_day, ..Posted::default() };
    let ask = |posted, no_wait| plan(at(60), &state, posted, rules(&settings, no_wait));
    assert_eq!(ask(posted(0, 0), false).unwrap().capped_until, None);
    assert_eq!(ask(posted(11, 11), false).unwrap().capped_until, Some(at(60 + 3600)));
    assert_eq!(ask(posted(0, 49), false).unwrap().capped_until, Some(at(60 + 86_400)));
    assert_eq!(ask(posted(12, 12), true), None);
    assert_eq!(ask(posted(0, 50), true), None);
}

#[test]
fn a_flush_keeps_quiet_times() {
    let (state, settings) = (state(&[group("new", 0, 1), mailed("told", 0, 10, 11)]), settings());
    let plan = plan(at(1), &state, Posted::default(), rules(&settings, true)).unwrap();
    assert_eq!(plan.groups, [&state.groups[0]]);
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

#[test]
fn clocks_that_differ_a_little_send_nothing_early() {
    assert_eq!(due(0, &[group("a", 20, 1)]), [""; 0]);
    assert_eq!(due(0, &[mailed("a", 20, 1, 2)]), [""; 0]);
}

fn mail(posted_at: i64, fate: Fate) -> PostedMail {
    PostedMail { posted_at: at(posted_at), attempts: 1, fate }
}

#[test]
fn what_was_posted_is_counted_with_its_refusals() {
    let refused = |seconds| mail(seconds, Fate::Refused(at(seconds + 7)));
    let hour = 3600;
    let mails = [
        mail(-25 * hour, Fate::Sent),
        refused(-2 * hour),
        mail(-90, Fate::Sent),
        refused(-60),
        mail(-50, Fate::Waiting),
        refused(-40),
        refused(30 * hour),
    ];
    let expected = Posted {
        last_hour: 4,
        last_day: 5,
        last_at: Some(at(-50)),
        refusals: 3,
        refused_at: Some(at(30 * hour + 7)),
    };
    assert_eq!(Posted::new(&mails, at(0)), expected);
    assert_eq!(Posted::new(&mails[..3], at(0)).refusals, 0);
    assert_eq!(Posted::new(&[], at(0)), Posted::default());
}

#[test]
fn what_was_refused_is_told_again_at_growing_distances_without_quotes() {
    let (state, settings) = (state(&[group("a", 0, 1)]), settings());
    let due = |now: i64, refusals| {
        let posted = Posted { refusals, refused_at: Some(at(100)), ..Posted::default() };
        plan(at(100 + now), &state, posted, rules(&settings, true)).map(|plan| plan.is_plain)
    };
    for (refusals, wait) in [(1, 300), (2, 600), (3, 1200), (4, 2400), (5, 3600), (60, 3600)] {
        assert_eq!(due(wait - 1, refusals), None, "after {refusals}");
        assert_eq!(due(wait, refusals), Some(true), "after {refusals}");
    }
    // Refused by a clock that was ahead.
    assert_eq!(due(-3600, 9), Some(true));
    assert_eq!(
        plan(at(100), &state, Posted::default(), rules(&settings, true)).map(|plan| plan.is_plain),
        Some(false)
    );
}

/// What a server does with mails: takes them, but refuses those of some hours.
fn refuses(refusing: &[i64], now: i64) -> bool {
    refusing.contains(&(now / 3600))
}

proptest! {
    /// Letters of any causes at any times for two days, and a server that refuses all mails of some hours: never more
    /// mails than the caps in any window, and when the storm is over, everything was told.
    #[test]
    fn any_storm_stays_below_the_caps_and_is_told_in_the_end(
        storm in prop::collection::vec((0_i64..172_800, 0_u8..40, 1_u64..5000), 0..200),
        refusing in prop::collection::vec(0_i64..48, 0..30),
    ) {
        let settings = settings();
        let mut arrivals: BTreeMap<i64, Vec<(u8, u64)>> = BTreeMap::new();
        for (second, cause, letters) in storm {
            arrivals.entry(second / 60 * 60).or_default().push((cause, letters));
        }
        let mut groups: BTreeMap<u8, AlertGroup> = BTreeMap::new();
        let mut mails: Vec<PostedMail> = Vec::new();
        for now in (0..172_800 + 86_400).step_by(60) {
            for &(cause, letters) in arrivals.get(&now).into_iter().flatten() {
                let group = groups.entry(cause).or_insert_with(|| group(&cause.to_string(), now, 0));
                group.total += letters;
                group.unsent += letters;
            }
            let since = Posted::since(at(now), &settings);
            let recent = &mails[mails.partition_point(|mail| mail.posted_at < since)..];
            let posted = Posted::new(recent, at(now));
            let snapshot: Vec<_> = groups.values().filter(|group| group.unsent > 0).cloned().collect();
            if let Some(plan) = plan(at(now), &state(&snapshot), posted, rules(&settings, false)) {
                if refuses(&refusing, now) {
                    mails.push(mail(now, Fate::Refused(at(now))));
                    continue;
                }
                mails.push(mail(now, Fate::Sent));
                for told in plan.groups {
                    let cause: u8 = told.fingerprint.parse().unwrap();
                    let group = groups.get_mut(&cause).unwrap();
                    (group.unsent, group.mailed_at, group.mailed_total) = (0, Some(at(now)), group.total);
                    group.told_at = Some(at(now));
                }
            }
        }
        let times: Vec<_> = mails.iter().map(|mail| (mail.posted_at - start()).num_seconds()).collect();
        for window in times.windows(13) {
            prop_assert!(window[12] - window[0] >= 3600);
        }
        for window in times.windows(51) {
            prop_assert!(window[50] - window[0] >= 86_400);
        }
        prop_assert!(groups.values().all(|group| group.unsent == 0));
    }
}
