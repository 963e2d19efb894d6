//! What the operator's side of the desk promises.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use domain::{Chunk, Class, DeadLetter, Headers, MessageId, Origin, ReplayId, StageName, header};

use super::StoreLab;
use super::sample::{at, batch, chunk, letter};
use ports::Clock;
use ports::store::{
    Action, Desk, DeskLetter, Handling, Kept, LetterFilter, LetterKey, LetterState, Letters, LoggedAction,
    Store, Unsettled,
};

/// A letter about a message `name` of `stage` that died in `replay` (empty: before any).
pub(super) fn poison(name: &str, stage: StageName, replay: &str) -> DeadLetter {
    let mut headers = Headers::new().with(header::BATCH, batch(0)).with("traceparent", "00-ABCD-01");
    if !replay.is_empty() {
        headers.set(header::REPLAY_ID, replay);
    }
    DeadLetter {
        id: MessageId::new(format!("dead/{stage}/{name}")),
        class: Class::Poison,
        code: "bad_json".to_owned(),
        reason: format!("{name} is 100% no JSON"),
        stage: Some(stage),
        attempt: 1,
        first_seen_at: at(0),
        headers,
        body: b"{"[..].into(),
    }
}

pub(super) async fn file(lab: &impl StoreLab, letter: &DeadLetter, fingerprint: &str) {
    assert!(lab.store().file(letter, fingerprint).await.expect("the letter is filed"));
    lab.clock().advance(Duration::from_secs(1));
}

pub(super) async fn listed(lab: &impl StoreLab, filter: &LetterFilter) -> Vec<DeskLetter> {
    lab.store().list(filter, None, 1000).await.expect("the desk answers")
}

/// The letter with this id.
pub(super) async fn found(lab: &impl StoreLab, id: &str) -> DeskLetter {
    let filter = LetterFilter { id: Some(id.to_owned()), ..LetterFilter::default() };
    listed(lab, &filter).await.pop().expect("it is there")
}

async fn state(lab: &impl StoreLab, id: &str) -> LetterState {
    found(lab, id).await.handling.state
}

pub(super) fn replay(name: &str) -> ReplayId {
    ReplayId::new(name).expect("a good name")
}

/// The hours begin where clocks on the wall begin them.
pub async fn letters_are_counted_by_the_hour_of_their_newest_death(lab: &impl StoreLab) {
    let hour = |at: chrono::DateTime<chrono::Utc>| at - TimeDelta::seconds(at.timestamp().rem_euclid(3600));
    let began = lab.clock().now();
    for (occasion, group) in [("a", "one"), ("b", "one"), ("c", "two"), ("d", "other")] {
        file(lab, &letter(occasion, at(0)), group).await;
    }
    lab.clock().advance(Duration::from_hours(2));
    let later = lab.clock().now();
    file(lab, &letter("e", at(0)), "one").await;
    // It died again: only its newest death counts.
    file(lab, &DeadLetter { code: "worse".to_owned(), ..letter("b", at(0)) }, "one").await;
    let counted = async |groups: &[&str], since| {
        let hours = lab.store().by_hour(groups, since).await.expect("the desk answers");
        hours.into_iter().map(|found| (found.fingerprint, found.hour, found.letters)).collect::<Vec<_>>()
    };
    let of = |group: &str, at, letters| (group.to_owned(), hour(at), letters);
    let all = [of("one", began, 1), of("one", later, 2), of("two", began, 1)];
    assert_eq!(counted(&["one", "two"], began).await, all);
    assert_eq!(counted(&["one", "none"], later).await, [of("one", later, 2)]);
    assert_eq!(counted(&[], began).await, []);
}

