//! Ends, flapping, silences and quiet hours.

use super::*;

/// A group of which a mail told at `told`, and that ended at `resolved`.
fn ended(name: &str, told: i64, resolved: i64) -> AlertGroup {
    AlertGroup {
        state: GroupState::Resolved,
        resolved_at: Some(at(resolved)),
        resolution: Some("it works".to_owned()),
        unsent: 0,
        ..mailed(name, told, 1, 1)
    }
}

/// A group that opened so often since 0, the last time at `opened`.
fn flapping(flaps: u64, opened: i64) -> AlertGroup {
    AlertGroup {
        flaps,
        episodes: flaps,
        opened_at: at(opened),
        flapping_since: at(0),
        mailed_at: Some(at(0)),
        ..group("a", 0, 10)
    }
}

fn ends(now: i64, groups: &[AlertGroup]) -> Vec<String> {
    told_at(now, &state(groups)).1
}

#[test]
fn an_end_is_told_within_a_minute_to_whom_was_told_of_the_trouble() {
    let told = ended("told", 0, 100);
    let untold = AlertGroup { told_at: None, ..ended("untold", 0, 100) };
    assert_eq!(ends(114, &[told.clone(), untold.clone()]), [""; 0]);
    assert_eq!(ends(115, &[told.clone(), untold.clone()]), ["told"]);
    // Also when the last mail is not `digest_every` ago, and together with what has to be told anyway; the last to end first.
    assert_eq!(ends(115, &[told.clone(), ended("later", 0, 113)]), ["later", "told"]);
    let news = group("news", 0, 1);
    assert_eq!(
        told_at(101, &state(&[told, untold, news])),
        (vec!["news".to_owned()], vec!["told".to_owned()])
    );
}

#[test]
fn ends_leave_room_for_trouble_under_the_caps() {
    let settings = settings();
    let ask = |last_hour, last_day, groups: &[AlertGroup]| {
        let posted = Posted { last_hour, last_day, ..Posted::default() };
        let state = state(groups);
        plan(at(200), &state, posted, rules(&settings, false)).map(|plan| plan.resolved.len())
    };
    let end = ended("end", 0, 100);
    assert_eq!(ask(5, 5, std::slice::from_ref(&end)), Some(1));
    assert_eq!(ask(6, 6, std::slice::from_ref(&end)), None);
    assert_eq!(ask(0, 25, std::slice::from_ref(&end)), None);
    assert_eq!(ask(11, 49, &[end, group("news", 0, 1)]), Some(1));
}

/// It was never there when the desk was looked at, or is away just now.
#[test]
fn what_comes_and_goes_quickly_is_told_also_while_it_is_away() {
    let away = |flaps, resolved| AlertGroup {
        state: GroupState::Resolved,
        resolved_at: Some(at(resolved)),
        mailed_at: None,
        ..flapping(flaps, resolved - 2)
    };
    assert_eq!(due(200, &[away(2, 190)]), [""; 0]);
    assert_eq!(due(200, &[away(3, 190)]), ["a"]);
    let hour = ports::store::FLAPPING_WITHIN.num_seconds();
    assert_eq!(due(190 + hour - 1, &[away(3, 190)]), ["a"]);
    // It has stayed away: nobody heard of it, and nobody has to.
    assert_eq!(due(190 + hour, &[away(3, 190)]), [""; 0]);
    // Who was told of it hears of the end alone.
    let told = AlertGroup { told_at: Some(at(191)), ..away(4, 200) };
    assert_eq!(due(600, std::slice::from_ref(&told)), [""; 0]);
    assert_eq!(ends(200 + hour, &[told]), ["a"]);
}

/// Its ends were too short to be told, so people believe that it was there all the time.
#[test]
fn what_was_told_of_before_it_began_to_come_and_go_is_told_once_more() {
    let told = |flaps, told, opened| AlertGroup {
        told_at: Some(at(told)),
        mailed_total: 9,
        unsent: 1,
        ..flapping(flaps, opened)
    };
    assert_eq!(due(600, &[told(2, 30, 100)]), [""; 0]);
    assert_eq!(due(600, &[told(3, 30, 100)]), ["a"]);
    assert_eq!(due(600, &[told(3, 120, 100)]), [""; 0], "that mail said it");
    assert_eq!(due(600, &[told(4, 30, 100)]), [""; 0], "as the one before should have");
}

