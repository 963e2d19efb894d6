//! Letters on the site, as who looks and who acts find them.

mod forms;
mod looking;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use domain::{Class, DeadLetter, Headers, Message, MessageId, StageName};
use ports::QueueName;
use ports::store::{LetterFilter, LetterState};
use testkit::contract::store::sample::at;

use super::filter::segment;
use crate::testing::{Answer, Site};

const DEADLINE: Duration = Duration::from_secs(30);

const TOKEN: &str = "a-token-of-an-operator";

/// A site on which somebody may act.
fn site() -> Site {
    Site::with_settings(|config| config.http.operator_token = config::Secret::new(TOKEN))
}

fn letter(name: &str, body: &[u8]) -> DeadLetter {
    let headers = Headers::new().with("x-batch", "b").with("x-page", 1).with("traceparent", "00-abcd-01-01");
    let message = Message { id: MessageId::new(name), headers, body: body.to_vec().into() };
    let reason = "<script>alert(1)</script>\u{202e}\n\"no good\"";
    DeadLetter::for_message(&message, StageName::Transformer, Class::Poison, "bad_json", reason, at(0))
}

async fn file(site: &Site, name: &str, body: &[u8]) -> String {
    let letter = letter(name, body);
    assert!(site.context.stores().letters.file(&letter, "abcdef0123456789").await.unwrap());
    letter.id.to_string()
}

async fn post(site: &Site, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    let request = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.finish()));
    site.ask(request.unwrap()).await
}

async fn get_as_operator(site: &Site, path: &str) -> Answer {
    let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
    site.ask(request.body(Body::empty()).unwrap()).await
}

async fn state(site: &Site, id: &str) -> LetterState {
    let filter = LetterFilter { id: Some(id.to_owned()), ..LetterFilter::default() };
    site.context.stores().desk.list(&filter, None, 1).await.unwrap()[0].handling.state
}

/// Where a form led to.
fn place(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    answer.headers[header::LOCATION].to_str().unwrap()
}

/// The value of a hidden field.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let (_, after) = text.split_once(&format!("name=\"{name}\" value=\"")).expect(name);
    after.split('"').next().unwrap()
}

#[tokio::test]
async fn an_empty_desk_says_what_it_is_for() {
    let answer = site().get("/letters").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text().contains("There are no such letters"), "{}", answer.text());
    let answer = site().get("/actions").await;
    assert!(answer.text().contains("Nobody did anything"), "{}", answer.text());
}

