//! An operator at the desk with an editor, with Ctrl-C, and with letters of odd names; and what is kept there.

use std::ops::Range;

use domain::{Class, DeadLetter, Headers, Message, MessageId, Origin, QueueName, StageName, timestamp};
use serde_json::Value;

use crate::place::{Place, Servers, compare};
use crate::process::{DEADLINE, signal};
use crate::verify::client;
use crate::workers::{Worker, crew, dismiss};
use crate::{market, oracle};

/// Sends letters about pages that nothing is wrong with to the desk, one for each of these snapshots.
pub(crate) async fn publish_letters(place: &Place, batches: Range<u32>) {
    let now = timestamp::from_text("2026-11-22T14:00:00Z").expect("a valid constant");
    for batch in batches {
        place.publish_one(QueueName::Rows, market::announcement(batch)).await;
        let page = market::page(batch, Origin::Live);
        let letter = DeadLetter::for_message(
            &page,
            StageName::Transformer,
            Class::Unknown,
            "by_hand",
            "no reason",
            now,
        );
        place.publish_one(QueueName::Dead, letter.into_message()).await;
    }
}

/// Waits until the letters of [`publish_letters`] are filed.
pub(crate) async fn until_letters_are_filed(place: &Place, batches: Range<u32>) {
    for batch in batches {
        let page = market::page(batch, Origin::Live);
        place.until_filed("by_hand", page.id.as_str(), DEADLINE).await;
    }
}

/// Letters about pages that nothing is wrong with, filed. With servers the workers stay.
async fn good_pages(place: &Place, batches: u32) -> Vec<Worker> {
    publish_letters(place, 0..batches).await;
    let workers = crew(place);
    until_letters_are_filed(place, 0..batches).await;
    if !place.is_embedded() {
        return workers;
    }
    dismiss(workers).await;
    Vec::new()
}

/// What was sent is sent, what was not is open, and the same command sends it.
async fn a_replay_that_is_stopped_loses_nothing_and_is_gone_on_with(place: Place) {
    let workers = good_pages(&place, 6).await;
    let slowly = ["dead", "replay", "--state", "open", "--yes", "--rate", "40", "--at-once"];
    let mut stopped = Worker::operate(&place, &slowly);
    place.until_loaded(1).await;
    signal(&stopped.child, "INT").await;
    assert_eq!(stopped.ended().await, Some(1), "{}", stopped.log());
    assert!(stopped.log().contains("the same command goes on"), "{}", stopped.log());
    let log: Value =
        serde_json::from_str(&Worker::print(&place, &["dead", "log", "--json"]).await).expect("JSON");
    let done = log[0]["done"].as_u64().expect("a number");
    assert!(log[0]["outcome"] == "stopped" && (1..6).contains(&done), "{log:#}");
    let list = Worker::print(&place, &["dead", "list", "--json", "--state", "open"]).await;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list.as_array().map(|letters| letters.len() as u64 + done), Some(6), "{list:#}");
    let (code, rest) = Worker::ask_all(&place, &["dead", "replay", "--state", "open", "--yes"]).await;
    assert_eq!(code, Some(0), "{rest}");
    place.until_loaded(6).await;
    compare(&place.store.tables().await, &oracle::tables(0..6, market::COINS).await);
    dismiss(workers).await;
}

/// What is kept for a time is deleted by the alerter, and nothing that is open.
async fn what_was_settled_long_ago_is_deleted_when_an_alerter_starts(place: Place) {
    let workers = good_pages(&place, 2).await;
    dismiss(workers).await;
    let first = DeadLetter::id_for(StageName::Transformer, &market::page(0, Origin::Live).id);
    Worker::print(&place, &["dead", "resolve", first.as_str(), "--why", "known"]).await;
    // The shortest that a desk keeps is eight days.
    let long_ago = if place.is_embedded() { "2026-01-01T00:00:00.000Z" } else { "2026-01-01" };
    let sql = format!("UPDATE dead_letters SET settled_at = '{long_ago}' WHERE settled_at IS NOT NULL");
    client(&place).execute(&sql).await;
    let alerter = Worker::start(&place, "alerter", &[("COINPIPE__DESK__KEEP", "8days")]);
    let settled = async {
        while Worker::print(&place, &["dead", "list", "--json", "--state", "resolved"]).await.trim() != "[]" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, settled).await.expect("it is deleted");
    alerter.stop().await;
    let all: Value = serde_json::from_str(&Worker::print(&place, &["dead", "list", "--json", "--all"]).await)
        .expect("JSON");
    assert_eq!(all.as_array().map(Vec::len), Some(1), "what is open stays: {all:#}");
}

