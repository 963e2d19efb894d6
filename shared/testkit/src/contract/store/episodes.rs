//! What the desk promises about the episodes of a group, about whom was told of them, and about silences.

use std::time::Duration;

use super::StoreLab;
use super::letters::group;
use super::outbox::{mail, outbox_state, post, try_next};
use super::sample::{at, letter};
use ports::store::{
    AlertGroup, Covered, FLAPPING, FLAPPING_WITHIN, GroupState, Letters, MailResult, Silence, Silences,
};

async fn file(lab: &impl StoreLab, occasion: &str) {
    assert!(lab.store().file(&letter(occasion, at(0)), "one").await.expect("the letter is filed"));
}

/// Resolves the group, which is open.
async fn resolve(lab: &impl StoreLab, resolution: &str) {
    let total = group(lab, "one").await.total;
    assert!(lab.store().resolve("one", total, resolution).await.expect("answers"));
}

fn pass(lab: &impl StoreLab, seconds: u64) {
    lab.clock().advance(Duration::from_secs(seconds));
}

fn covers(letters: u64, total: u64, is_end: bool) -> Covered {
    Covered { fingerprint: "one".to_owned(), letters, total, is_end }
}

/// From its opening to its end, and how it ended. What closely follows an end is the same trouble, what comes later is not.
pub async fn an_episode_is_from_opening_to_end(lab: &impl StoreLab) {
    file(lab, "a").await;
    pass(lab, 5);
    file(lab, "b").await;
    let first = group(lab, "one").await;
    assert_eq!((first.opened_at, first.resolved_at, &first.resolution), (at(0), None, &None));
    assert_eq!((first.episodes, first.opened_total), (1, 0));
    assert_eq!((first.flaps, first.flapping_since), (1, at(0)));
    pass(lab, 5);
    resolve(lab, "it works \u{1f4a5} again").await;
    let ended = AlertGroup {
        state: GroupState::Resolved,
        resolved_at: Some(at(10)),
        resolution: Some("it works \u{1f4a5} again".to_owned()),
        ..first
    };
    assert_eq!(group(lab, "one").await, ended);
    let within = FLAPPING_WITHIN.num_seconds().unsigned_abs();
    pass(lab, within - 1);
    file(lab, "c").await;
    let second = group(lab, "one").await;
    let opened_at = at(9 + FLAPPING_WITHIN.num_seconds());
    assert_eq!((second.state, second.opened_at, second.resolved_at), (GroupState::Open, opened_at, None));
    assert_eq!((second.episodes, second.opened_total, second.total, second.resolution), (2, 2, 3, None));
    assert_eq!((second.flaps, second.flapping_since), (2, at(0)));
    resolve(lab, "it works").await;
    pass(lab, within);
    file(lab, "d").await;
    let third = group(lab, "one").await;
    let opened_at = at(9 + 2 * FLAPPING_WITHIN.num_seconds());
    assert_eq!((third.episodes, third.opened_total, third.opened_at), (3, 3, opened_at));
    assert_eq!((third.flaps, third.flapping_since), (1, opened_at));
}

/// A mail tells that it is open; only then its end is to be told, once.
pub async fn an_end_is_told_to_whom_was_told_of_the_trouble(lab: &impl StoreLab) {
    file(lab, "a").await;
    resolve(lab, "it works").await;
    assert_eq!(outbox_state(lab, at(0)).await.groups, [], "nobody was told");
    file(lab, "b").await;
    assert!(post(lab, &mail("1", at(1)), &[covers(2, 2, false)]).await);
    assert_eq!(group(lab, "one").await.told_at, Some(at(1)));
    assert_eq!(outbox_state(lab, at(0)).await.groups, []);
    resolve(lab, "it works").await;
    let ended = group(lab, "one").await;
    assert_eq!(outbox_state(lab, at(0)).await.groups, std::slice::from_ref(&ended));
    assert!(post(lab, &mail("2", at(2)), &[covers(0, 2, true)]).await);
    let told = AlertGroup { told_at: None, mailed_at: Some(at(2)), ..ended };
    assert_eq!(group(lab, "one").await, told);
    assert_eq!(outbox_state(lab, at(0)).await.groups, []);
}

