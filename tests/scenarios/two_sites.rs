//! Two servers of the site on one RabbitMQ and one MySQL or MariaDB: they are one site, whichever of them is asked, killed, or cut off.

use std::time::Duration;

use lab::Proxy;
use ports::QueueName;
use serde_json::Value;

use crate::desk_by_hand::{publish_letters, until_letters_are_filed};
use crate::place::{Place, Servers};
use crate::process::DEADLINE;
use crate::verify::client;
use crate::visitor::{Answer, Served};
use crate::workers::{Worker, dismiss};

/// Coins in each snapshot.
const COINS: u32 = 200;
/// Snapshots that are loaded before anybody looks.
const LOADED: u32 = 3;
/// Letters that are filed, about as many snapshots more.
const LETTERS: u32 = 6;

/// Views and answers that depend on the tables alone.
const ALIKE: [&str; 13] = [
    "/",
    "/?search=coin&sort=price&order=desc&size=10&page=2",
    "/coins/1",
    "/coins/1?range=30d",
    "/coins/1.csv?range=all",
    "/letters",
    "/letters?state=open&stage=transformer",
    "/actions",
    "/api/coins?limit=50",
    "/api/coins/1/history",
    "/api/market?at=2026-11-22T01:00:00Z",
    "/api/batches",
    "/api/letters",
];

/// Both servers answer alike, with one `ETag`. They are not asked in the same instant, and ages grow: they have to agree once.
async fn answer_alike([one, other]: [&Served; 2], path: &str) {
    let mut seen = None;
    let agreeing = async {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        loop {
            look.tick().await;
            let (first, second) = tokio::join!(one.get(path), other.get(path));
            let is_alike = first.body == second.body && first.header("etag") == second.header("etag");
            assert_eq!((first.status, second.status), (200, 200), "{path}: {first:?} {second:?}");
            seen = Some((first, second));
            if is_alike {
                return;
            }
        }
    };
    let agreed = tokio::time::timeout(DEADLINE, agreeing).await.is_ok();
    assert!(agreed, "{path} is never the same: {seen:#?}");
    let (first, _) = seen.expect("it was asked");
    assert!(!first.header("etag").is_empty(), "{path}: {first:?}");
}

/// How the pipeline is, but for when it was asked, and how old all is then.
async fn status(served: &Served) -> Value {
    let mut status: Value = serde_json::from_str(&served.get("/api/status").await.body).expect("JSON");
    let fields = status.as_object_mut().expect("an object");
    fields.retain(|name, _| !["now", "freshness", "truth", "processes"].contains(&name.as_str()));
    status
}

/// Waits until both servers have said in the store that they live: what one that never did had begun is ended much later.
async fn until_both_are_known(served: &Served) {
    let are_known = |answer: &Answer| {
        let status: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let servers = status["processes"].as_array().into_iter().flatten();
        let servers =
            servers.filter(|it| it["roles"] == serde_json::json!(["alerter"]) && it["state"] == "running");
        servers.count() == 2
    };
    served.until("/api/status", "two servers that live", are_known).await;
}

/// The newest actions, as the terminal tells them.
async fn record(place: &Place) -> Vec<Value> {
    let log = Worker::print(place, &["dead", "log", "--json"]).await;
    serde_json::from_str(&log).expect("JSON")
}

