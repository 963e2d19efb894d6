//! What whoever looks is shown, and what is offered.

use domain::compress_body;

use super::*;
use crate::testing::html::{Html, check};

/// As the commands take it. A group that was not found once looked like one in which nothing ever died.
#[tokio::test]
async fn a_group_is_named_by_its_beginning_and_one_that_is_not_there_is_told() {
    let site = site();
    file(&site, "m", b"{").await;
    let other = letter("n", b"{");
    assert!(site.context.stores().letters.file(&other, "abcd000000000000").await.unwrap());
    for path in ["/letters?group=abcde", "/actions/plan?verb=drop&group=abcde"] {
        let answer = get_as_operator(&site, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        let text = answer.text();
        assert!(
            text.contains("dead/transformer/m") && !text.contains("dead/transformer/n"),
            "{path}: {text}"
        );
        assert_eq!(field(text, "group"), "abcdef0123456789", "{path}");
    }
    for (group, said) in [
        ("89abc", "There is no group &quot;89abc&quot;"),
        ("abc", "&quot;abc&quot;"),
        ("abcd", "Several groups begin with &quot;abcd&quot;"),
    ] {
        for path in ["/letters?group=", "/actions/plan?verb=drop&group=", "/letters/groups/"] {
            let answer = get_as_operator(&site, &format!("{path}{group}")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}{group}");
            assert!(answer.text().contains(said), "{path}{group}: {}", answer.text());
        }
    }
    let question = get_as_operator(&site, "/actions/plan?verb=drop&group=abcde").await.text().to_owned();
    let fields = ["now", "matched"].map(|name| (name, field(&question, name)));
    let begin = |group| [&fields[..], &[("verb", "drop"), ("why", "no use"), ("group", group)]].concat();
    assert_eq!(post(&site, "/actions/start", &begin("89abc")).await.status, StatusCode::NOT_FOUND);
    place(&post(&site, "/actions/start", &begin("abcde")).await);
}

#[tokio::test]
async fn the_filter_has_a_field_for_each_parameter() {
    let site = site();
    let form = site.get("/letters?since=24h").await.text().to_owned();
    for name in ["state", "stage", "class", "code", "group", "batch", "coin", "since", "until", "text"] {
        assert!(form.contains(&format!(" name=\"{name}\"")), "{name}: {form}");
    }
}

const BUTTONS: [&str; 3] = ["value=\"replay\"", "value=\"resolve\"", "value=\"drop\""];

/// Which of the verbs are offered in a view.
fn offered(text: &str) -> [bool; 3] {
    BUTTONS.map(|button| text.contains(&format!("name=\"verb\" {button}")))
}

#[tokio::test]
async fn who_may_only_look_is_told_who_may_act() {
    for (site, said) in [(site(), "Only an operator"), (Site::new(), "Nobody")] {
        let id = file(&site, "m", b"{").await;
        for path in [
            "/letters".to_owned(),
            "/letters?code=bad_json".to_owned(),
            "/letters/groups/abcdef0123456789".to_owned(),
            format!("/letters/{}", segment(&id)),
        ] {
            let text = site.get(&path).await.text().to_owned();
            assert_eq!(offered(&text), [false; 3], "{path}: {text}");
            assert!(text.contains(&format!("{said} replays, resolves or drops letters")), "{path}: {text}");
            let login = format!("href=\"/login?next={}\"", segment(&path));
            assert_eq!(text.contains(&login), said.starts_with("Only"), "{path}: {text}");
        }
        let question = site.get("/actions/plan?verb=drop&code=bad_json").await.text().to_owned();
        assert!(question.contains(&format!("{said} can do it")), "{question}");
        let next = "next=%2Factions%2Fplan%3Fverb%3Ddrop%26code%3Dbad_json";
        assert_eq!(question.contains(next), said.starts_with("Only"), "{question}");
    }
    let site = site();
    let id = file(&site, "m", b"{").await;
    for path in ["/letters".to_owned(), format!("/letters/{}", segment(&id))] {
        let text = get_as_operator(&site, &path).await.text().to_owned();
        assert_eq!(offered(&text), [true; 3], "{path}: {text}");
    }
}

/// What ends in an error whatever somebody does is no offer.
#[tokio::test]
async fn only_what_works_is_offered() {
    let site = site();
    let letters = &site.context.stores().letters;
    let seen = async |letter: &DeadLetter| {
        get_as_operator(&site, &format!("/letters/{}", segment(letter.id.as_str()))).await.text().to_owned()
    };
    let rejected = DeadLetter { class: Class::RejectedRows, ..letter("r", b"[]") };
    let page = letter("p", b"{}");
    let incident = DeadLetter::incident(StageName::Fetcher, "api_500", "o", "no good", at(0));
    for letter in [&rejected, &page, &incident] {
        assert!(letters.file(letter, letter.class.as_str()).await.unwrap());
    }
    for (letter, verbs, said) in [
        (
            &rejected,
            [true; 3],
            "its body is a list of the coins that were rejected, not the page; <code>coinpipe archive",
        ),
        (&page, [true; 3], "this program has no transformer to try a page with: <code>coinpipe dead edit"),
        (&incident, [false, true, true], "It cannot be sent again: an incident carries no message"),
    ] {
        let text = seen(letter).await;
        check(&text);
        assert_eq!(offered(&text), verbs, "{text}");
        assert!(text.contains(said) && !text.contains("/edit\""), "{text}");
        let edit = get_as_operator(&site, &format!("/letters/{}/edit", segment(letter.id.as_str()))).await;
        assert_eq!(edit.status, StatusCode::BAD_REQUEST, "{}", edit.text());
    }
    let group = get_as_operator(&site, "/letters/groups/incident").await;
    assert_eq!(offered(group.text()), [false, true, true], "{}", group.text());
    let settle = LetterFilter { id: Some(page.id.to_string()), ..LetterFilter::default() };
    let listed = site.context.stores().desk.list(&settle, None, 1).await.unwrap();
    let keys: Vec<_> = listed.iter().map(ports::store::DeskLetter::key).collect();
    site.context.stores().desk.settle(&keys, false, "known").await.unwrap();
    let settled = seen(&page).await;
    assert_eq!(offered(&settled), [true, false, false], "{settled}");
    let settled = get_as_operator(&site, "/letters?state=resolved").await.text().to_owned();
    assert_eq!(offered(&settled), [true, false, false], "{settled}");
}

/// Neither the question nor a dry run promises to send what has no message.
#[tokio::test]
async fn a_question_counts_what_can_be_sent() {
    let site = site();
    let letters = &site.context.stores().letters;
    for number in 0..2 {
        let occasion = number.to_string();
        let incident = DeadLetter::incident(StageName::Fetcher, "api_500", &occasion, "no good", at(0));
        assert!(letters.file(&incident, "incident").await.unwrap());
    }
    file(&site, "m", b"{").await;
    for (verb, asked, told) in [
        ("replay", "Replay 1 letter?", "2 letters of them are incidents, without a message"),
        ("replay&class=incident", "Replay 0 letters?", "There is nothing to do."),
        ("replay&class=poison", "Replay 1 letter?", "one first, then two"),
        ("resolve", "Resolve 3 letters?", "Meant are those"),
    ] {
        let question = get_as_operator(&site, &format!("/actions/plan?verb={verb}")).await.text().to_owned();
        let text = check(&question).text;
        assert!(text.contains(asked) && text.contains(told), "{verb}: {text}");
        assert_eq!(
            text.contains("are incidents"),
            !verb.contains("poison") && verb != "resolve",
            "{verb}: {text}"
        );
    }
}

/// It came back from a replay: the letter is as its newest death left it, and is older than that.
#[tokio::test]
async fn a_letter_was_first_seen_when_it_first_died_and_times_are_told_as_elsewhere() {
    let site = site();
    let id = file(&site, "m", b"{").await;
    site.clock.advance(Duration::from_secs(200));
    let mut again = DeadLetter { first_seen_at: at(200), ..letter("m", b"{") };
    again.headers.set(domain::header::REPLAY_ID, "replay/abc");
    assert!(site.context.stores().letters.file(&again, "abcdef0123456789").await.unwrap());
    site.clock.advance(Duration::from_secs(21));
    let view = site.get(&format!("/letters/{}", segment(&id))).await;
    let text = check(view.text()).text;
    assert!(text.contains("First seen3 minutes ago") && text.contains("Filed21 seconds ago"), "{text}");
    assert!(text.contains("It died 2 times") && !text.contains("2026-11-22T14:"), "{text}");
    let group = "/letters/groups/abcdef0123456789";
    place(&post(&site, &format!("{group}/silence"), &[("for", "4"), ("why", "known")]).await);
    let text = Html::read(site.get(group).await.text()).text;
    assert!(text.contains("ends in 4 hours; by the site") && !text.contains("2026-11-22T"), "{text}");
    let record = check(site.get("/actions").await.text()).text;
    assert!(record.contains("no mails until 2026-11-22 18:03 UTC: known"), "{record}");
}

#[tokio::test]
async fn a_body_is_in_lines_with_its_size_as_it_was_sent_and_as_it_is_read() {
    let site = site();
    let body = format!("{{\"a\":[1,0.10000000000000000001],\"b\":\"{}\"}}", "x".repeat(2000));
    let compressed = compress_body(body.as_bytes());
    let mut sent = letter("m", &compressed);
    sent.headers.set(domain::header::CONTENT_ENCODING, "zstd");
    assert!(site.context.stores().letters.file(&sent, "abcdef0123456789").await.unwrap());
    let view = site.get(&format!("/letters/{}", segment(sent.id.as_str()))).await;
    let text = check(view.text()).text;
    assert!(text.contains("{\n  \"a\": [\n    1,\n    0.10000000000000000001\n  ],"), "{text}");
    let (sent, read) = (compressed.len(), domain::count(body.len() as u64));
    let sizes = format!("{sent} bytes as it was sent, {read} bytes as a text. Every digit");
    assert!(text.contains(&sizes), "{text}");
}

/// Those that stay as they are once stood in their place.
#[tokio::test]
async fn a_question_shows_the_letters_to_which_it_is_done() {
    let site = site();
    let open = file(&site, "open", b"{").await;
    site.clock.advance(Duration::from_secs(1));
    for number in 0..6 {
        let id = file(&site, &format!("settled{number}"), b"{").await;
        let filter = LetterFilter { id: Some(id), ..LetterFilter::default() };
        let key = site.context.stores().desk.list(&filter, None, 1).await.unwrap()[0].key();
        site.context.stores().desk.settle(&[key], false, "known").await.unwrap();
    }
    for verb in ["drop", "resolve"] {
        let question = get_as_operator(&site, &format!("/actions/plan?verb={verb}&state=any")).await;
        let text = check(question.text()).text;
        assert!(text.contains("6 more are resolved or dropped already"), "{text}");
        assert!(text.contains(&open) && !text.contains("settled0"), "{text}");
    }
    let question = get_as_operator(&site, "/actions/plan?verb=replay&state=any").await;
    assert!(question.text().contains("Replay 7 letters?") && question.text().contains("settled5"));
}