/// Alone and together, and counted.
pub async fn each_filter_takes_its_letters(lab: &impl StoreLab) {
    let page = poison("b/p1", StageName::Transformer, "");
    let rejected = DeadLetter {
        class: Class::RejectedRows,
        code: "price_negative".to_owned(),
        ..poison("b/p1/c1", StageName::Loader, "")
    };
    file(lab, &page, "one").await;
    file(lab, &rejected.about_coins([1, 1027]), "two").await;
    file(lab, &letter("slot", at(0)), "three").await;
    let none = LetterFilter::default;
    let text = |text: &str| LetterFilter { text: Some(text.to_owned()), ..none() };
    for (filter, expected) in [
        (none(), "slot c1 p1"),
        (LetterFilter { id: Some(page.id.to_string()), ..none() }, "p1"),
        (LetterFilter { id: Some("p1".to_owned()), ..none() }, ""),
        (LetterFilter { group: Some("two".to_owned()), ..none() }, "c1"),
        (LetterFilter { state: Some(LetterState::Open), ..none() }, "slot c1 p1"),
        (LetterFilter { state: Some(LetterState::Dropped), ..none() }, ""),
        (LetterFilter { stage: Some(StageName::Loader), ..none() }, "c1"),
        (LetterFilter { class: Some(Class::Incident), ..none() }, "slot"),
        (LetterFilter { code: Some("bad_json".to_owned()), ..none() }, "p1"),
        (LetterFilter { batch: Some(batch(0)), ..none() }, "c1 p1"),
        (LetterFilter { batch: Some(batch(60)), ..none() }, ""),
        (LetterFilter { coin: Some(1027), ..none() }, "c1"),
        (LetterFilter { coin: Some(102), ..none() }, ""),
        (LetterFilter { since: Some(at(1)), ..none() }, "slot c1"),
        (LetterFilter { until: Some(at(1)), ..none() }, "p1"),
        (LetterFilter { since: Some(at(1)), until: Some(at(2)), ..none() }, "c1"),
        (text("API said"), "slot"),
        (text("api SAID"), "slot"),
        (text("00-abcd"), "c1 p1"),
        (text("p1/c1"), "c1"),
        (text("100%"), "c1 p1"),
        (text("1_0"), ""),
        (LetterFilter { stage: Some(StageName::Loader), ..text("negative") }, "c1"),
        (LetterFilter { stage: Some(StageName::Fetcher), ..text("negative") }, ""),
    ] {
        let letters = listed(lab, &filter).await;
        let names: Vec<_> =
            letters.iter().filter_map(|letter| letter.summary.id.as_str().rsplit('/').next()).collect();
        assert_eq!(names.join(" "), expected, "{filter:?}");
        let counted = lab.store().count(&filter, 100).await.expect("the desk answers");
        assert_eq!(counted, letters.len() as u64, "{filter:?}");
    }
    assert_eq!(lab.store().count(&none(), 2).await.expect("the desk answers"), 2);
}

/// Also those of one instant, and whatever happens to others between two pages.
pub async fn pages_of_a_list_have_every_letter_once(lab: &impl StoreLab) {
    for number in 0..25 {
        let letter = letter(&format!("{number:02}"), at(0));
        assert!(lab.store().file(&letter, "one").await.expect("filed"));
        if number % 10 == 9 {
            lab.clock().advance(Duration::from_secs(1));
        }
    }
    for state in [None, Some(LetterState::Open)] {
        let filter = LetterFilter { state, ..LetterFilter::default() };
        let all: Vec<_> = listed(lab, &filter).await.iter().map(DeskLetter::key).collect();
        assert_eq!(all.len(), 25);
        let mut paged: Vec<LetterKey> = Vec::new();
        loop {
            let page = lab.store().list(&filter, paged.last(), 7).await.expect("the desk answers");
            if page.is_empty() {
                break;
            }
            paged.extend(page.iter().map(DeskLetter::key));
            // What was shown leaves the filter, and more comes.
            let last = paged.last().cloned();
            lab.store().settle(last.as_slice(), false, "done").await.expect("settles");
            assert!(
                lab.store()
                    .file(&letter(&format!("new {state:?} {}", paged.len()), at(0)), "two")
                    .await
                    .is_ok()
            );
        }
        let is_new = |key: &&LetterKey| key.id.contains("new");
        assert_eq!(paged.iter().filter(|key| !is_new(key)).cloned().collect::<Vec<_>>(), all);
        let new: Vec<_> =
            listed(lab, &LetterFilter { group: Some("two".to_owned()), ..LetterFilter::default() })
                .await
                .iter()
                .map(DeskLetter::key)
                .collect();
        lab.store().settle(&new, true, "over").await.expect("settles");
        lab.clock().advance(Duration::from_secs(1));
        let far = lab.store().purge(Kept::Letters, &LetterFilter::default(), at(3600), 1000).await;
        // The rest is as it was for the next round.
        assert_eq!(far.expect("purges"), new.len() as u64 + 4);
        for key in all.iter().skip(6).step_by(7).chain(all.last()) {
            let name = key.id.rsplit('/').next().expect("a name");
            assert!(lab.store().file(&letter(name, at(0)), "one").await.expect("filed"));
        }
    }
}