/// One that comes and goes is told of also when it is away at that moment; one that does not is not.
pub async fn what_comes_and_goes_untold_is_to_be_told(lab: &impl StoreLab) {
    for (number, occasion) in ["a", "b", "c", "d"].into_iter().enumerate() {
        file(lab, occasion).await;
        resolve(lab, "it works").await;
        let seen = outbox_state(lab, at(0)).await.groups;
        let flaps = number as u64 + 1;
        assert_eq!(seen.len(), usize::from(flaps >= FLAPPING), "after {flaps} times");
    }
    let untold = group(lab, "one").await;
    assert_eq!((untold.flaps, untold.unsent, untold.state), (4, 4, GroupState::Resolved));
    assert!(post(lab, &mail("1", at(1)), &[covers(4, 4, false)]).await);
    let told = group(lab, "one").await;
    assert_eq!((told.told_at, told.unsent), (Some(at(1)), 0));
    assert_eq!(outbox_state(lab, at(0)).await.groups, [told], "its end is to be told");
}

/// What opens again before its end was told is still open for whom was told of it.
pub async fn an_end_that_nobody_was_told_of_was_none(lab: &impl StoreLab) {
    file(lab, "a").await;
    assert!(post(lab, &mail("1", at(1)), &[covers(1, 1, false)]).await);
    resolve(lab, "it works").await;
    file(lab, "b").await;
    let again = group(lab, "one").await;
    assert_eq!((again.told_at, again.unsent, again.flaps), (Some(at(1)), 1, 2));
    // And one that opened while the mail about its end was written is news.
    assert!(post(lab, &mail("2", at(2)), &[covers(0, 1, true)]).await);
    let news = group(lab, "one").await;
    assert_eq!((news.state, news.told_at, news.unsent), (GroupState::Open, None, 1));
    assert_eq!(outbox_state(lab, at(0)).await.groups, [news]);
}

/// Its groups are as if it had not been posted.
pub async fn a_refused_mail_told_nobody_of_trouble_or_its_end(lab: &impl StoreLab) {
    let refused = async |at_| {
        try_next(lab, at(at_), MailResult::Refused("no".to_owned())).await;
    };
    file(lab, "a").await;
    let before = group(lab, "one").await;
    assert!(post(lab, &mail("1", at(1)), &[covers(1, 1, false)]).await);
    refused(2).await;
    assert_eq!(group(lab, "one").await, before);
    assert!(post(lab, &mail("2", at(3)), &[covers(1, 1, false)]).await);
    try_next(lab, at(4), MailResult::Sent).await;
    resolve(lab, "it works").await;
    let ended = group(lab, "one").await;
    assert!(post(lab, &mail("3", at(5)), &[covers(0, 1, true)]).await);
    refused(6).await;
    assert_eq!(group(lab, "one").await, ended);
    assert_eq!(outbox_state(lab, at(0)).await.groups, [ended]);
}

/// One for each group, the last that was made; a planner sees those that last, and those that ended since the time it asks for,
/// also by hand: what came in them is to be told.
pub async fn a_silence_lasts_until_its_end_or_until_somebody_ends_it(lab: &impl StoreLab) {
    let silence = |fingerprint: &str, until, why: &str| Silence {
        fingerprint: fingerprint.to_owned(),
        until: at(until),
        why: why.to_owned(),
        by: "ops@ü \u{1f680}".to_owned(),
        at: at(1),
    };
    let (first, second) = (silence("one", 100, "we know"), silence("two", 200, "\0 '\"\\"));
    lab.store().silence(&second).await.expect("answers");
    lab.store().silence(&silence("one", 500, "by mistake")).await.expect("answers");
    lab.store().silence(&first).await.expect("answers");
    for (since, expected) in
        [(0, vec![&first, &second]), (99, vec![&first, &second]), (100, vec![&second]), (200, vec![])]
    {
        let expected: Vec<_> = expected.into_iter().cloned().collect();
        assert_eq!(lab.store().silences(at(since)).await.expect("answers"), expected, "since {since}");
        assert_eq!(outbox_state(lab, at(since)).await.silences, expected, "since {since}");
    }
    let unsilence =
        async |fingerprint, now| lab.store().unsilence(fingerprint, at(now)).await.expect("answers");
    assert!(unsilence("one", 60).await);
    assert!(!unsilence("one", 60).await, "it has ended");
    assert!(!unsilence("two", 200).await, "it had ended by itself");
    assert!(!unsilence("three", 60).await, "there is none");
    let ended = Silence { until: at(60), ..first };
    assert_eq!(outbox_state(lab, at(59)).await.silences, [ended, second.clone()]);
    assert_eq!(lab.store().silences(at(60)).await.expect("answers"), [second]);
}