/// Whatever is in a letter, it is a text.
#[tokio::test]
async fn nothing_from_outside_is_markup_and_what_is_not_seen_is_written() {
    let site = site();
    let odd = "<b>\u{1b}/../?&#%2F\u{202e}";
    let id = file(&site, odd, b"\xff\x00<script>").await;
    for path in
        ["/letters".to_owned(), format!("/letters/{}", segment(&id)), "/letters/groups/abcdef".to_owned()]
    {
        let answer = site.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        let text = answer.text();
        assert!(!text.contains("<script>alert") && !text.contains("<b>"), "{path}: {text}");
        assert!(!text.contains(['\u{202e}', '\u{1b}', '\0']), "{path}: {text}");
        assert!(text.contains(r"\u001b") || path.contains("groups"), "{path}: {text}");
    }
    let shown = site.get(&format!("/letters/{}", segment(&id))).await.text().to_owned();
    assert!(shown.contains("ff 00 3c 73") && shown.contains("<code>abcd</code>"), "{shown}");
    assert_eq!(site.get("/letters/none").await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.get("/letters/groups/0000").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_body_has_every_digit_and_what_is_hidden_is_not_in_it() {
    let site =
        Site::with_settings(|config| config.http.hide = vec!["secret".to_owned(), "X-Batch".to_owned()]);
    let id = file(&site, "m", br#"{"price": 0.10000000000000000001, "secret": "pssst"}"#).await;
    let text = site.get(&format!("/letters/{}", segment(&id))).await.text().to_owned();
    assert!(text.contains("0.10000000000000000001") && !text.contains("pssst"), "{text}");
    assert!(text.contains("hidden by [http] hide"), "{text}");
    let json = site.get("/api/letters").await.text().to_owned();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["letters"][0]["headers"]["x-batch"], "hidden by [http] hide");
    // As the rows of a page that were rejected.
    let rows = br#"[{"raw": "{\"id\": 7, \"secret\": \"pssst\"}", "reason": "pssst is no secret"}, {"raw": "{\"id\": 8}"}]"#;
    let rejected = file(&site, "r", rows).await;
    let text = site.get(&format!("/letters/{}", segment(&rejected))).await.text().to_owned();
    assert!(
        !text.contains("pssst") && text.contains(r"&quot;raw&quot;: &quot;{\&quot;id\&quot;: 8}"),
        "{text}"
    );
    let broken = file(&site, "n", b"{\"secret\": \"pssst\"").await;
    let text = site.get(&format!("/letters/{}", segment(&broken))).await.text().to_owned();
    assert!(!text.contains("pssst"), "{text}");
}

/// What a stage says of a message quotes it, and a filter that takes a letter or not tells what is in it.
#[tokio::test]
async fn what_is_hidden_is_neither_quoted_by_a_reason_nor_found_by_a_filter() {
    let hide = |names: &[&str]| {
        let hide: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        Site::with_settings(|config| config.http.hide = hide)
    };
    let site = hide(&["secret"]);
    let id = segment(&file(&site, "m", b"{\"secret\": \"pssst\"}").await);
    let mut again = letter("m", b"{\"secret\": \"pssst\"}");
    again.headers.set(domain::header::REPLAY_ID, "replay/abc");
    assert!(site.context.stores().letters.file(&again, "abcdef0123456789").await.unwrap());
    let incident = DeadLetter { class: Class::Incident, id: MessageId::new("i"), ..letter("i", b"") };
    assert!(site.context.stores().letters.file(&incident, "0123456789abcdef").await.unwrap());
    for path in [
        &format!("/letters/{id}"),
        "/letters/groups/abcdef",
        "/letters?class=poison",
        "/api/letters?class=poison",
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        assert!(!answer.text().contains("no good"), "{path}: {}", answer.text());
        assert!(answer.text().contains("hidden by [http] hide"), "{path}: {}", answer.text());
    }
    let status = site.get("/api/status").await.json();
    for group in status["dead_letter_groups"].as_array().unwrap() {
        let is_hidden = group["reason"] == "hidden by [http] hide";
        assert_eq!(is_hidden, group["class"] == "poison", "{group:#}");
    }
    assert_eq!(status["dead_letter_groups"].as_array().unwrap().len(), 2);
    // An incident quotes no message.
    assert!(site.get("/letters/groups/0123").await.text().contains("no good"));
    for (hidden, path) in [
        ("X-Batch", "/letters?batch=b"),
        ("x-batch", "/api/letters?batch=b"),
        ("x-batch", "/actions/plan?verb=drop&batch=b"),
        ("x-dead-coins", "/letters?coin=1"),
        ("x-page", "/letters?text=b"),
    ] {
        let site = hide(&[hidden]);
        let refused = site.get(path).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{hidden}, {path}: {}", refused.text());
        let (_, parameter) = path.rsplit_once(['?', '&']).unwrap();
        let name = parameter.split('=').next().unwrap();
        assert!(!site.get("/letters").await.text().contains(&format!("name=\"{name}\"")), "{path}");
        // What shows nothing of it still works.
        assert_eq!(hide(&["other"]).get(path).await.status == StatusCode::OK, name != "text", "{path}");
    }
}

/// By key, so that nothing is passed over.
#[tokio::test]
async fn pages_of_the_list_have_every_letter_once_for_people_and_for_programs() {
    let site = site();
    for number in 0..5 {
        file(&site, &format!("m{number}"), b"{").await;
    }
    let (mut path, mut seen) = ("/api/letters?limit=2&stage=transformer".to_owned(), Vec::new());
    loop {
        let json: serde_json::Value = serde_json::from_str(site.get(&path).await.text()).unwrap();
        assert_eq!((&json["counted"], &json["counted_all"]), (&5.into(), &true.into()));
        let letters = json["letters"].as_array().unwrap();
        seen.extend(letters.iter().map(|letter| letter["id"].as_str().unwrap().to_owned()));
        let Some(next) = json["next"].as_str() else { break };
        next.clone_into(&mut path);
    }
    let expected: Vec<_> = (0..5).rev().map(|number| format!("dead/transformer/m{number}")).collect();
    assert_eq!(seen, expected);
    let first = site.get("/letters?limit=2&stage=transformer").await.text().to_owned();
    let (_, link) = first.split_once("rel=\"next\" href=\"").expect("more");
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    assert!(link.contains("stage=transformer"), "{link}");
    let second = site.get(&link).await.text().to_owned();
    assert!(second.contains("dead/transformer/m2") && !second.contains("dead/transformer/m4"), "{second}");
    assert_eq!(site.get("/api/letters?stage=nowhere").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(site.get("/api/letters?stagee=loader").await.status, StatusCode::BAD_REQUEST);
}

/// One question with the number, one deed, one line in the record; what died since then is left alone.
#[tokio::test]
async fn what_was_counted_is_dropped_and_the_record_says_by_whom() {
    let site = site();
    let (old, other) = (file(&site, "old", b"{").await, file(&site, "other", b"{").await);
    let question =
        get_as_operator(&site, "/actions/plan?verb=drop&stage=transformer").await.text().to_owned();
    assert!(question.contains("<h1>Drop 2 letters?</h1>"), "{question}");
    site.clock.advance(Duration::from_secs(1));
    let new = file(&site, "new", b"{").await;
    let now = field(&question, "now").to_owned();
    assert_eq!(field(&question, "matched"), "2");
    let fields =
        [("verb", "drop"), ("stage", "transformer"), ("now", &now), ("matched", "2"), ("why", "no use")];
    let without_why = post(&site, "/actions/start", &fields[..4]).await;
    assert_eq!(without_why.status, StatusCode::BAD_REQUEST);
    let begun = post(&site, "/actions/start", &fields).await;
    let progress = place(&begun).to_owned();
    assert!(progress.contains("stage=transformer"), "the filter is not lost: {progress}");
    let ended = until_ended(&site, &progress).await;
    assert!(ended.contains("Dropped 2 of 2") && ended.contains("2 of 2 letters"), "{ended}");
    assert!(ended.contains("href=\"/letters?stage=transformer\""), "{ended}");
    for (id, expected) in
        [(&old, LetterState::Dropped), (&other, LetterState::Dropped), (&new, LetterState::Open)]
    {
        assert_eq!(state(&site, id).await, expected, "{id}");
    }
    let record = site.get("/actions").await.text().to_owned();
    assert!(record.contains("done: no use") && record.contains("the site via "), "{record}");
}

/// Waits until an action has ended; its view.
async fn until_ended(site: &Site, progress: &str) -> String {
    let ended = async {
        loop {
            let answer = get_as_operator(site, progress).await;
            if !answer.headers.contains_key(header::REFRESH) {
                return answer.text().to_owned();
            }
            site.clock.advance(Duration::from_millis(100));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, ended).await.expect("it ends")
}

/// The browser leaves, and it goes on; somebody stops it, and nothing is lost.
#[tokio::test]
async fn a_replay_goes_on_by_itself_and_can_be_stopped() {
    let site = site();
    let ids = [file(&site, "one", b"{").await, file(&site, "two", b"{").await];
    let question = get_as_operator(&site, "/actions/plan?verb=replay").await.text().to_owned();
    assert!(question.contains("<h1>Replay 2 letters?</h1>") && question.contains("one first"), "{question}");
    let now = field(&question, "now").to_owned();
    let begun = post(&site, "/actions/start", &[("verb", "replay"), ("now", &now), ("matched", "2")]).await;
    let progress = place(&begun).to_owned();
    // The first one is sent, and waits for whoever works: nobody does here.
    let is_sent = async || {
        let noted = LetterFilter { state: Some(LetterState::Replayed), ..LetterFilter::default() };
        site.context.stores().desk.count(&noted, 9).await.unwrap() > 0
    };
    let sending = async {
        while !is_sent().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, sending).await.expect("one is sent");
    let held = site.context.access().queues.queue.depth(QueueName::Raw).await.unwrap().total();
    assert_eq!(held, 1, "one goes first");
    let under_way = get_as_operator(&site, &progress).await;
    assert_eq!(under_way.headers[header::REFRESH], "2");
    let id = field(under_way.text(), "action").to_owned();
    assert_eq!(
        site.get(&progress).await.text().matches("/actions/cancel").count(),
        0,
        "a reader cannot stop it"
    );
    place(&post(&site, "/actions/cancel", &[("action", &id)]).await);
    let ended = until_ended(&site, &progress).await;
    assert!(ended.contains("stopped"), "{ended}");
    let mut states = [state(&site, &ids[0]).await, state(&site, &ids[1]).await];
    states.sort_by_key(|state| state.as_str());
    assert_eq!(states, [LetterState::Open, LetterState::Replayed], "nothing is lost");
    assert_eq!(post(&site, "/actions/cancel", &[("action", "none")]).await.status, StatusCode::CONFLICT);
}

/// A form that is sent twice does it once.
#[tokio::test]
async fn a_question_that_is_answered_twice_is_one_action() {
    let site = site();
    file(&site, "one", b"{").await;
    let question = get_as_operator(&site, "/actions/plan?verb=replay").await.text().to_owned();
    let (now, action) = (field(&question, "now"), field(&question, "action"));
    let fields = [("verb", "replay"), ("now", now), ("matched", "1"), ("action", action)];
    let (first, second) =
        tokio::join!(post(&site, "/actions/start", &fields), post(&site, "/actions/start", &fields));
    assert_eq!(place(&first), place(&second));
    let third = post(&site, "/actions/start", &fields).await;
    assert_eq!(place(&first), place(&third));
    assert_eq!(site.context.stores().desk.actions(9).await.unwrap().len(), 1);
    let of_another_verb =
        [("verb", "drop"), ("now", now), ("matched", "1"), ("action", action), ("why", "x")];
    assert_eq!(post(&site, "/actions/start", &of_another_verb).await.status, StatusCode::BAD_REQUEST);
    post(&site, "/actions/cancel", &[("action", action)]).await;
    until_ended(&site, place(&first)).await;
}

/// The connection ends while the store is asked; what was sent is done.
#[tokio::test]
async fn what_a_browser_sent_that_left_is_begun_and_done() {
    let site = site();
    let id = file(&site, "one", b"{").await;
    let question = get_as_operator(&site, "/actions/plan?verb=drop").await.text().to_owned();
    let fields = ["now", "matched"].map(|name| (name, field(&question, name)));
    let fields = [&fields[..], &[("verb", "drop"), ("why", "no use")]].concat();
    // As many ask the store as may.
    let turns = site.context.all_turns().await;
    tokio::select! {
        biased;
        answer = post(&site, "/actions/start", &fields) => panic!("{}", answer.status),
        () = tokio::task::yield_now() => {}
    }
    drop(turns);
    let dropped = async {
        while state(&site, &id).await != LetterState::Dropped {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, dropped).await.expect("it is done");
}

/// Whoever finds the record of one that was killed sees how far it was, and what goes on here goes on, whatever the record says.
#[tokio::test]
async fn a_slow_replay_says_in_the_record_how_far_it_is() {
    let site = site();
    file(&site, "one", b"{").await;
    file(&site, "two", b"{").await;
    let question = get_as_operator(&site, "/actions/plan?verb=replay").await.text().to_owned();
    let fields = [
        ("verb", "replay"),
        ("now", field(&question, "now")),
        ("matched", "2"),
        ("rate", "1"),
        ("at_once", "yes"),
    ];
    let begun = post(&site, "/actions/start", &fields).await;
    let progress = place(&begun).to_owned();
    let desk = &site.context.stores().desk;
    let noted = async {
        while desk.actions(1).await.unwrap()[0].done == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, noted).await.expect("one is noted");
    let action = desk.actions(1).await.unwrap()[0].action.id.clone();
    desk.note(&action, 1, Some("the server ended")).await.unwrap();
    let view = get_as_operator(&site, &progress).await;
    assert!(view.headers.contains_key(header::REFRESH), "{}", view.text());
    assert!(
        view.text().contains("under way") && !view.text().contains("the server ended"),
        "{}",
        view.text()
    );
    place(&post(&site, "/actions/cancel", &[("action", &action)]).await);
    until_ended(&site, &progress).await;
}

#[tokio::test]
async fn a_silence_is_made_and_ended_and_both_are_in_the_record() {
    let site = site();
    file(&site, "m", b"{").await;
    file(&site, "n", b"{").await;
    let group = "/letters/groups/abcdef0123456789";
    let wrong = post(&site, &format!("{group}/silence"), &[("for", "5"), ("why", "x")]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let made = post(&site, &format!("{group}/silence"), &[("for", "4"), ("why", "being looked at")]).await;
    assert_eq!(place(&made), group);
    let text = get_as_operator(&site, group).await.text().to_owned();
    assert!(
        text.contains("silenced") && text.contains("being looked at") && text.contains("End the silence"),
        "{text}"
    );
    place(&post(&site, &format!("{group}/unsilence"), &[]).await);
    assert!(!site.get(group).await.text().contains("silenced"));
    let logged = site.context.stores().desk.actions(9).await.unwrap();
    let done: Vec<_> =
        logged.iter().map(|it| (it.action.verb.as_str(), it.done, it.action.matched)).collect();
    assert_eq!(done, [("unsilence", 2, 2), ("silence", 2, 2)]);
}

/// Without a transformer no page can be tried, and so none is kept.
#[tokio::test]
async fn a_page_is_not_edited_where_nothing_can_try_it() {
    let site = site();
    let id = file(&site, "m", b"{").await;
    let path = format!("/letters/{}", segment(&id));
    assert_eq!(site.get(&format!("{path}/edit")).await.status, StatusCode::FORBIDDEN);
    let form = get_as_operator(&site, &format!("{path}/edit")).await;
    assert!(form.text().contains("coinpipe dead edit"), "{}", form.text());
    let fields = [("document", "x-batch: b\r\nx-page: 1\r\n\r\n{}")];
    for act in ["check", "keep"] {
        let refused = post(&site, &format!("{path}/{act}"), &fields).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(refused.text().contains("coinpipe dead edit"), "{}", refused.text());
    }
    assert_eq!(state(&site, &id).await, LetterState::Open);
}