mod embedded {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_replay_that_is_stopped_loses_nothing_and_is_gone_on_with() {
        super::a_replay_that_is_stopped_loses_nothing_and_is_gone_on_with(Place::embedded(1000).await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_settled_long_ago_is_deleted_when_an_alerter_starts() {
        super::what_was_settled_long_ago_is_deleted_when_an_alerter_starts(Place::embedded(1000).await).await;
    }
}

mod private_servers {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_replay_that_is_stopped_loses_nothing_and_is_gone_on_with() {
        let Some(servers) = Servers::start().await else { return };
        super::a_replay_that_is_stopped_loses_nothing_and_is_gone_on_with(Place::on(&servers, 1000).await)
            .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_settled_long_ago_is_deleted_when_an_alerter_starts() {
        let Some(servers) = Servers::start().await else { return };
        super::what_was_settled_long_ago_is_deleted_when_an_alerter_starts(Place::on(&servers, 1000).await)
            .await;
    }
}

/// Nobody's page, by the name `name`.
async fn garbage(place: &Place, name: &str) {
    let message =
        Message { id: MessageId::new(name), headers: Headers::new(), body: b"\xffgarbage"[..].into() };
    place.publish_one(QueueName::Raw, message).await;
}

/// The real program and a real editor: a script that takes the file's name, as any editor does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_is_edited_in_the_operators_editor() {
    let place = Place::embedded(1000).await;
    garbage(&place, "garbage").await;
    let workers = crew(&place);
    place.until_filed("bad_header", "garbage", DEADLINE).await;
    dismiss(workers).await;
    let folder = place.folder.path();
    let page = market::page(0, Origin::Live);
    let headers: Vec<_> = page.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let headers = headers.concat();
    std::fs::write(folder.join("new.txt"), format!("{headers}\n{}\n", market::body(0))).expect("a file");
    let letter = "dead/transformer/garbage";
    let edit = async |script: &str, code| {
        std::fs::write(folder.join("editor.sh"), script).expect("a file");
        let args = ["dead", "edit", letter, "--yes"];
        let env = [("VISUAL", ""), ("EDITOR", "sh editor.sh --wait")];
        Worker::print_and_end(&place, &args, &env, code).await
    };
    // Whoever leaves the editor without a change, or with an error, changes nothing; and no more who writes nonsense.
    for script in ["exit 0", "cp new.txt \"$2\"; exit 1", "echo nonsense > \"$2\""] {
        assert_eq!(edit(script, 1).await, "", "{script}");
    }
    let kept = edit("grep -q x-batch \"$2\" && cp new.txt \"$2\"", 0).await;
    assert!(kept.contains("Kept as   dead/transformer/garbage+edit1"), "{kept}");
    let replayed = Worker::print(&place, &["dead", "replay", "dead/transformer/garbage+edit1"]).await;
    assert!(replayed.contains("1 arrived"), "{replayed}");
    compare(&place.store.tables().await, &oracle::tables([0], market::COINS).await);
}

/// Ids come from outside; and a name that nothing has is no "nothing to do".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_its_id_is_a_letter_can_be_named_and_what_is_not_there_is_told() {
    let place = Place::embedded(1000).await;
    let now = timestamp::from_text("2026-11-22T14:00:00Z").expect("a valid constant");
    for id in ["-x", "o\u{1b}[31m\ndd", "it's"] {
        let mut letter = DeadLetter::incident(StageName::Fetcher, "odd", "o", "no reason", now);
        letter.id = MessageId::new(id);
        place.publish_one(QueueName::Dead, letter.into_message()).await;
    }
    let workers = crew(&place);
    for id in ["-x", "dd", "it's"] {
        place.until_filed("odd", id, DEADLINE).await;
    }
    dismiss(workers).await;
    let list = Worker::print(&place, &["dead", "list"]).await;
    assert!(list.contains(r"o\u001b[31m\u000add"), "{list}");
    for name in ["-x", r"o\u001b[31m\u000add", "it's"] {
        let shown = Worker::print(&place, &["dead", "show", "--", name]).await;
        assert!(shown.contains(&format!("letter    {name}")), "{shown}");
    }
    let resolved = Worker::print(&place, &["dead", "resolve", "--why", "known", "--", "-x"]).await;
    assert!(resolved.contains("Resolved 1 letter"), "{resolved}");
    let again = Worker::print(&place, &["dead", "resolve", "--why", "known", "--", "-x"]).await;
    assert!(again.contains("the letter is resolved by ") && again.contains(": known; nothing"), "{again}");
    let (code, said) = Worker::ask_all(&place, &["dead", "list", "--group", "0000000000"]).await;
    assert!(code == Some(1) && said.contains("no group \"0000000000\""), "{code:?}: {said}");
    let groups: Value =
        serde_json::from_str(&Worker::print(&place, &["dead", "groups", "--json"]).await).expect("JSON");
    let beginning = &groups[0]["fingerprint"].as_str().expect("a fingerprint")[..8];
    let dropped = ["dead", "drop", "--all", "--group", beginning, "--why", "no use", "--yes"];
    let dropped = Worker::print(&place, &dropped).await;
    assert!(dropped.contains("Dropped 2 letters"), "{dropped}");
}
