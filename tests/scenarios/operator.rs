//! What an operator does about dead letters: trouble that begins with garbage on a queue, and ends.

use domain::{Headers, Message, MessageId, Origin, QueueName};
use serde_json::Value;

use crate::place::{Place, Servers, compare};
use crate::process::DEADLINE;
use crate::workers::{Worker, crew, dismiss};
use crate::{market, oracle};

/// Nobody's page: no headers, and a body that is none.
fn garbage(name: &str) -> Message {
    Message { id: MessageId::new(name), headers: Headers::new(), body: b"\xffgarbage"[..].into() }
}

async fn json(place: &Place, args: &[&str]) -> Value {
    let printed = Worker::print(place, args).await;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{args:?}: {error}: {printed}"))
}

/// The ids in a list of letters.
fn ids(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(|letter| letter["id"].as_str()).collect()
}

/// Lets workers file what is on the queues. With servers they stay.
async fn filed(place: &Place, messages: Vec<Message>) -> Vec<Worker> {
    let ids: Vec<_> = messages.iter().map(|message| message.id.clone()).collect();
    for message in messages {
        place.publish_one(QueueName::Raw, message).await;
    }
    let workers = crew(place);
    for id in ids {
        place.until_filed("bad_header", id.as_str(), DEADLINE).await;
    }
    if !place.is_embedded() {
        return workers;
    }
    dismiss(workers).await;
    Vec::new()
}

/// The Show of the issue: groups tell it, an edit and a replay mend it, and then there is no trouble.
async fn garbage_is_told_edited_and_replayed_and_then_there_is_no_trouble(place: Place) {
    let workers = filed(&place, vec![garbage("garbage")]).await;
    let groups = json(&place, &["dead", "groups", "--json"]).await;
    assert_eq!(
        (&groups[0]["state"], &groups[0]["code"]),
        (&"open".into(), &"bad_header".into()),
        "{groups:#}"
    );
    let status = Worker::print(&place, &["status"]).await;
    assert!(status.contains("1 open dead-letter group with 1 letter"), "{status}");
    let list = json(&place, &["dead", "list", "--json", "--stage", "transformer", "--text", "x-batch"]).await;
    let letter = "dead/transformer/garbage";
    assert_eq!(ids(&list), [letter]);

    // What the transformer would refuse is refused at once.
    let page = market::page(0, Origin::Live);
    std::fs::write(place.folder.path().join("page.json"), market::body(0)).expect("a file");
    let refused =
        Worker::print_and_end(&place, &["dead", "edit", letter, "--file", "page.json"], &[], 1).await;
    assert_eq!(refused, "");
    let headers: Vec<_> = page.headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut edit = vec!["dead", "edit", letter, "--file", "page.json", "--who", "operator"];
    edit.extend(headers.iter().flat_map(|header| ["--header", header.as_str()]));
    let dry = Worker::print(&place, &[&edit[..], &["--dry-run"]].concat()).await;
    assert!(
        dry.contains("checked   5 coins would pass") && dry.contains("header x-batch: nothing →"),
        "{dry}"
    );
    let kept = Worker::print(&place, &edit).await;
    assert!(kept.contains("Kept as   dead/transformer/garbage+edit1"), "{kept}");
    let list = json(&place, &["dead", "list", "--json", "--all"]).await;
    assert_eq!(ids(&list), ["dead/transformer/garbage+edit1", letter]);
    assert_eq!(
        (&list[0]["edited_from"], &list[1]["state"]),
        (&letter.into(), &"resolved".into()),
        "{list:#}"
    );

    let group = groups[0]["fingerprint"].as_str().expect("a fingerprint");
    let replayed = json(&place, &["dead", "replay", group, "--json"]).await;
    assert_eq!((&replayed["done"], &replayed["arrived"]), (&1.into(), &1.into()), "{replayed:#}");
    compare(&place.store.tables().await, &oracle::tables([0], market::COINS).await);
    let groups = json(&place, &["dead", "groups", "--json"]).await;
    assert_eq!(groups[0]["state"], "resolved", "{groups:#}");
    let status = Worker::print(&place, &["status"]).await;
    assert!(status.contains("trouble   no open dead-letter groups"), "{status}");
    let log = json(&place, &["dead", "log", "--json"]).await;
    let verbs: Vec<_> = log.as_array().expect("a list").iter().map(|line| line["verb"].as_str()).collect();
    assert_eq!(verbs, [Some("replay"), Some("edit")]);
    assert_eq!((&log[1]["who"], &log[0]["outcome"]), (&"operator".into(), &"done".into()), "{log:#}");
    dismiss(workers).await;
}

/// The first letter tells that a replay does not help: the others are not sent. None is lost.
async fn one_letter_goes_first_and_when_it_comes_back_no_other_is_sent(place: Place) {
    let names = ["one", "two", "three"];
    let workers = filed(&place, names.map(garbage).into()).await;
    let all = ["dead", "replay", "--state", "open", "--yes", "--json"];
    let (code, printed) = Worker::ask(&place, &all).await;
    let replayed: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(code, Some(1), "{replayed:#}");
    let numbers = ["matched", "done", "came_back"].map(|name| replayed[name].as_u64());
    assert_eq!(numbers, [Some(3), Some(1), Some(1)], "{replayed:#}");
    let list = json(&place, &["dead", "list", "--json"]).await;
    assert_eq!(ids(&list).len(), 3, "all are open: {list:#}");
    let deaths: u64 =
        list.as_array().expect("a list").iter().filter_map(|letter| letter["deaths"].as_u64()).sum();
    assert_eq!(deaths, 4, "{list:#}");
    dismiss(workers).await;
}

