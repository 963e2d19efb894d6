//! What the dead-letter desk promises.

use std::time::Duration;

use domain::{Class, DeadLetter, Headers, MessageId, StageName, header};

use super::StoreLab;
use super::sample::{at, letter};
use ports::store::{AlertGroup, Death, FiledLetter, GroupState, LetterSummary, Letters};

async fn file(lab: &impl StoreLab, letter: &DeadLetter, fingerprint: &str) -> bool {
    lab.store().file(letter, fingerprint).await.expect("the letter is filed")
}

/// The group of this fingerprint.
pub(super) async fn group(lab: &impl StoreLab, fingerprint: &str) -> AlertGroup {
    let groups = lab.store().groups(None).await.expect("the desk answers");
    groups.into_iter().find(|group| group.fingerprint == fingerprint).expect("the group is there")
}

/// A letter about a message that died in `replay` (empty: before any), with this code.
fn poison(replay: &str, code: &str) -> DeadLetter {
    let mut headers = Headers::new().with("x-batch", "b");
    if !replay.is_empty() {
        headers.set(header::REPLAY_ID, replay);
    }
    DeadLetter {
        id: MessageId::new("dead/loader/b/p1/c1"),
        class: Class::Poison,
        code: code.to_owned(),
        reason: format!("{code} in replay {replay:?}"),
        stage: Some(StageName::Loader),
        attempt: 3,
        first_seen_at: at(-5),
        headers,
        body: replay.as_bytes().to_vec().into(),
    }
}

/// What is known of the death in `letter` when it was filed at `filed_at`.
fn death(letter: &DeadLetter, fingerprint: &str, filed_at: i64) -> Death {
    Death {
        replay: letter.replay().to_string(),
        stage: letter.stage,
        class: letter.class,
        code: letter.code.clone(),
        reason: letter.reason.clone(),
        attempt: letter.attempt,
        first_seen_at: letter.first_seen_at,
        filed_at: at(filed_at),
        fingerprint: fingerprint.to_owned(),
    }
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
        let deaths = vec![death(&sent, "one", 0)];
        let filed = FiledLetter { letter: sent, fingerprint: "one".to_owned(), filed_at: at(0), deaths };
        assert_eq!(kept, Some(filed));
    }
}

/// A queue may deliver it again, even after its group was mailed about.
pub async fn a_death_is_counted_once(lab: &impl StoreLab) {
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
        opened_at: at(0),
        resolved_at: None,
        resolution: None,
        episodes: 1,
        opened_total: 0,
        flapping_since: at(0),
        flaps: 1,
        told_at: None,
    };
    assert_eq!(lab.store().groups(None).await.expect("answers"), [expected]);
}

/// Whoever resolves says what it has seen: a death that it does not know of keeps the group open.
pub async fn a_group_is_resolved_unless_another_death_came(lab: &impl StoreLab) {
    let resolve = async |total| lab.store().resolve("one", total, "by hand").await.expect("answers");
    assert!(!resolve(0).await, "there is none");
    assert!(file(lab, &poison("", "bad"), "one").await);
    assert!(file(lab, &poison("replay/1", "bad"), "one").await);
    assert!(!resolve(1).await, "another one came");
    assert!(resolve(2).await);
    assert!(!resolve(2).await, "it is resolved");
    assert_eq!(group(lab, "one").await.state, GroupState::Resolved);
    assert!(file(lab, &poison("replay/2", "bad"), "one").await);
    assert!(!resolve(2).await);
    assert_eq!(group(lab, "one").await.state, GroupState::Open);
}

