//! Forms that are not as the site makes them, and what must not be seen.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use desk::{Trial, Tried};

use super::*;

/// Rules that let everything pass.
struct Lenient;

impl Trial for Lenient {
    fn try_page(&self, _: &Headers, _: &[u8], _: DateTime<Utc>) -> Result<Tried, String> {
        Ok(Tried { passed: 1, ..Tried::default() })
    }
}

/// A site on which somebody may act, and edit pages; these are hidden.
fn site_with_rules(hide: &[&str]) -> Site {
    let mut config = config::Config::defaults();
    config.http.operator_token = config::Secret::new(TOKEN);
    config.http.hide = hide.iter().map(|name| (*name).to_owned()).collect();
    Site::trying(config, Some(Arc::new(Lenient)))
}

/// `stag=loader` once meant all open letters.
#[tokio::test]
async fn a_field_that_is_mistyped_or_there_twice_means_no_letters() {
    let site = site();
    let id = file(&site, "m", b"{").await;
    let question = get_as_operator(&site, "/actions/plan?verb=resolve").await.text().to_owned();
    let right = [("verb", "resolve"), ("now", field(&question, "now")), ("matched", "1"), ("why", "x")];
    for (name, value) in [("stag", "loader"), ("after", "x"), ("verb", "drop"), ("why", "y")] {
        let mut fields = right.to_vec();
        fields.push((name, value));
        let refused = post(&site, "/actions/start", &fields).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{name}");
        assert!(refused.text().contains(name), "{}", refused.text());
    }
    for (path, named) in [
        ("/actions/plan?verb=drop&stag=loader", "stag"),
        ("/actions/plan?verb=drop&stage=loader&stage=fetcher", "stage"),
        ("/actions/progress?action=x&stag=loader", "stag"),
        ("/actions/progress?action=x&action=y", "action"),
        ("/letters?stag=loader", "stag"),
        ("/letters?stage=loader&stage=fetcher", "stage"),
    ] {
        let refused = get_as_operator(&site, path).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(refused.text().contains(named) && !refused.text().contains("deserialize"), "{path}");
    }
    let group = "/letters/groups/abcdef0123456789";
    for (path, fields) in [
        ("/actions/cancel".to_owned(), [("action", "x"), ("actoin", "y")]),
        (format!("{group}/silence"), [("for", "4"), ("wy", "x")]),
        (format!("{group}/unsilence"), [("for", "4"), ("why", "x")]),
        (format!("/letters/{}/check", segment(&id)), [("path", "a"), ("valu", "1")]),
        (format!("/letters/{}/keep", segment(&id)), [("path", "a"), ("path", "b")]),
    ] {
        assert_eq!(post(&site, &path, &fields).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
    assert_eq!(state(&site, &id).await, LetterState::Open);
    assert!(site.context.stores().desk.actions(9).await.unwrap().is_empty(), "nothing was begun");
}

#[tokio::test]
async fn an_action_for_another_number_than_was_confirmed_is_not_begun() {
    let site = site();
    let ids = [file(&site, "one", b"{").await, file(&site, "two", b"{").await];
    let question = get_as_operator(&site, "/actions/plan?verb=drop").await.text().to_owned();
    let now = field(&question, "now");
    for (matched, status) in
        [("1", StatusCode::CONFLICT), ("3", StatusCode::CONFLICT), ("", StatusCode::BAD_REQUEST)]
    {
        let fields = [("verb", "drop"), ("now", now), ("matched", matched), ("why", "x")];
        let refused = post(&site, "/actions/start", &fields).await;
        assert_eq!(refused.status, status, "{}", refused.text());
        let letters = if matched == "1" { "letter" } else { "letters" };
        let told = format!("confirmed when {matched} {letters} matched, and 2 match now");
        assert!(matched.is_empty() || refused.text().contains(&told), "{}", refused.text());
        // The question is asked once more, with what is there now, and nobody types why again.
        assert!(refused.text().contains("<h1>Drop 2 letters?</h1>"), "{}", refused.text());
        assert_eq!((field(refused.text(), "matched"), field(refused.text(), "why")), ("2", "x"));
    }
    assert!(site.context.stores().desk.actions(9).await.unwrap().is_empty(), "nothing was begun");
    assert_eq!(state(&site, &ids[0]).await, LetterState::Open);
}

/// One look at such a letter once ended the process.
#[tokio::test]
async fn a_deep_letter_is_looked_at_and_edited() {
    let site = site_with_rules(&["secret"]);
    let body = format!("{}{{\"secret\": \"pssst\"}}{}", "[".repeat(200_000), "]".repeat(200_000));
    let path = format!("/letters/{}", segment(&file(&site, "deep", body.as_bytes()).await));
    let seen = site.get(&path).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(!seen.text().contains("pssst"));
    let checked = post(&site, &format!("{path}/check"), &[("path", "[0]"), ("value", "1")]).await;
    assert_eq!(checked.status, StatusCode::OK, "{}", checked.text());
}

/// What is hidden is neither shown nor guessed, by operators neither.
#[tokio::test]
async fn what_is_hidden_does_not_leak() {
    let site = site_with_rules(&["secret", "TraceParent"]);
    let mut sent = letter("m", br#"{"secret": {"x": "pssst"}, "data": [{"secret": "pssst"}]}"#);
    // As a queue writes it that could not read all headers.
    sent.headers.set(domain::header::UNREADABLE, "deep: F\nsecret: pssst\n");
    assert!(site.context.stores().letters.file(&sent, "abcdef0123456789").await.unwrap());
    let path = format!("/letters/{}", segment(sent.id.as_str()));
    let seen = get_as_operator(&site, &path).await;
    for shown in [&seen, &get_as_operator(&site, "/api/letters").await] {
        assert!(shown.text().contains("x-unreadable") && !shown.text().contains("pssst"), "{}", shown.text());
    }
    assert!(!seen.text().contains("<dt>Trace") && seen.text().contains("<dt>Cause"), "{}", seen.text());
    for path in ["/letters?text=00-abcd", "/api/letters?text=00-abcd", "/actions/plan?verb=drop&text=00-abcd"]
    {
        let refused = get_as_operator(&site, path).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}: {}", refused.text());
    }
    assert!(!site.get("/letters").await.text().contains("name=\"text\""));
    for fields in [
        vec![("document", "x-batch: b\n\n{}")],
        vec![("path", "data[secret=pssst].a"), ("value", "1")],
        vec![("path", "data[SECRET=x].a"), ("value", "1")],
        // That nothing was changed, or that something is no object, would tell.
        vec![("path", " secret"), ("value", "{\"x\": \"pssst\"}")],
        vec![("path", "secret.x.y"), ("value", "1")],
        vec![("path", "data[0].secret[0]"), ("value", "1")],
        vec![("path", "data[0]"), ("value", "{\"\\u0073ecret\": \"pssst\"}")],
        vec![("header", " traceparent "), ("header_value", "00-abcd-01-01")],
        vec![("path", r#"data[raw=[{\"secret\": 1].x"#), ("value", "1")],
        vec![("header", "x-other"), ("header_value", "the secret is pssst")],
        vec![("header", "x-unreadable-headers"), ("header_value", "x: pssst")],
    ] {
        for act in ["check", "keep"] {
            let refused = post(&site, &format!("{path}/{act}"), &fields).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{fields:?}: {}", refused.text());
        }
    }
    let told = post(&site, &format!("{path}/check"), &[("path", "data.x"), ("value", "1")]).await;
    assert!(told.text().contains("An array is no object"), "{}", told.text());
}

/// A command may choose letters by what is hidden here, and the record has what it was asked for.
#[tokio::test]
async fn the_record_does_not_tell_what_hidden_things_somebody_chose_by() {
    for (hide, tells) in [(&[][..], true), (&["secret"], false)] {
        let hide: Vec<_> = hide.iter().map(|name| (*name).to_owned()).collect();
        let site = Site::with_settings(|config| config.http.hide = hide);
        let filter =
            LetterFilter { text: Some("pssst".to_owned()), coin: Some(7), ..LetterFilter::default() };
        let acting = desk::Acting::plan(site.context.stores(), filter, desk::Verb::Drop, "cli", at(0));
        acting.await.unwrap().begin(site.context.stores()).await.unwrap();
        let record = site.get("/actions").await.text().to_owned();
        assert_eq!(record.contains("pssst"), tells, "{record}");
        assert!(record.contains("coin 7"), "nothing says that coins are hidden: {record}");
    }
}

/// What is in the record is done, whether or not the browser stays.
#[tokio::test]
async fn a_silence_of_a_browser_that_left_is_made_and_ended() {
    let site = site();
    file(&site, "one", b"{").await;
    let stores = site.context.stores();
    for (act, fields, silences) in
        [("silence", &[("for", "4"), ("why", "known")][..], 1), ("unsilence", &[][..], 0)]
    {
        let turns = site.context.all_turns().await;
        let path = format!("/letters/groups/abcdef0123456789/{act}");
        tokio::select! {
            biased;
            answer = post(&site, &path, fields) => panic!("{}", answer.status),
            () = tokio::task::yield_now() => {}
        }
        drop(turns);
        let done = async {
            while stores.silences.silences(at(0)).await.unwrap().len() != silences
                || stores.desk.actions(9).await.unwrap().iter().any(|logged| logged.outcome.is_none())
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, done).await.expect(act);
    }
}

/// The store took the record, and answered too late: whoever sends the form again must not be told that it goes on.
#[tokio::test]
async fn an_action_that_is_only_in_the_record_is_done_when_its_form_is_sent_again() {
    let site = site();
    let id = file(&site, "one", b"{").await;
    let question = get_as_operator(&site, "/actions/plan?verb=drop").await.text().to_owned();
    let fields = ["now", "matched", "action"].map(|name| (name, field(&question, name)));
    let fields = [&fields[..], &[("verb", "drop"), ("why", "no use")]].concat();
    let stores = site.context.stores();
    let who = site.context.who(&crate::access::visitor::Visitor::unknown(None));
    let acting = desk::Acting::plan(stores, LetterFilter::default(), desk::Verb::Drop, &who, at(0));
    let action = field(&question, "action");
    acting.await.unwrap().called(action).begin(stores).await.unwrap();
    assert!(place(&post(&site, "/actions/start", &fields).await).contains("/actions/progress"));
    let dropped = async {
        while state(&site, &id).await != LetterState::Dropped {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, dropped).await.expect("it is done");
}

/// Nobody types it once more.
#[tokio::test]
async fn an_edit_that_fails_keeps_what_was_typed() {
    let site = site_with_rules(&[]);
    let path = format!("/letters/{}", segment(&file(&site, "m", b"{\"data\": [{\"id\": 1}]}").await));
    let typed = [
        ("document", "x-batch: typed\r\n\r\n{\"data\": []}"),
        ("path", "data[id=999].name"),
        ("value", "\"x\""),
        ("header", "x-page"),
        ("header_value", "7"),
        ("to_another_kind", "yes"),
    ];
    let kept = |text: &str| {
        for part in [
            "x-batch: typed",
            "value=\"data[id=999].name\"",
            "value=\"&quot;x&quot;\"",
            "value=\"x-page\"",
            "value=\"7\"",
            "value=\"yes\" checked",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    };
    for act in ["check", "keep"] {
        let refused = post(&site, &format!("{path}/{act}"), &typed).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{act}");
        let said = "The path data[id=999].name leads nowhere: there is no element whose id is 999";
        assert!(refused.text().contains(said), "{}", refused.text());
        kept(refused.text());
    }
    let no_json = post(&site, &format!("{path}/check"), &[("path", "data"), ("value", "not json")]).await;
    assert!(
        no_json.text().contains("The value is no JSON: not json; a text stands in"),
        "{}",
        no_json.text()
    );
    // Whoever has seen the difference may go on typing.
    let right = [&typed[..1], &[("to_another_kind", "yes")]].concat();
    let difference = post(&site, &format!("{path}/check"), &right).await;
    assert!(difference.text().contains("<h1>Keep this edit?</h1>"), "{}", difference.text());
    assert!(difference.text().contains("name=\"back\""), "{}", difference.text());
    let back = post(&site, &format!("{path}/check"), &[&typed[..], &[("back", "yes")]].concat()).await;
    assert_eq!(back.status, StatusCode::OK);
    kept(back.text());
    assert!(!back.text().contains("role=\"alert\""), "{}", back.text());
    let store = &site.store;
    store.set_available(false);
    let away = post(&site, &format!("{path}/check"), &right).await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE, "that the store is away is no fault of an edit");
}
