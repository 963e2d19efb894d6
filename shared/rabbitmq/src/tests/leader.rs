//! What a broker may do to a leader: cancel its consumer, take away what it holds, and deliver a forged token.

use std::time::Duration;

use lapin::options::QueueDeleteOptions;
use ports::{QueueError, QueueName};
use testkit::contract::leader::LeaderLab;
use testkit::contract::queue::{QueueLab, message};
use tokio::time::timeout;

use super::faults::end_of;
use super::node::blocking;
use super::wire::{Publisher, Wire, header};
use super::{DEADLINE, Lab, lab, next, until};

/// A broker that deletes or moves the queue cancels its consumers: the term is over, and those who wait get an error.
#[tokio::test]
async fn a_cancelled_consumer_ends_the_term() {
    let Some(lab) = lab().await else { return };
    let (leadership, (_session, channel)) = (lab.leadership(), lab.beside().await);
    for _ in 0..2 {
        let mut term = until("someone leads", async || leadership.lead().await.ok()).await;
        term.write(b"note".to_vec()).await.unwrap();
        lab.start();
        // Connected, so that it does not declare the queue anew while that is deleted: when a queue of the same name is
        // there by then, the broker does not cancel the consumers of the old one.
        lab.process().client().leading.session().await.unwrap();
        lab.process().client().publishing.session().await.unwrap();
        let other = lab.leadership();
        let waiting = tokio::spawn(async move { other.lead().await.map(drop) });
        channel.queue_delete(lab.name("fetch.leader"), QueueDeleteOptions::default()).await.unwrap();
        timeout(DEADLINE, term.over()).await.expect("the term goes on");
        assert!(matches!(term.write(b"late".to_vec()).await, Err(QueueError::Lost)));
        let told = timeout(DEADLINE, waiting).await.expect("the candidate still waits").unwrap();
        assert!(told.unwrap_err().is_transient());
    }
    let mut term = until("someone leads", async || leadership.lead().await.ok()).await;
    term.write(b"again".to_vec()).await.unwrap();
}

/// The broker limits how long a message may be held; a leader goes on leading, also while it does something else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_server_s_consumer_timeout_ends_no_term() {
    if !lab::RabbitMq::is_installed() {
        return lab::skip("RabbitMQ is not installed");
    }
    let node = blocking(|| lab::RabbitMq::start_with("consumer_timeout = 3000")).unwrap();
    // How often the broker checks; a minute by default.
    let often = "application:set_env(rabbit, channel_tick_interval, 500).";
    blocking(|| node.ctl(&["eval", often])).unwrap();
    let options = Lab::options(&node.url());
    let lab = Lab::new(crate::Options { lead_renewal: Duration::from_millis(200), ..options });
    let mut term = lab.leadership().lead().await.unwrap();
    term.write(b"note".to_vec()).await.unwrap();
    // Other consumers that hold a message for so long lose it, twice.
    let queue = lab.queue();
    queue.publish(QueueName::Rows, &[message("m")]).await.unwrap();
    for _ in 0..2 {
        let mut consumer = queue.consume(QueueName::Rows, 1).await.unwrap();
        let held = next(&mut consumer).await;
        assert!(end_of(&mut consumer).await.is_transient());
        drop(held);
    }
    term.write(b"still leading".to_vec()).await.unwrap();
    lab.crash().await;
    let next = until("someone leads", async || lab.leadership().lead().await.ok()).await;
    assert_eq!(next.note(), Some(&b"still leading"[..]));
}

/// Publishes a token with a note that no leader wrote.
async fn forge(lab: &Lab, term: u64, place: u64) {
    let fields = [
        header(b"x-leader-kind", b"token"),
        header(b"x-leader-term", term.to_string().as_bytes()),
        header(b"x-leader-place", place.to_string().as_bytes()),
    ];
    let forged = Wire { body: b"{}".to_vec(), ..Wire::with_headers("forged", &fields.concat()) };
    let publisher = Publisher::connect(&lab.options).await;
    assert!(publisher.offer(lab.name("fetch.leader").as_str().as_bytes(), b"", &forged).await);
}

/// F11: the greatest numbers, and those that reach them after a few terms or writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_are_passed_on_after_a_forged_token_with_the_greatest_numbers() {
    const GREATEST: u64 = 1 << 48;
    for (term, place) in
        [(GREATEST, GREATEST), (GREATEST, GREATEST - 2), (GREATEST - 1, GREATEST), (0, GREATEST)]
    {
        let Some(lab) = lab().await else { return };
        lab.process().connect().await.unwrap();
        forge(&lab, term, place).await;
        let mut last = b"{}".to_vec();
        for leader in 0..3 {
            let mut lead = until("someone leads", async || lab.leadership().lead().await.ok()).await;
            let found = String::from_utf8_lossy(lead.note().unwrap_or_default());
            assert_eq!(found.as_bytes(), last, "leader {leader} found {found:?} after {term}/{place}");
            for write in 0..3 {
                last = format!("note {write} of leader {leader}").into_bytes();
                lead.write(last.clone()).await.unwrap();
            }
            lab.crash().await;
        }
    }
}

/// A token that beats the leader's own is what the successor finds: what the leader writes after it would be lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_beaten_ends_the_term() {
    let Some(lab) = lab().await else { return };
    let mut beaten = lab.leadership().lead().await.unwrap();
    beaten.write(b"mine".to_vec()).await.unwrap();
    forge(&lab, 1000, 0).await;
    assert!(matches!(beaten.write(b"behind".to_vec()).await, Err(QueueError::Lost)));
    timeout(DEADLINE, beaten.over()).await.expect("the term goes on");
    drop(beaten);
    for (found, note) in [("{}", "first"), ("first", "second")] {
        let mut term = until("someone leads", async || lab.leadership().lead().await.ok()).await;
        assert_eq!(term.note(), Some(found.as_bytes()));
        term.write(note.into()).await.unwrap();
    }
}

/// The same when the leader writes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_token_that_was_beaten_ends_the_term() {
    let Some(options) = super::options() else { return };
    let lab = Lab::new(crate::Options { lead_renewal: Duration::from_millis(200), ..options });
    let mut beaten = lab.leadership().lead().await.unwrap();
    forge(&lab, 1000, 0).await;
    timeout(DEADLINE, beaten.over()).await.expect("the term goes on");
}