/// In a replay it is another death: its letter shows both, its group counts two and is open again. A letter that is
/// delivered again, also the older one, changes nothing.
pub async fn a_letter_that_dies_again_counts_again(lab: &impl StoreLab) {
    let (first, second) = (poison("", "bad"), poison("replay/1", "bad"));
    assert!(file(lab, &first, "one").await);
    lab.resolve("one").await;
    lab.clock().advance(Duration::from_secs(10));
    assert!(file(lab, &second, "one").await);
    let group = group(lab, "one").await;
    assert_eq!((group.total, group.unsent, group.state), (2, 2, GroupState::Open));
    assert_eq!((group.last_seen_at, &group.reason), (at(10), &second.reason));
    lab.resolve("one").await;
    lab.clock().advance(Duration::from_secs(10));
    for again in [&first, &second, &second, &first] {
        assert!(!file(lab, again, "one").await);
    }
    let groups = lab.store().groups(None).await.expect("answers");
    assert_eq!(groups, [AlertGroup { state: GroupState::Resolved, ..group }]);
    let kept = lab.store().letter(first.id.as_str()).await.expect("answers");
    let deaths = vec![death(&first, "one", 0), death(&second, "one", 10)];
    let filed = FiledLetter { letter: second, fingerprint: "one".to_owned(), filed_at: at(10), deaths };
    assert_eq!(kept, Some(filed));
}

/// Also without a replay in between. The death counts in the group of its cause, and the letter is found there.
pub async fn a_letter_that_dies_of_another_cause_counts_there(lab: &impl StoreLab) {
    let (first, second) = (poison("", "bad"), poison("", "worse"));
    assert!(file(lab, &first, "one").await);
    assert!(file(lab, &second, "two").await);
    let panic = DeadLetter { class: Class::RetriesExhausted, ..second.clone() };
    assert!(file(lab, &panic, "three").await);
    for fingerprint in ["one", "two", "three"] {
        let group = group(lab, fingerprint).await;
        assert_eq!((group.total, group.unsent), (1, 1), "{fingerprint}");
        let found = lab.store().letters(Some(fingerprint), 9).await.expect("answers");
        assert_eq!(found.len(), usize::from(fingerprint == "three"), "{fingerprint}");
    }
    let kept = lab.store().letter(first.id.as_str()).await.expect("answers").expect("is there");
    let deaths = [death(&first, "one", 0), death(&second, "two", 0), death(&panic, "three", 0)];
    assert_eq!(kept.deaths, deaths);
    assert_eq!(kept.letter, panic);
}

/// An incident is no message: what happens to the same occasion happened once.
pub async fn an_incident_has_one_death(lab: &impl StoreLab) {
    let first = letter("slot", at(0));
    let mut again = first.clone();
    again.headers.set(header::REPLAY_ID, "replay/1");
    assert!(file(lab, &first, "one").await);
    assert!(!file(lab, &again, "one").await);
    assert!(file(lab, &letter("another slot", at(0)), "one").await);
}

/// Two alerters may get the same letter, one after the other has lost it.
pub async fn two_that_file_one_death_count_it_once(lab: &impl StoreLab) {
    let (one, other) = (lab.store(), lab.beside().await);
    for replay in ["", "replay/1", "replay/2"] {
        let letter = poison(replay, "bad");
        let (first, second) = tokio::join!(one.file(&letter, "one"), other.file(&letter, "one"));
        let (first, second) = (first.expect("answers"), second.expect("answers"));
        assert!(first != second, "replay {replay:?} was filed by both, or by none");
    }
    let group = group(lab, "one").await;
    assert_eq!((group.total, group.unsent), (3, 3));
}

/// A list reads no body, and says how long it is.
pub async fn a_list_shows_all_of_a_letter_but_its_body(lab: &impl StoreLab) {
    let sent = DeadLetter { body: vec![0xff; 70_000].into(), ..poison("replay/1", "bad") };
    file(lab, &poison("", "bad"), "one").await;
    file(lab, &sent, "one").await;
    let summary = LetterSummary {
        id: sent.id.clone(),
        class: sent.class,
        code: sent.code.clone(),
        reason: sent.reason.clone(),
        stage: sent.stage,
        attempt: sent.attempt,
        first_seen_at: sent.first_seen_at,
        headers: sent.headers.clone(),
        body_bytes: 70_000,
        fingerprint: "one".to_owned(),
        filed_at: at(0),
        deaths: 2,
    };
    assert_eq!(lab.store().letters(None, 9).await.expect("answers"), std::slice::from_ref(&summary));
    assert_eq!(lab.store().letters(Some("one"), 9).await.expect("answers"), [summary]);
}