/// The question before `verb` is done to all letters by the transformer, as `served` puts it; and its answer, with `more` fields.
async fn answered<'a>(
    served: &Served,
    cookies: &str,
    verb: &'a str,
    more: &[(&'a str, &'a str)],
) -> Vec<(String, String)> {
    let question =
        served.get_with(&format!("/actions/plan?verb={verb}&stage=transformer&state=open"), cookies).await;
    assert_eq!(question.status, 200, "{question:?}");
    let hidden = ["now", "matched", "action"].map(|name| (name.to_owned(), question.field(name).to_owned()));
    let given =
        [("verb", verb), ("stage", "transformer"), ("state", "open")].into_iter().chain(more.iter().copied());
    hidden.into_iter().chain(given.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}

async fn begin(served: &Served, cookies: &str, fields: &[(String, String)]) -> Answer {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    served.post("/actions/start", cookies, &fields).await
}

/// Waits until the newest action has ended; the record.
async fn until_ended(place: &Place, served: &Served, progress: &str) -> Vec<Value> {
    served.until(progress, "an end", |answer| answer.header("refresh").is_empty()).await;
    record(place).await
}

/// A transformer and a loader; nobody else works here.
fn workers(place: &Place) -> Vec<Worker> {
    ["transformer", "loader"].map(|name| Worker::start(place, name, &[])).into()
}

/// How many open letters `served` knows.
async fn open(served: &Served) -> usize {
    let letters: Value =
        serde_json::from_str(&served.get("/api/letters?state=open").await.body).expect("JSON");
    letters["letters"].as_array().unwrap_or_else(|| panic!("{letters:#}")).len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_two_servers_of_the_site_are_one_site() {
    let Some(servers) = Servers::start().await else { return };
    let place = Place::on(&servers, 1000).await;
    let crew = workers(&place);
    let (one, other) = tokio::join!(Served::start(&place), Served::start(&place));
    until_both_are_known(&one).await;
    place.publish(0..LOADED, COINS).await;
    place.until_complete(LOADED as usize).await;
    // From now on nobody empties the queues but the alerters theirs.
    dismiss(crew).await;
    publish_letters(&place, LOADED..LOADED + LETTERS).await;
    until_letters_are_filed(&place, LOADED..LOADED + LETTERS).await;

    queues_are_as_long_as_the_broker_says(&place, &servers, [&one, &other]).await;
    for path in ALIKE {
        answer_alike([&one, &other], path).await;
    }
    assert_eq!(status(&one).await, status(&other).await);

    let cookies = one.log_in("anna").await;
    for served in [&one, &other] {
        let seen = served.get_with("/login", &cookies).await.body;
        assert!(seen.contains("You may look and act") && seen.contains("anna"), "{seen}");
        let refused = served.post("/actions/start", "", &[]).await;
        assert_eq!(refused.status, 403, "{refused:?}");
    }
    a_question_that_both_answer_is_one_action(&place, [&one, &other], &cookies).await;
    let (one, other) =
        what_a_killed_server_had_begun_is_told_and_gone_on_with(&place, one, other, &cookies).await;
    dismiss(vec![one.worker, other.worker]).await;
}

/// Nobody works; so what RabbitMQ says is what the site says.
async fn queues_are_as_long_as_the_broker_says(place: &Place, servers: &Servers, both: [&Served; 2]) {
    place.until_waiting(QueueName::Rows, u64::from(LETTERS)).await;
    place.publish(LOADED + LETTERS..LOADED + LETTERS + 2, COINS).await;
    place.until_waiting(QueueName::Raw, 2).await;
    for (queue, expected) in [("raw", 2), ("rows", u64::from(LETTERS) + 2)] {
        // The broker counts for `rabbitmqctl` every few seconds only.
        let line = format!("coinpipe.{queue}\t{expected}");
        tokio::task::block_in_place(|| {
            lab::wait_until(&line, || {
                let listed = servers.broker.ctl(&["list_queues", "name", "messages_ready"]).expect("queues");
                listed.lines().any(|listed| listed == line)
            });
        });
        for served in both {
            let status = status(served).await;
            assert_eq!(status["queues"][queue]["ready"], expected, "{status:#}");
            let shown = format!("<strong>{expected}</strong> ready");
            let view = served.get("/pipeline").await.body;
            let after = view.split_once(&format!("Queue {queue}")).expect("its box").1;
            assert!(after.find(&shown).is_some_and(|at| at < 200), "{shown} is not in {after}");
        }
    }
}

/// The same form reaches both servers at once: one of them does it, and the other one knows.
async fn a_question_that_both_answer_is_one_action(place: &Place, both: [&Served; 2], cookies: &str) {
    let raw = async || place.queue.depth(QueueName::Raw).await.map_or(0, ports::Depth::total);
    let before = raw().await;
    let fields = answered(both[0], cookies, "replay", &[("at_once", "yes")]).await;
    let (first, second) = tokio::join!(begin(both[0], cookies, &fields), begin(both[1], cookies, &fields));
    assert_eq!((first.status, second.status), (303, 303), "{first:?} {second:?}");
    let progress = first.header("location").to_owned();
    assert_eq!(second.header("location"), progress);
    place.until_waiting(QueueName::Raw, before + u64::from(LETTERS)).await;
    let mut of_another = 0;
    for served in both {
        let view = served.until(&progress, "all sent", |answer| answer.body.contains("6 of 6 letters")).await;
        assert_eq!(view.header("refresh"), "2", "it waits for the letters: {view:?}");
        of_another += usize::from(view.body.contains("Another server does it"));
        assert!(served.get("/actions").await.body.contains("anna"));
    }
    assert_eq!(of_another, 1, "one of them does it");
    assert_eq!(raw().await, before + u64::from(LETTERS), "each letter was sent once");
    let crew = workers(place);
    let record = until_ended(place, both[0], &progress).await;
    assert_eq!(record.len(), 1, "{record:#?}");
    assert_eq!((&record[0]["done"], &record[0]["outcome"]), (&LETTERS.into(), &"done".into()), "{record:#?}");
    place.until_loaded((LOADED + LETTERS + 2) as usize).await;
    place.until_empty().await;
    dismiss(crew).await;
    for served in both {
        assert_eq!(open(served).await, 0);
        answer_alike(both, "/actions").await;
        assert!(served.get("/actions").await.body.contains("6 of 6"));
    }
}

/// `one` is killed while it sends letters slowly; the servers that remain.
async fn what_a_killed_server_had_begun_is_told_and_gone_on_with(
    place: &Place,
    mut one: Served,
    other: Served,
    cookies: &str,
) -> (Served, Served) {
    let from = LOADED + LETTERS + 2;
    publish_letters(place, from..from + LETTERS).await;
    until_letters_are_filed(place, from..from + LETTERS).await;
    let slowly = [("at_once", "yes"), ("rate", "40")];
    let fields = answered(&one, cookies, "replay", &slowly).await;
    let begun = begin(&one, cookies, &fields).await;
    let progress = begun.header("location").to_owned();
    let seen =
        other.until(&progress, "the first letter", |answer| !answer.body.contains("0 of 6 letters")).await;
    assert!(seen.body.contains("Another server does it"), "{seen:?}");
    one.worker.kill9().await;
    let view = other.get("/actions").await.body;
    assert!(view.contains("goes on, or was killed"), "{view}");
    // It is known to be gone when it was silent for 45 seconds, and each server looks once a minute, the first time when it starts.
    // Not so long that the server which starts forgets it before it looks: that is done after three days.
    let sql = "UPDATE processes SET seen_at = UTC_TIMESTAMP(3) - INTERVAL 5 MINUTE WHERE ended_at IS NULL ORDER BY since LIMIT 9";
    client(place).execute(sql).await;
    let one = Served::start(place).await;
    let told = other
        .until("/actions", "an end", |answer| answer.body.contains("the same action does the rest"))
        .await;
    assert!(told.body.contains("nothing is lost"), "{told:?}");
    let log = record(place).await;
    let done = log[0]["done"].as_u64().expect("a number");
    assert!((1..u64::from(LETTERS)).contains(&done), "{log:#?}");
    let left = open(&other).await;
    assert!((1..LETTERS as usize).contains(&left), "{left} letters are open: {log:#?}");

    // The same action does the rest, elsewhere.
    let crew = workers(place);
    let fields = answered(&other, cookies, "replay", &[]).await;
    let begun = begin(&other, cookies, &fields).await;
    let log = until_ended(place, &other, begun.header("location")).await;
    assert_eq!((&log[0]["done"], &log[0]["outcome"]), (&left.into(), &"done".into()), "{log:#?}");
    place.until_loaded((from + LETTERS) as usize).await;
    place.until_empty().await;
    dismiss(crew).await;
    assert_eq!((open(&one).await, open(&other).await), (0, 0));
    (one, other)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_the_site_answers_without_its_broker_and_says_when_its_store_is_away() {
    let Some(servers) = Servers::start().await else { return };
    let mut place = Place::on(&servers, 1000).await;
    let to_broker = Proxy::before(&place.queue_url).expect("a proxy");
    let to_database = Proxy::before(&place.store_url).expect("a proxy");
    let crew = workers(&place);
    place.publish(0..LOADED, COINS).await;
    place.until_complete(LOADED as usize).await;
    dismiss(crew).await;
    place.queue_url = to_broker.url_for(&place.queue_url);
    place.store_url = to_database.url_for(&place.store_url);
    let (one, other) = tokio::join!(Served::start(&place), Served::start(&place));
    let both = [&one, &other];
    let tells = |answer: &Answer| answer.status == 200 && !answer.body.contains("Cannot tell");
    for served in both {
        served.until("/pipeline", "queues", tells).await;
    }

    to_broker.down();
    for served in both {
        let view =
            served.until("/pipeline", "an answer", |answer| answer.status == 200 && !tells(answer)).await;
        assert!(view.body.contains("Cannot tell: the queue is away"), "{view:?}");
        assert_eq!(status(served).await["queues"], Value::Null);
        for path in ALIKE {
            assert_eq!(served.get(path).await.status, 200, "{path}");
        }
    }
    to_broker.heal();
    for served in both {
        served.until("/pipeline", "queues", tells).await;
    }

    to_database.down();
    // Each answer may take the five seconds after which the site gives up on a question.
    for path in ["/", "/coins/1.csv", "/letters", "/api/coins"] {
        let away = |answer: &Answer| answer.status != 200;
        let (first, second) =
            tokio::join!(one.until(path, "trouble", away), other.until(path, "trouble", away));
        for answer in [first, second] {
            assert_eq!(answer.status, 503, "{path}: {answer:?}");
            let text = answer.body.to_lowercase();
            let says = text.contains("the store is not available now") || text.contains("the store is busy");
            assert!(says, "{path}: {answer:?}");
        }
    }
    for served in both {
        assert_eq!(served.get("/livez").await.status, 200);
    }
    to_database.heal();
    for served in both {
        served.until("/", "the market", |answer| answer.status == 200).await;
        for path in ALIKE {
            served.until(path, "an answer", |answer| answer.status == 200).await;
        }
    }
    dismiss(vec![one.worker, other.worker]).await;
}