#[test]
fn what_opens_again_after_its_end_was_told_is_news_a_digest_later() {
    let again = |opened, mailed_at: i64| AlertGroup {
        opened_at: at(opened),
        mailed_at: Some(at(mailed_at)),
        mailed_total: 1,
        opened_total: 1,
        unsent: 1,
        flaps: 2,
        ..group("a", 0, 2)
    };
    assert_eq!(due(399, &[again(110, 100)]), [""; 0]);
    assert_eq!(due(400, &[again(110, 100)]), ["a"]);
    assert_eq!(due(1029, &[again(1000, 100)]), [""; 0]);
    assert_eq!(due(1030, &[again(1000, 100)]), ["a"]);
    // While its end was not told it was not away.
    let still = AlertGroup { told_at: Some(at(100)), ..again(110, 100) };
    assert_eq!(due(1030, std::slice::from_ref(&still)), [""; 0]);
    assert_eq!(due(100 + 4 * 3600, &[still]), ["a"]);
}

#[test]
fn an_episode_is_measured_by_itself() {
    let grown = |total: u64, told: u64| AlertGroup {
        opened_total: 10_000,
        mailed_total: 10_000 + told,
        total: 10_000 + total,
        unsent: total - told,
        ..mailed("a", 0, 0, 1)
    };
    assert_eq!(due(600, &[grown(49, 5)]), [""; 0]);
    assert_eq!(due(600, &[grown(50, 5)]), ["a"]);
    // Told of in an earlier one that is still open for who was told.
    assert_eq!(due(600, &[grown(49, 0)]), [""; 0]);
    assert_eq!(due(600, &[grown(90_000, 0)]), ["a"]);
}

#[test]
fn what_comes_and_goes_is_one_mail_and_another_when_it_stays_away() {
    let hour = 3600;
    // It has gathered since it began to flap.
    assert_eq!(due(1201, &[flapping(3, 1200)]), ["a"]);
    assert_eq!(due(1201, &[flapping(2, 1200)]), [""; 0]);
    let told = AlertGroup { told_at: Some(at(1201)), mailed_total: 10, unsent: 1, ..flapping(9, 2000) };
    assert_eq!(due(3000, std::slice::from_ref(&told)), [""; 0]);
    let away =
        |since| AlertGroup { state: GroupState::Resolved, resolved_at: Some(at(since)), ..told.clone() };
    assert_eq!(ends(2000 + hour - 1, &[away(2000)]), [""; 0]);
    assert_eq!(ends(2000 + hour, &[away(2000)]), ["a"]);
    // No other mail tells of it before.
    let with_news = state(&[away(2000), group("news", 2000, 1)]);
    assert_eq!(told_at(2030, &with_news), (vec!["news".to_owned()], Vec::new()));
}

#[test]
fn a_silenced_group_is_told_when_the_silence_is_over() {
    let silence = Silence {
        fingerprint: "a".to_owned(),
        until: at(500),
        why: "we know".to_owned(),
        by: "me".to_owned(),
        at: at(0),
    };
    let mut state = state(&[
        group("a", 0, 1),
        group("b", 0, 1),
        AlertGroup { fingerprint: "a".to_owned(), ..ended("", 0, 1) },
    ]);
    state.silences.push(silence);
    assert_eq!(told_at(499, &state), (vec!["b".to_owned()], Vec::new()));
    assert_eq!(told_at(500, &state), (vec!["a".to_owned(), "b".to_owned()], vec!["a".to_owned()]));
}

#[test]
fn in_quiet_hours_nothing_is_mailed_not_even_by_a_flush() {
    let hours = QuietHours::parse("13:00-14:05").unwrap();
    let (state, settings) = (state(&[group("a", 0, 1), ended("b", 0, 1)]), settings());
    for no_wait in [false, true] {
        let ask = |now| {
            let rules = Rules { quiet_hours: Some(&hours), ..rules(&settings, no_wait) };
            plan(at(now), &state, Posted::default(), rules)
                .map(|plan| (plan.groups.len(), plan.resolved.len()))
        };
        assert_eq!(ask(299), None);
        assert_eq!(ask(300), Some((1, 1)));
    }
}