/// Any number of them, known or not.
pub async fn what_is_on_the_desk_can_be_asked_by_id(lab: &impl StoreLab) {
    let filed: Vec<_> = ["a", "b", "ü'\u{1f680}"].map(|occasion| letter(occasion, at(0))).into();
    for letter in &filed {
        file(lab, letter, "one").await;
    }
    let mut ids: Vec<_> = filed.iter().map(|letter| letter.id.as_str()).collect();
    let known = ids.iter().map(ToString::to_string).collect();
    ids.extend(["", "nothing", "incident/fetcher/api_500/A"]);
    assert_eq!(lab.store().filed(&ids).await.expect("answers"), known);
    assert!(lab.store().filed(&[]).await.expect("answers").is_empty());
}

/// By when they died last; incidents beside the others.
pub async fn what_was_filed_in_a_time_is_counted(lab: &impl StoreLab) {
    file(lab, &poison("", "bad"), "one").await;
    lab.clock().advance(Duration::from_secs(10));
    file(lab, &letter("a", at(0)), "two").await;
    file(lab, &letter("b", at(0)), "two").await;
    let count = async |from, to| {
        let counts = lab.store().count_filed(at(from), at(to)).await.expect("answers");
        (counts.letters, counts.incidents)
    };
    assert_eq!(count(0, 11).await, (1, 2));
    assert_eq!(count(0, 10).await, (1, 0));
    assert_eq!(count(10, 11).await, (0, 2));
    assert_eq!(count(11, 99).await, (0, 0));
    lab.clock().advance(Duration::from_secs(10));
    file(lab, &poison("replay/1", "bad"), "one").await;
    assert_eq!(count(0, 20).await, (0, 2));
    assert_eq!(count(20, 21).await, (1, 0));
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

/// Filtered by state and by group, and as many as were asked for; of one instant, the greater id first.
pub async fn groups_and_letters_come_newest_first(lab: &impl StoreLab) {
    for (occasion, fingerprint) in [("a", "one"), ("b", "two"), ("c", "three"), ("d", "one")] {
        lab.clock().advance(Duration::from_secs(1));
        file(lab, &letter(occasion, at(0)), fingerprint).await;
    }
    file(lab, &letter("c2", at(0)), "five").await;
    lab.resolve("two").await;
    lab.resolve("five").await;
    for (state, expected) in [
        (None, vec!["five", "one", "three", "two"]),
        (Some(GroupState::Open), vec!["one", "three"]),
        (Some(GroupState::Resolved), vec!["five", "two"]),
    ] {
        let groups = lab.store().groups(state).await.expect("answers");
        assert_eq!(groups.iter().map(|group| group.fingerprint.as_str()).collect::<Vec<_>>(), expected);
    }
    for (fingerprint, limit, expected) in [
        (None, 10, vec!["d", "c2", "c", "b", "a"]),
        (None, 3, vec!["d", "c2", "c"]),
        (Some("one"), 10, vec!["d", "a"]),
        (Some("one"), 1, vec!["d"]),
        (Some("none"), 10, vec![]),
    ] {
        let letters = lab.store().letters(fingerprint, limit).await.expect("answers");
        let ids: Vec<_> = letters.iter().map(|letter| letter.id.as_str()).collect();
        let expected: Vec<_> =
            expected.iter().map(|occasion| format!("incident/fetcher/api_500/{occasion}")).collect();
        assert_eq!(ids, expected);
    }
}