/// Whoever saw an older death changes nothing.
pub async fn what_is_done_is_done_to_the_death_that_was_seen(lab: &impl StoreLab) {
    let first = poison("m", StageName::Loader, "");
    file(lab, &first, "one").await;
    file(lab, &letter("other", at(0)), "one").await;
    let id = first.id.as_str();
    let seen = found(lab, id).await.key();
    file(lab, &poison("m", StageName::Loader, "again"), "one").await;
    let store = lab.store();
    assert!(!store.replayed(&seen, &replay("r")).await.expect("answers"));
    assert_eq!(store.settle(std::slice::from_ref(&seen), true, "gone").await.expect("answers"), 0);
    let edited = DeadLetter { id: MessageId::new("edited"), ..first };
    assert!(!store.keep_edited(&seen, &edited).await.expect("answers"));
    assert_eq!(state(lab, id).await, LetterState::Open);

    let keys: Vec<_> = listed(lab, &LetterFilter::default()).await.iter().map(DeskLetter::key).collect();
    assert_eq!(store.settle(&keys, true, "no use").await.expect("answers"), 2);
    assert_eq!(store.settle(&keys, false, "again").await.expect("answers"), 0, "they are settled");
    assert_eq!(store.settle(&[], false, "nothing").await.expect("answers"), 0);
    for (before, expected) in [(at(3), 0), (at(4), 2)] {
        let old = LetterFilter { settled_before: Some(before), ..LetterFilter::default() };
        assert_eq!(listed(lab, &old).await.len(), expected);
    }
    let handling = found(lab, id).await.handling;
    let expected = Handling {
        state: LetterState::Dropped,
        settled_at: Some(at(3)),
        why: Some("no use".to_owned()),
        replay: None,
        replayed_at: None,
        edited_from: None,
    };
    assert_eq!(handling, expected);
    // What was dropped is kept, and can be sent.
    assert!(store.replayed(&keys[0], &replay("r")).await.expect("answers"));
    assert_eq!(found(lab, id).await.handling.why, None);
}

/// It says why it died, and not any more what was done before.
pub async fn a_new_death_opens_a_settled_letter_again(lab: &impl StoreLab) {
    let id = "dead/loader/m";
    for (round, dropped) in [("", false), ("r1", true), ("r2", false)] {
        file(lab, &poison("m", StageName::Loader, round), "one").await;
        let letter = found(lab, id).await;
        let Handling { state, settled_at, why, .. } = &letter.handling;
        assert_eq!((*state, settled_at, why), (LetterState::Open, &None, &None), "{round}");
        assert_eq!(lab.store().settle(&[letter.key()], dropped, "why").await.expect("answers"), 1);
        // A death that is delivered again is no new one.
        let again = poison("m", StageName::Loader, round);
        assert!(!lab.store().file(&again, "one").await.expect("answers"));
        assert!(found(lab, id).await.handling.state.is_settled());
    }
}

