//! What goes wrong is filed for each death, and told in mails: each once, whoever sends them and whoever dies.

use std::time::Duration;

use domain::{DeadLetter, Origin, StageName};
use lab::MailServer;
use ports::{Clock, QueueName, SystemClock};

use crate::market;
use crate::place::{Place, Servers};
use crate::process::DEADLINE;
use crate::workers::{Worker, crew, dismiss};

/// How long the mail server takes for a mail: longer than an alerter's look at the desk.
const SLOW: Duration = Duration::from_secs(7);

/// Alerters that mail to a server.
struct Mailing {
    server: MailServer,
    url: String,
}

impl Mailing {
    fn start(delay: Duration) -> Self {
        let server = MailServer::start(delay).expect("a mail server");
        let url = server.url();
        Self { server, url }
    }

    fn alerter(&self, place: &Place) -> Worker {
        let env = [
            ("COINPIPE__MAIL__URL", self.url.as_str()),
            ("COINPIPE__MAIL__TO", "ops@example.com"),
            ("COINPIPE__MAIL__TIMEOUT", "10s"),
            ("COINPIPE__MAIL__GROUP_WAIT", "1s"),
        ];
        Worker::start(place, "alerter", &env)
    }

    /// Waits until `level`.
    async fn until(&self, what: &str, workers: &[&Worker], level: impl AsyncFn(&MailServer) -> bool) {
        let waiting = async {
            let mut look = tokio::time::interval(Duration::from_millis(50));
            while !level(&self.server).await {
                look.tick().await;
            }
        };
        if tokio::time::timeout(DEADLINE, waiting).await.is_err() {
            let logs: Vec<_> = workers.iter().map(|worker| worker.log()).collect();
            panic!("not in time: {what}; {:#?}\n{}", self.server, logs.join("\n"));
        }
    }

    /// The Message-IDs of what the server took, in order.
    fn ids(&self) -> Vec<String> {
        self.server.taken().into_iter().map(|mail| mail.message_id).collect()
    }
}

/// Puts a letter of a cause of its own on the dead queue.
async fn happen(place: &Place, code: &str) {
    let letter = DeadLetter::incident(StageName::Fetcher, code, "now", "it broke", SystemClock.now());
    place.publish_one(QueueName::Dead, letter.into_message()).await;
}

/// Waits until no mail waits in the outbox.
async fn until_sent(place: &Place) {
    let sent = async {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        while place.store.outbox().trouble().await.expect("the outbox can be read").waiting > 0 {
            look.tick().await;
        }
    };
    tokio::time::timeout(DEADLINE, sent).await.expect("a mail stays in the outbox");
}

/// F8: both look at the desk while the server takes its time for a mail.
async fn two_alerters_and_a_slow_server_send_each_mail_once(place: Place) {
    let mailing = Mailing::start(SLOW);
    let alerters = [mailing.alerter(&place), mailing.alerter(&place)];
    let workers: Vec<_> = alerters.iter().collect();
    for worker in &alerters {
        worker.until_said("starting").await;
    }
    happen(&place, "first").await;
    mailing.until("a mail is being sent", &workers, async |server| server.begun() == 1).await;
    // Another one, while the first is being taken.
    happen(&place, "second").await;
    mailing.until("both are taken", &workers, async |server| server.taken().len() >= 2).await;
    until_sent(&place).await;
    dismiss(alerters.into()).await;
    let ids = mailing.ids();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert_ne!(ids[0], ids[1]);
    for (mail, code) in mailing.server.taken().iter().zip(["first", "second"]) {
        assert!(mail.text.contains(&format!("incident/{code}")), "{}", mail.text);
    }
}

/// The server took it, and its sender is killed before it can know. The other repeats it, once, when the claim ends.
async fn a_killed_alerters_mail_is_repeated_once_under_the_same_id(place: Place) {
    let mailing = Mailing::start(SLOW);
    let mut sender = mailing.alerter(&place);
    happen(&place, "broken").await;
    mailing.until("the text is there", &[&sender], async |server| server.begun() == 1).await;
    let heir = mailing.alerter(&place);
    sender.kill9().await;
    mailing.until("it is repeated", &[&heir], async |server| server.taken().len() >= 2).await;
    until_sent(&place).await;
    heir.stop().await;
    let ids = mailing.ids();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert_eq!(ids[0], ids[1]);
}

