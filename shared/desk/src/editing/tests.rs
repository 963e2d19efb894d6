//! An edit is held to what the message is.

use std::sync::Arc;

use domain::{Bytes, Class, Headers, Message, StageName, header};
use testkit::clock::ManualClock;
use testkit::contract::store::sample::{at, chunk};
use testkit::memory::MemoryStore;

use super::*;
use crate::trial::Tried;

/// Rules that let everything pass.
struct Lenient;

impl Trial for Lenient {
    fn try_page(&self, _: &Headers, _: &[u8], _: DateTime<Utc>) -> Result<Tried, String> {
        Ok(Tried { passed: 1, ..Tried::default() })
    }
}

async fn editing(headers: Headers) -> (Stores, Editing) {
    let stores = Stores::of(Arc::new(MemoryStore::new(Arc::new(ManualClock::default()))));
    let message = Message { id: MessageId::new("b/p1"), headers, body: b"no page"[..].into() };
    let letter = DeadLetter::for_message(&message, StageName::Transformer, Class::Poison, "bad", "no", at(0));
    stores.letters.file(&letter, "group").await.unwrap();
    let (filed, handling) = crate::letter(&stores, letter.id.as_str()).await.unwrap().unwrap();
    let editing = Editing::of(filed, &handling).unwrap();
    (stores, editing)
}

async fn try_header(
    headers: Headers,
    name: &str,
    value: &str,
    to_another_kind: bool,
) -> Result<Checked, String> {
    let (stores, editing) = editing(headers).await;
    let mut after = editing.before().clone();
    after.headers.set(name, value);
    let checked = editing.check(&stores, &after, to_another_kind, Some(&Lenient), at(1)).await;
    checked.map_err(|error| format!("{error:#}"))
}

/// A page of quotes that becomes one of the global metrics would leave the quotes missing without a word.
#[tokio::test]
async fn a_header_that_says_what_the_message_is_is_not_changed_unnoticed() {
    let page = || chunk(&[]).page.to_message(Bytes::new()).headers;
    for (name, value) in [
        (header::ENDPOINT, "global-metrics"),
        (header::SIMULATED, "false"),
        (header::BATCH, "2026-11-22T15:00:00Z/listings/USD"),
        (header::PAGE, "7"),
    ] {
        let changed = if page().get(name) == Some(value) { "true" } else { value };
        let refused = try_header(page(), name, changed, false).await.unwrap_err();
        assert!(refused.contains(name) && refused.contains("another message"), "{name}: {refused}");
        let meant = try_header(page(), name, changed, true).await.unwrap();
        assert!(meant.difference.iter().any(|line| line.contains(name)), "{:?}", meant.difference);
    }
    try_header(page(), "mine", "x", false).await.unwrap();
    try_header(page(), header::ORIGIN, "backfill", false).await.unwrap();
}

/// What was senseless may become what it should be.
#[tokio::test]
async fn a_header_that_said_nothing_may_be_mended() {
    let page = || chunk(&[]).page.to_message(Bytes::new()).headers;
    for (name, nonsense) in
        [(header::ENDPOINT, "lisstings"), (header::SIMULATED, "yes"), (header::PAGE, "one")]
    {
        let right = page().get(name).expect("it is there").to_owned();
        try_header(page().with(name, nonsense), name, &right, false).await.unwrap();
    }
    try_header(Headers::new(), header::ENDPOINT, "listings", false).await.unwrap();
}

#[tokio::test]
async fn an_edit_is_kept_once_and_its_record_says_as_what() {
    let (stores, editing) = editing(chunk(&[]).page.to_message(Bytes::new()).headers).await;
    let mut after = editing.before().clone();
    after.body = "{}".to_owned();
    let refused = editing.check(&stores, editing.before(), false, Some(&Lenient), at(1)).await.unwrap_err();
    assert!(refused.to_string().contains("nothing was changed"));
    let untried = editing.check(&stores, &after, false, None, at(1)).await.unwrap_err();
    assert!(untried.to_string().contains("coinpipe dead edit 'dead/transformer/b/p1'"), "{untried}");
    let checked = editing.check(&stores, &after, false, Some(&Lenient), at(1)).await.unwrap();
    checked.keep(&stores, "me", at(1)).await.unwrap();
    assert!(
        checked.keep(&stores, "me", at(2)).await.unwrap_err().to_string().contains("nothing was changed")
    );
    let log = stores.desk.actions(2).await.unwrap();
    let outcomes: Vec<_> = log.iter().map(|logged| (logged.done, logged.outcome.as_deref())).collect();
    assert!(outcomes.contains(&(1, Some("kept as dead/transformer/b/p1+edit1"))), "{outcomes:?}");
    assert!(outcomes.iter().any(|(done, _)| *done == 0), "{outcomes:?}");
}

/// What a stage says of a message has values of it.
struct Talkative;

impl Trial for Talkative {
    fn try_page(&self, headers: &Headers, _: &[u8], _: DateTime<Utc>) -> Result<Tried, String> {
        let why = "the value is pssst".to_owned();
        if headers.get("x") == Some("bad") { Err(why) } else { Ok(Tried { passed: 1, rejected: 1, why }) }
    }
}

#[tokio::test]
async fn what_is_hidden_is_in_no_word_of_a_check() {
    let page = chunk(&[]).page.to_message(Bytes::new()).headers.with("secret", "pssst");
    for (hide, tells) in [(vec![], true), (vec!["Secret".to_owned(), "X-BATCH".to_owned()], false)] {
        let (stores, editing) = editing(page.clone()).await;
        let editing = editing.hiding(&hide);
        let check = async |set: &[(&str, &str)]| {
            let mut after = editing.before().clone();
            for (name, value) in set {
                after.headers.set(*name, value);
            }
            let checked = editing.check(&stores, &after, false, Some(&Talkative), at(1)).await;
            checked.map_err(|error| format!("{error:#}"))
        };
        let good = check(&[("secret", "other")]).await.unwrap();
        let lines = good.difference.join(" ");
        assert_eq!(lines.contains("pssst → other"), tells, "{lines}");
        assert!(lines.contains("header secret"), "{lines}");
        assert_eq!(good.verdict.contains("pssst"), tells, "{}", good.verdict);
        let bad = check(&[("x", "bad")]).await.unwrap_err();
        assert_eq!(bad.contains("pssst"), tells, "{bad}");
        let another = check(&[("x-batch", "other")]).await.unwrap_err();
        assert_eq!(another.contains("→ other"), tells, "{another}");
        assert!(another.contains("x-batch"), "{another}");
    }
}