/// And by no earlier one.
pub async fn a_replayed_letter_is_resolved_by_its_replay_alone(lab: &impl StoreLab) {
    let (store, id) = (lab.store(), "dead/loader/m");
    file(lab, &poison("m", StageName::Loader, ""), "one").await;
    let key = found(lab, id).await.key();
    let (first, second) = (replay("replay/1"), replay("replay/2"));
    assert!(!store.arrived(id, &first, "too early").await.expect("answers"));
    assert!(store.replayed(&key, &first).await.expect("answers"));
    let handling = found(lab, id).await.handling;
    assert_eq!((handling.state, handling.replay), (LetterState::Replayed, Some(first.clone())));
    assert_eq!(handling.replayed_at, Some(at(1)));
    // It dies again: the first replay did not help.
    file(lab, &poison("m", StageName::Loader, "replay/1"), "one").await;
    assert!(!store.arrived(id, &first, "late").await.expect("answers"));
    assert!(store.replayed(&found(lab, id).await.key(), &second).await.expect("answers"));
    assert!(!store.arrived(id, &first, "late").await.expect("answers"));
    assert!(store.arrived(id, &second, "it is there").await.expect("answers"));
    assert!(!store.arrived(id, &second, "twice").await.expect("answers"));
    let handling = found(lab, id).await.handling;
    assert_eq!((handling.state, handling.why.as_deref()), (LetterState::Resolved, Some("it is there")));
    assert_eq!(handling.settled_at, Some(at(2)));
}

/// By replay, page and chunk.
pub async fn a_chunk_that_a_replay_loaded_is_known(lab: &impl StoreLab) {
    let this = replay("replay/1");
    let mut part = Chunk { chunk: 2, chunks: 3, size: Some(1), replay: Some(this.clone()), ..chunk(&[7]) };
    part.page.origin = Origin::Replay;
    lab.store().load(&part).await.expect("loads");
    for (replay, batch, page, chunk, expected) in [
        (&this, batch(0), 1, 2, true),
        (&replay("replay/2"), batch(0), 1, 2, false),
        (&this, batch(60), 1, 2, false),
        (&this, batch(0), 2, 2, false),
        (&this, batch(0), 1, 1, false),
    ] {
        let loaded = lab.store().is_loaded(replay, &batch, page, chunk).await.expect("answers");
        assert_eq!(loaded, expected, "{replay} {batch} {page} {chunk}");
    }
}

/// A few at a time, and those of no other group.
pub async fn letters_of_a_resolved_group_are_settled_with_it(lab: &impl StoreLab) {
    for occasion in ["a", "b", "c"] {
        file(lab, &letter(occasion, at(0)), "one").await;
    }
    file(lab, &letter("d", at(0)), "two").await;
    let settle = async |limit| lab.store().settle_with_groups(limit).await.expect("answers");
    assert_eq!(settle(10).await, 0);
    lab.resolve("one").await;
    assert_eq!(settle(2).await, 2);
    assert_eq!(settle(2).await, 1);
    assert_eq!(settle(2).await, 0);
    let open = LetterFilter { state: Some(LetterState::Open), ..LetterFilter::default() };
    let open: Vec<_> =
        listed(lab, &open).await.into_iter().map(|letter| letter.summary.fingerprint).collect();
    assert_eq!(open, ["two"]);
    // A new letter opens the group, and not those before.
    file(lab, &letter("e", at(0)), "one").await;
    assert_eq!(settle(9).await, 0);
    assert_eq!(state(lab, "incident/fetcher/api_500/a").await, LetterState::Resolved);
}

