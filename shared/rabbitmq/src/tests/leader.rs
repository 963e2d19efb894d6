//! What a broker may do to a leader: cancel its consumer, and take away what it holds.

use std::time::Duration;

use lapin::options::QueueDeleteOptions;
use ports::contract::leader::LeaderLab;
use ports::contract::queue::{QueueLab, message};
use ports::{QueueError, QueueName};
use tokio::time::timeout;

use super::faults::end_of;
use super::node::blocking;
use super::{DEADLINE, Lab, lab, next, until};

/// A broker that deletes, moves or times out cancels the consumer: the term is over, and who waits is told to ask again.
#[tokio::test]
async fn a_consumer_that_is_cancelled_is_a_lost_lead() {
    let Some(lab) = lab().await else { return };
    let (leadership, (_session, channel)) = (lab.leadership(), lab.beside().await);
    for _ in 0..2 {
        let mut term = until("someone leads", async || leadership.lead().await.ok()).await;
        term.write(b"note".to_vec()).await.unwrap();
        lab.start();
        // Connected, so that it does not declare the queue anew.
        lab.process().inner.leading.session().await.unwrap();
        let other = lab.leadership();
        let waiting = tokio::spawn(async move { other.lead().await.map(drop) });
        channel.queue_delete(lab.name("fetch.leader"), QueueDeleteOptions::default()).await.unwrap();
        timeout(DEADLINE, term.over()).await.expect("the leader was not told");
        assert!(matches!(term.write(b"late".to_vec()).await, Err(QueueError::Lost)));
        let told = timeout(DEADLINE, waiting).await.expect("who waited was not told").unwrap();
        assert!(told.unwrap_err().is_transient());
    }
    let mut term = until("someone leads", async || leadership.lead().await.ok()).await;
    term.write(b"again".to_vec()).await.unwrap();
}

/// Nobody may hold a message for long; a leader leads on, also while it does something else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_server_s_limit_on_what_is_held_ends_no_term() {
    if !lab::RabbitMq::is_installed() {
        return lab::skip("RabbitMQ is not installed");
    }
    let node = blocking(|| lab::RabbitMq::start_with("consumer_timeout = 3000")).unwrap();
    // How often it looks; a minute otherwise.
    let often = "application:set_env(rabbit, channel_tick_interval, 500).";
    blocking(|| node.ctl(&["eval", often])).unwrap();
    let options = Lab::options(&node.url());
    let lab = Lab::new(crate::Options { lead_renewal: Duration::from_millis(200), ..options });
    let mut term = lab.leadership().lead().await.unwrap();
    term.write(b"note".to_vec()).await.unwrap();
    // Others who hold as long as it does lose what they hold, twice over.
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
