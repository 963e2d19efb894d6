//! What the dead-letter desk promises.

use std::time::Duration;

use domain::{Class, DeadLetter, Headers, MessageId, StageName};

use super::StoreLab;
use super::sample::{at, letter};
use crate::store::{AlertGroup, FiledLetter, GroupState, Letters};

async fn file(lab: &impl StoreLab, letter: &DeadLetter, fingerprint: &str) -> bool {
    lab.store().file(letter, fingerprint).await.expect("the letter is filed")
}

async fn group(lab: &impl StoreLab, fingerprint: &str) -> AlertGroup {
    let groups = lab.store().groups(None).await.expect("the desk answers");
    groups.into_iter().find(|group| group.fingerprint == fingerprint).expect("the group is there")
}

/// Whatever its texts and bytes, for every class and stage.
pub async fn a_letter_is_kept_whole(lab: &impl StoreLab) {
    let stages = StageName::ALL.into_iter().map(Some).chain([None]).cycle();
    for (n, (class, stage)) in (0_u8..).zip(Class::ALL.into_iter().zip(stages)) {
        let wild = "\u{1f4a5} \u{202e}\r\n'\"\\ \0 ".repeat(40);
        let sent = DeadLetter {
            id: MessageId::new(format!("dead/{n}/ü'\u{1f680}")),
            class,
            code: format!("code_{n}"),
            reason: format!("{n} {wild}"),
            stage,
            attempt: u32::MAX - u32::from(n),
            first_seen_at: at(-5),
            headers: Headers::new().with("x-batch", "b").with("wild", &wild).with("empty", ""),
            body: if n == 0 { domain::Bytes::new() } else { (0..=255).cycle().take(5000).collect() },
        };
        assert!(file(lab, &sent, "one").await);
        let kept = lab.store().letter(sent.id.as_str()).await.expect("the desk answers");
        assert_eq!(kept, Some(FiledLetter { letter: sent, fingerprint: "one".to_owned(), filed_at: at(0) }));
    }
}

/// A queue may deliver it again, even after its group was mailed about.
pub async fn a_letter_is_counted_once(lab: &impl StoreLab) {
    assert!(file(lab, &letter("a", at(0)), "one").await);
    let (group_before, letters) =
        (group(lab, "one").await, lab.store().letters(None, 9).await.expect("answers"));
    lab.clock().advance(Duration::from_secs(30));
    for fingerprint in ["one", "other"] {
        assert!(!file(lab, &letter("a", at(0)), fingerprint).await);
    }
    assert_eq!(lab.store().groups(None).await.expect("answers"), [group_before]);
    assert_eq!(lab.store().letters(None, 9).await.expect("answers"), letters);
}

/// It tells the newest reason, how many, and since when.
pub async fn letters_with_one_cause_make_one_group(lab: &impl StoreLab) {
    file(lab, &letter("a", at(-50)), "one").await;
    lab.clock().advance(Duration::from_secs(10));
    file(lab, &letter("b", at(-90)), "one").await;
    lab.clock().advance(Duration::from_secs(10));
    file(lab, &letter("c", at(5)), "one").await;
    let expected = AlertGroup {
        fingerprint: "one".to_owned(),
        stage: Some(StageName::Fetcher),
        class: Class::Incident,
        code: "api_500".to_owned(),
        reason: "the API said no (c)".to_owned(),
        state: GroupState::Open,
        first_seen_at: at(-90),
        last_seen_at: at(20),
        total: 3,
        unsent: 3,
        mailed_at: None,
        mailed_total: 0,
    };
    assert_eq!(lab.store().groups(None).await.expect("answers"), [expected]);
}

/// And only a new one.
pub async fn a_new_letter_opens_a_resolved_group_again(lab: &impl StoreLab) {
    file(lab, &letter("a", at(0)), "one").await;
    lab.resolve("one").await;
    file(lab, &letter("a", at(0)), "one").await;
    assert_eq!(group(lab, "one").await.state, GroupState::Resolved);
    file(lab, &letter("b", at(0)), "one").await;
    let reopened = group(lab, "one").await;
    assert_eq!((reopened.state, reopened.total), (GroupState::Open, 2));
}

/// Filtered by state and by group, and as many as were asked for.
pub async fn groups_and_letters_come_newest_first(lab: &impl StoreLab) {
    for (occasion, fingerprint) in [("a", "one"), ("b", "two"), ("c", "three"), ("d", "one")] {
        lab.clock().advance(Duration::from_secs(1));
        file(lab, &letter(occasion, at(0)), fingerprint).await;
    }
    lab.resolve("two").await;
    for (state, expected) in [
        (None, vec!["one", "three", "two"]),
        (Some(GroupState::Open), vec!["one", "three"]),
        (Some(GroupState::Resolved), vec!["two"]),
    ] {
        let groups = lab.store().groups(state).await.expect("answers");
        assert_eq!(groups.iter().map(|group| group.fingerprint.as_str()).collect::<Vec<_>>(), expected);
    }
    for (fingerprint, limit, expected) in [
        (None, 10, vec!["d", "c", "b", "a"]),
        (None, 3, vec!["d", "c", "b"]),
        (Some("one"), 10, vec!["d", "a"]),
        (Some("one"), 1, vec!["d"]),
        (Some("none"), 10, vec![]),
    ] {
        let letters = lab.store().letters(fingerprint, limit).await.expect("answers");
        let ids: Vec<_> = letters.iter().map(|filed| filed.letter.id.as_str()).collect();
        let expected: Vec<_> =
            expected.iter().map(|occasion| format!("incident/fetcher/api_500/{occasion}")).collect();
        assert_eq!(ids, expected);
    }
}