/// The original stays, is settled, and is linked; the new one is open, in the same group, and counts nothing.
pub async fn what_is_made_of_a_letter_takes_its_place(lab: &impl StoreLab) {
    let original = poison("m", StageName::Transformer, "");
    file(lab, &original, "one").await;
    let store = lab.store();
    let before = store.groups(None).await.expect("answers");
    let edited = DeadLetter {
        id: MessageId::new("dead/transformer/m+edit1"),
        body: b"{}"[..].into(),
        ..original.clone()
    };
    let key = found(lab, original.id.as_str()).await.key();
    assert!(store.keep_edited(&key, &edited).await.expect("answers"));
    assert!(!store.keep_edited(&key, &edited).await.expect("answers"), "it is there");
    assert_eq!(store.groups(None).await.expect("answers"), before);
    let first = found(lab, original.id.as_str()).await.handling;
    assert_eq!(
        (first.state, first.why.as_deref()),
        (LetterState::Resolved, Some("edited as dead/transformer/m+edit1"))
    );
    let second = found(lab, edited.id.as_str()).await;
    assert_eq!(second.handling.edited_from.as_deref(), Some(original.id.as_str()));
    assert_eq!((second.handling.state, second.summary.fingerprint.as_str()), (LetterState::Open, "one"));
    let kept = store.letter(edited.id.as_str()).await.expect("answers").expect("is there");
    assert_eq!((&kept.letter, kept.deaths.len()), (&edited, 1));
    // It may die like any other, and stays linked.
    let mut died = edited.clone();
    died.headers.set(header::REPLAY_ID, "replay/1");
    file(lab, &died, "one").await;
    let again = found(lab, edited.id.as_str()).await;
    assert_eq!((again.summary.deaths, again.handling.edited_from), (2, Some(original.id.to_string())));
}

/// When they begin, while they go on, and when they end.
pub async fn actions_are_written_down(lab: &impl StoreLab) {
    let store = lab.store();
    let action = |id: &str, matched| Action {
        id: id.to_owned(),
        who: "me@here ü".to_owned(),
        verb: "drop".to_owned(),
        filter: r#"{"stage":"loader"}"#.to_owned(),
        matched,
    };
    store.begin(&action("1", 7)).await.expect("it is written");
    lab.clock().advance(Duration::from_secs(1));
    store.begin(&action("2", u64::from(u32::MAX))).await.expect("it is written");
    store.note("1", 3, None).await.expect("it is written");
    let line = |id: &str, matched, seconds, done, outcome: Option<&str>| LoggedAction {
        at: at(seconds),
        action: action(id, matched),
        done,
        outcome: outcome.map(str::to_owned),
    };
    let second = line("2", u64::from(u32::MAX), 1, 0, None);
    let lines = store.actions(9).await.expect("answers");
    assert_eq!(lines, [second.clone(), line("1", 7, 0, 3, None)]);
    store.note("1", 7, Some("done")).await.expect("it is written");
    let lines = store.actions(9).await.expect("answers");
    assert_eq!(lines, [second.clone(), line("1", 7, 0, 7, Some("done"))]);
    assert_eq!(store.actions(1).await.expect("answers"), [second]);
    let purged = store.purge(Kept::Log, &LetterFilter::default(), at(1), 9).await.expect("answers");
    assert_eq!((purged, store.actions(9).await.expect("answers").len()), (1, 1));
}

/// Letters, however often they died, by the groups of their newest deaths; what is resolved or dropped is none.
pub async fn what_is_not_settled_is_counted_by_group(lab: &impl StoreLab) {
    let store = lab.store();
    assert_eq!(store.unsettled().await.expect("the desk answers"), BTreeMap::new());
    for (name, group) in [("a", "one"), ("b", "one"), ("c", "one"), ("d", "two"), ("e", "gone")] {
        file(lab, &poison(name, StageName::Loader, ""), group).await;
    }
    // It dies again, of the same cause and of another.
    file(lab, &poison("a", StageName::Loader, "replay/1"), "one").await;
    file(lab, &poison("d", StageName::Loader, "replay/1"), "one").await;
    let key = async |name: &str| found(lab, &format!("dead/loader/{name}")).await.key();
    assert!(store.replayed(&key("b").await, &replay("replay/2")).await.expect("answers"));
    assert_eq!(store.settle(&[key("c").await], false, "known").await.expect("answers"), 1);
    assert_eq!(store.settle(&[key("e").await], true, "known").await.expect("answers"), 1);
    let expected = [("one".to_owned(), Unsettled { open: 2, replayed: 1 })];
    assert_eq!(store.unsettled().await.expect("the desk answers"), BTreeMap::from(expected));
}