mod embedded {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_alerters_and_a_slow_server_send_each_mail_once() {
        super::two_alerters_and_a_slow_server_send_each_mail_once(Place::embedded(1000).await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_killed_alerters_mail_is_repeated_once_under_the_same_id() {
        super::a_killed_alerters_mail_is_repeated_once_under_the_same_id(Place::embedded(1000).await).await;
    }
}

mod private_servers {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_alerters_and_a_slow_server_send_each_mail_once() {
        let Some(servers) = Servers::start().await else { return };
        super::two_alerters_and_a_slow_server_send_each_mail_once(Place::on(&servers, 1000).await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_killed_alerters_mail_is_repeated_once_under_the_same_id() {
        let Some(servers) = Servers::start().await else { return };
        super::a_killed_alerters_mail_is_repeated_once_under_the_same_id(Place::on(&servers, 1000).await)
            .await;
    }
}

/// F13: what was refused is not forgotten, and the operator sees why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_mail_is_told_again_and_status_says_so() {
    let place = Place::embedded(1000).await;
    let mailing = Mailing::start(Duration::ZERO);
    mailing.server.refuse(Some("550 5.7.1 not today"));
    let env = [
        ("COINPIPE__MAIL__URL", mailing.url.as_str()),
        ("COINPIPE__MAIL__TO", "ops@example.com"),
        ("COINPIPE__MAIL__GROUP_WAIT", "1s"),
        ("COINPIPE__MAIL__DIGEST_EVERY", "1s"),
    ];
    let alerter = Worker::start(&place, "alerter", &env);
    happen(&place, "broken").await;
    alerter.until_said("refused a mail for good").await;
    until_sent(&place).await;
    let status = Worker::print(&place, &["status"]).await;
    assert!(status.contains("1 mail refused by the server") && status.contains("not today"), "{status}");
    let status: serde_json::Value =
        serde_json::from_str(&Worker::print(&place, &["status", "--json"]).await).expect("JSON");
    assert_eq!(
        (&status["mail"]["refused"], &status["mail"]["waiting"]),
        (&1.into(), &0.into()),
        "{status:#}"
    );
    mailing.server.refuse(None);
    mailing.until("it is told again", &[&alerter], async |server| server.taken().len() == 1).await;
    until_sent(&place).await;
    alerter.stop().await;
    assert_eq!((mailing.server.taken().len(), mailing.server.refused()), (1, 1));
    assert!(mailing.server.taken()[0].text.contains("1 new, 1 in all"), "{:#?}", mailing.server);
    assert!(!Worker::print(&place, &["status"]).await.contains("refused"));
}

/// A page that cannot be read, and a coin that is rejected: each replay is another death, in the same letters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_dies_again_in_a_replay_counts_again() {
    let place = Place::embedded(1000).await;
    let mut broken = market::page(0, Origin::Live);
    broken.body = b"not zstd"[..].into();
    place.publish_one(QueueName::Raw, broken).await;
    let letter = "dead/transformer/2026-11-22T00:00:00Z/listings/USD/p1";
    let workers = crew(&place);
    place.until_empty().await;
    dismiss(workers).await;
    let shown = async || -> serde_json::Value {
        serde_json::from_str(&Worker::print(&place, &["dead", "show", letter, "--json"]).await).expect("JSON")
    };
    let first = shown().await;
    assert_eq!(first["deaths"].as_array().map(Vec::len), Some(1), "{first:#}");
    assert_eq!(first["deaths"][0]["life"], serde_json::Value::Null, "{first:#}");

    for times in [2, 3] {
        // It is not loaded this time either.
        let mut replay = Worker::operate(&place, &["replay", "--all"]);
        assert_eq!(replay.ended().await, Some(1), "{}", replay.log());
        let again = shown().await;
        let deaths = again["deaths"].as_array().expect("a list");
        assert_eq!(deaths.len(), times, "{again:#}");
        let life = deaths[times - 1]["life"].as_str().unwrap_or_default();
        assert!(life.starts_with("replay/"), "{again:#}");
        assert_eq!(deaths[0], first["deaths"][0]);
    }
    let groups: serde_json::Value =
        serde_json::from_str(&Worker::print(&place, &["dead", "groups", "--json"]).await).expect("JSON");
    let group =
        groups.as_array().expect("a list").iter().find(|group| group["fingerprint"] == first["group"]);
    let group = group.expect("its group");
    assert_eq!((&group["total"], &group["state"]), (&3.into(), &"open".into()), "{groups:#}");
    let text = Worker::print(&place, &["dead", "show", letter]).await;
    assert!(
        text.contains("died      3 times") && text.contains("first") && text.contains("replay/"),
        "{text}"
    );
    let list = Worker::print(&place, &["dead", "list", "--json"]).await;
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!((&list[0]["deaths"], &list[0]["body_bytes"]), (&3.into(), &8.into()), "{list:#}");
}