/// Its stage is part of its fingerprint.
#[test]
fn a_cause_in_another_stage_is_news() {
    use domain::{DeadLetter, StageName};
    let fingerprint = |stage| {
        let letter = DeadLetter::incident(stage, "disk_full", "1", "no space on /data", at(0));
        crate::fingerprint::fingerprint(&letter)
    };
    assert_ne!(fingerprint(StageName::Loader), fingerprint(StageName::Transformer));
    let known = mailed(&fingerprint(StageName::Loader), 0, 5, 9);
    let new = group(&fingerprint(StageName::Transformer), 500, 1);
    assert_eq!(due(530, &[known, new.clone()]), [new.fingerprint]);
}

/// A death at `now`, as the desk counts it.
fn die(group: &mut AlertGroup, now: i64) {
    if group.state == GroupState::Resolved {
        let is_again = group.resolved_at.is_some_and(|at_| at_ > at(now) - ports::store::FLAPPING_WITHIN);
        (group.flaps, group.flapping_since) =
            if is_again { (group.flaps + 1, group.flapping_since) } else { (1, at(now)) };
        group.opened_total = group.total;
        (group.state, group.opened_at, group.resolved_at) = (GroupState::Open, at(now), None);
    }
    group.total += 1;
    group.unsent += 1;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Causes that come and go in any way for a day: never more mails than the caps in any window, and nobody hears of
    /// an end without a beginning. When all is over, nobody believes that anything is open.
    #[test]
    fn whatever_comes_and_goes_is_told_in_few_mails_and_in_the_end_truly(
        events in prop::collection::vec((0_i64..86_400, 0_u8..6, any::<bool>()), 0..300),
    ) {
        let settings = settings();
        let mut happens: BTreeMap<i64, Vec<(u8, bool)>> = BTreeMap::new();
        for (second, cause, ends) in events {
            happens.entry(second / 20 * 20).or_default().push((cause, ends));
        }
        // At last each ends.
        happens.entry(90_000).or_default().extend((0..6).map(|cause| (cause, true)));
        let mut groups: BTreeMap<u8, AlertGroup> = BTreeMap::new();
        let mut mails: Vec<PostedMail> = Vec::new();
        for now in (0..90_000 + 2 * 86_400).step_by(20) {
            for &(cause, ends) in happens.get(&now).into_iter().flatten() {
                if !ends {
                    die(groups.entry(cause).or_insert_with(|| group(&cause.to_string(), now, 0)), now);
                } else if let Some(group) = groups.get_mut(&cause).filter(|group| group.state == GroupState::Open) {
                    (group.state, group.resolved_at) = (GroupState::Resolved, Some(at(now)));
                }
            }
            let seen: Vec<_> = groups.values().filter(|group| match group.state {
                GroupState::Open => group.unsent > 0,
                GroupState::Resolved => group.told_at.is_some(),
            }).cloned().collect();
            if seen.is_empty() {
                continue;
            }
            let since = Posted::since(at(now), &settings);
            let posted = Posted::new(&mails[mails.partition_point(|mail| mail.posted_at < since)..], at(now));
            let state = state(&seen);
            let Some(plan) = plan(at(now), &state, posted, rules(&settings, false)) else { continue };
            prop_assert!(!plan.groups.is_empty() || !plan.resolved.is_empty());
            mails.push(mail(now, Fate::Sent));
            for (told, is_end) in
                plan.groups.iter().map(|told| (told, false)).chain(plan.resolved.iter().map(|told| (told, true)))
            {
                prop_assert!(!is_end || told.told_at.is_some(), "an end without a beginning");
                let group = groups.get_mut(&told.fingerprint.parse().unwrap()).unwrap();
                (group.unsent, group.mailed_at, group.mailed_total) = (0, Some(at(now)), group.total);
                group.told_at = (!is_end).then_some(at(now));
            }
        }
        let times: Vec<_> = mails.iter().map(|mail| (mail.posted_at - start()).num_seconds()).collect();
        for window in times.windows(13) {
            prop_assert!(window[12] - window[0] >= 3600);
        }
        for window in times.windows(51) {
            prop_assert!(window[50] - window[0] >= 86_400);
        }
        prop_assert!(groups.values().all(|group| group.told_at.is_none()));
    }
}
