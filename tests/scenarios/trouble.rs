//! Trouble that ends: an operator looks at it, silences it and calls it resolved, and whoever was told of it is told of its end.

use std::time::Duration;

use domain::{Class, DeadLetter, Headers, MessageId, StageName};
use lab::MailServer;
use ports::{Clock, QueueName, SystemClock};
use serde_json::Value;

use crate::place::{Place, Servers};
use crate::process::DEADLINE;
use crate::workers::{Worker, dismiss};

/// Puts a letter on the dead queue.
async fn happen(place: &Place, code: &str, number: u32) {
    let letter = DeadLetter {
        id: MessageId::new(format!("dead/loader/{code}/{number}")),
        class: Class::Poison,
        code: code.to_owned(),
        reason: "it broke".to_owned(),
        stage: Some(StageName::Loader),
        attempt: 1,
        first_seen_at: SystemClock.now(),
        headers: Headers::new(),
        body: domain::Bytes::from_static(b"{}"),
    };
    place.publish_one(QueueName::Dead, letter.into_message()).await;
}

/// Waits until the server took so many mails, and gives them.
async fn mails(server: &MailServer, count: usize, worker: &Worker) -> Vec<String> {
    let waiting = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        while server.taken().len() < count {
            look.tick().await;
        }
    };
    let is_there = tokio::time::timeout(DEADLINE, waiting).await.is_ok();
    assert!(is_there, "{count} mails do not come: {server:#?}\n{}", worker.log());
    server.taken().into_iter().map(|mail| mail.text).collect()
}

async fn print_json(place: &Place, args: &[&str]) -> Value {
    serde_json::from_str(&Worker::print(place, args).await).expect("JSON")
}

/// Two alerters share the mails: each is sent by one of them.
async fn trouble_is_listed_silenced_and_resolved_and_its_end_is_told(place: Place) {
    let server = MailServer::start(Duration::ZERO).expect("a mail server");
    let url = server.url();
    let env = [
        ("COINPIPE__MAIL__URL", url.as_str()),
        ("COINPIPE__MAIL__TO", "ops@example.com"),
        ("COINPIPE__MAIL__GROUP_WAIT", "1s"),
        ("COINPIPE__MAIL__DIGEST_EVERY", "1s"),
    ];
    let alerters = [0, 1].map(|_| Worker::start(&place, "alerter", &env));
    let alerter = &alerters[0];
    happen(&place, "broken", 1).await;
    let told = mails(&server, 1, alerter).await;
    assert!(told[0].contains("poison/broken"), "{}", told[0]);

    let alerts = print_json(&place, &["alerts", "--json"]).await;
    assert_eq!(
        (alerts.as_array().map(Vec::len), &alerts[0]["state"]),
        (Some(1), &"open".into()),
        "{alerts:#}"
    );
    assert!(alerts[0]["told_at"].is_string(), "{alerts:#}");
    let group = alerts[0]["fingerprint"].as_str().expect("its name").to_owned();

    // What would be done is not done.
    let silence =
        ["alerts", "silence", &group[..8], "--for", "1h", "--why", "we know", "--who", "ops", "--json"];
    let dry = print_json(&place, &[&silence[..], &["--dry-run"]].concat()).await;
    assert_eq!((&dry["dry_run"], &dry["silence"]["by"]), (&true.into(), &"ops".into()), "{dry:#}");
    assert_eq!(print_json(&place, &["alerts", "--json"]).await[0]["state"], "open");
    assert_eq!(dry.get("action"), Some(&Value::Null), "nothing was begun: {dry:#}");
    let done = print_json(&place, &silence).await;
    assert!(done["action"].as_str().is_some_and(|id| id.starts_with("silence/")), "{done:#}");
    let silenced = print_json(&place, &["alerts", "--json", "--state", "silenced"]).await;
    assert_eq!(silenced[0]["silence"]["why"], "we know", "{silenced:#}");
    let list = Worker::print(&place, &["alerts"]).await;
    assert!(list.contains("silent until") && list.contains("we know"), "{list}");

    // More of it is not told, and another is told alone.
    happen(&place, "broken", 2).await;
    place.until_empty_of(QueueName::Dead).await;
    happen(&place, "other", 1).await;
    let told = mails(&server, 2, alerter).await;
    assert!(told[1].contains("poison/other") && !told[1].contains("poison/broken"), "{}", told[1]);
    // Long before mail.repeat_after.
    Worker::print(&place, &["alerts", "unsilence", &group]).await;
    let told = mails(&server, 3, alerter).await;
    assert!(told[2].contains("poison/broken") && !told[2].contains("poison/other"), "{}", told[2]);

    let other = print_json(&place, &["alerts", "--json"]).await;
    let other = other.as_array().expect("a list").iter().find(|alert| alert["code"] == "other");
    let other = other.expect("the other")["fingerprint"].as_str().expect("its name").to_owned();
    for name in [&group, &other] {
        Worker::print(&place, &["alerts", "resolve", name, "--why", "the disk was changed"]).await;
    }
    let (code, _) = Worker::ask(&place, &["alerts", "resolve", &group, "--why", "again"]).await;
    assert_eq!(code, Some(1), "it is resolved");
    let told = mails(&server, 4, alerter).await;
    for part in ["poison/broken", "poison/other", "the disk was changed"] {
        assert!(told[3].contains(part), "{part} is not in:\n{}", told[3]);
    }
    assert!(told[3].contains("resolved"), "{}", told[3]);
    let status = Worker::print(&place, &["status"]).await;
    assert!(status.contains("no open dead-letter groups"), "{status}");
    let resolved = print_json(&place, &["alerts", "--json"]).await;
    assert!(
        resolved.as_array().expect("a list").iter().all(|alert| {
            alert["state"] == "resolved" && alert["resolution"] == "by hand: the disk was changed"
        }),
        "{resolved:#}"
    );

    let log = print_json(&place, &["dead", "log", "--json"]).await;
    let verbs: Vec<_> = log.as_array().expect("a list").iter().map(|line| line["verb"].clone()).collect();
    assert_eq!(verbs, ["resolve", "resolve", "unsilence", "silence"], "{log:#}");
    assert_eq!(log[3]["who"], "ops", "{log:#}");

    // It begins anew, as news.
    happen(&place, "broken", 3).await;
    let told = mails(&server, 5, alerter).await;
    assert!(told[4].contains("poison/broken"), "{}", told[4]);
    dismiss(alerters.into()).await;
    assert_eq!(server.taken().len(), 5, "nothing is told twice: {server:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_is_listed_silenced_and_resolved_and_its_end_is_told_embedded() {
    trouble_is_listed_silenced_and_resolved_and_its_end_is_told(Place::embedded(1000).await).await;
}

mod private_servers {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn trouble_is_listed_silenced_and_resolved_and_its_end_is_told() {
        let Some(servers) = Servers::start().await else { return };
        super::trouble_is_listed_silenced_and_resolved_and_its_end_is_told(Place::on(&servers, 1000).await)
            .await;
    }
}