mod embedded {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn garbage_is_told_edited_and_replayed_and_then_there_is_no_trouble() {
        super::garbage_is_told_edited_and_replayed_and_then_there_is_no_trouble(Place::embedded(1000).await)
            .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_letter_goes_first_and_when_it_comes_back_no_other_is_sent() {
        super::one_letter_goes_first_and_when_it_comes_back_no_other_is_sent(Place::embedded(1000).await)
            .await;
    }
}

mod private_servers {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn garbage_is_told_edited_and_replayed_and_then_there_is_no_trouble() {
        let Some(servers) = Servers::start().await else { return };
        super::garbage_is_told_edited_and_replayed_and_then_there_is_no_trouble(
            Place::on(&servers, 1000).await,
        )
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_letter_goes_first_and_when_it_comes_back_no_other_is_sent() {
        let Some(servers) = Servers::start().await else { return };
        super::one_letter_goes_first_and_when_it_comes_back_no_other_is_sent(Place::on(&servers, 1000).await)
            .await;
    }
}

/// All that match, with one question before; a filter has to say which.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_are_resolved_dropped_sent_again_and_purged_as_filters_say() {
    let place = Place::embedded(1000).await;
    filed(&place, (1..=5).map(|number| garbage(&format!("m{number}"))).collect()).await;
    let run = async |args: &[&str], code| Worker::print_and_end(&place, args, &[], code).await;
    run(&["dead", "drop", "--why", "no use"], 2).await;
    run(&["dead", "drop", "--stage", "transformer", "--why", "no use"], 2).await;
    let dry =
        json(&place, &["dead", "drop", "--stage", "transformer", "--why", "x", "--dry-run", "--json"]).await;
    assert_eq!((&dry["matched"], &dry["done"]), (&5.into(), &0.into()), "{dry:#}");
    assert_eq!(dry.get("action"), Some(&Value::Null), "nothing was begun: {dry:#}");
    assert!(
        run(&["dead", "resolve", "dead/transformer/m1", "--why", "known"], 0)
            .await
            .contains("Resolved 1 letter")
    );
    let none = run(&["dead", "drop", "--stage", "loader", "--why", "x", "--yes"], 0).await;
    assert!(none.contains("no such letters"), "{none}");
    let dropped = run(&["dead", "drop", "--text", "TRANSFORMER/m", "--why", "no use", "--yes"], 0).await;
    assert!(dropped.contains("Dropped 4 letters, 1 group resolved"), "{dropped}");
    // Whoever does it again is told what was done, by whom, and why.
    let by = ["--who", "ann", "--why", "again", "--yes"];
    let again = run(&[&["dead", "resolve", "dead/transformer/m3"][..], &by[..]].concat(), 0).await;
    assert!(again.starts_with("the letter is dropped by ") && again.contains(": no use; nothing"), "{again}");
    let again = run(&[&["dead", "drop", "--text", "TRANSFORMER/m"][..], &by[..]].concat(), 0).await;
    assert!(again.starts_with("all 5 letters are resolved or dropped already, the newest "), "{again}");
    let again = json(&place, &["dead", "drop", "--stage", "transformer", "--why", "x", "--json"]).await;
    assert_eq!((&again["settled_already"], &again["action"]), (&5.into(), &Value::Null), "{again:#}");
    assert_eq!(json(&place, &["dead", "list", "--json"]).await, serde_json::json!([]));
    let shown = run(&["dead", "show", "dead/transformer/m3"], 0).await;
    assert!(shown.contains("state     dropped on ") && shown.contains(": no use"), "{shown}");
    let exported = run(&["dead", "export", "--state", "dropped"], 0).await;
    assert_eq!(exported.lines().count(), 4, "{exported}");
    assert!(exported.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{exported}");
    // A file has all of them, and its name when it is whole; one that is there stays as it is.
    run(&["dead", "export", "--all", "--out", "letters.jsonl"], 0).await;
    let file = place.folder.path().join("letters.jsonl");
    let written = std::fs::read_to_string(&file).expect("it is there");
    assert_eq!(
        (written.lines().count(), file.with_extension("jsonl.part").exists()),
        (5, false),
        "{written}"
    );
    run(&["dead", "export", "--state", "dropped", "--out", "letters.jsonl"], 2).await;
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), written);
    // What was dropped is not gone.
    run(&["dead", "replay", "dead/transformer/m3", "--yes"], 1).await;
    let list = json(&place, &["dead", "list", "--json"]).await;
    assert_eq!((ids(&list), &list[0]["deaths"]), (vec!["dead/transformer/m3"], &2.into()), "{list:#}");
    let purged = json(&place, &["dead", "purge", "--older-than", "0s", "--yes", "--json"]).await;
    assert_eq!((&purged["matched"], &purged["done"]), (&4.into(), &4.into()), "{purged:#}");
    assert_eq!(ids(&json(&place, &["dead", "list", "--json", "--all"]).await), ["dead/transformer/m3"]);
}
