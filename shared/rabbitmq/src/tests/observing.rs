//! The observing connection: an error on it does not disturb work. And closing closes every connection.

use lapin::options::QueueDeleteOptions;
use ports::{Depth, QueueName, Settlement};
use testkit::contract::leader::LeaderLab;
use testkit::contract::queue::{QueueLab, message};

use super::{Lab, lab, next, options, until};

#[tokio::test]
async fn counting_missing_queues_does_not_disturb_work() {
    let Some(lab) = lab().await else { return };
    let queue = lab.queue();
    queue.publish(QueueName::Rows, &[message("held"), message("other")]).await.unwrap();
    let mut consumer = queue.consume(QueueName::Rows, 2).await.unwrap();
    let held = next(&mut consumer).await;
    assert_eq!(queue.depth(QueueName::Raw).await.unwrap(), Depth::default());
    let (_session, channel) = lab.beside().await;
    for name in ["raw", "dead.retry.60s", "raw.archive"] {
        channel.queue_delete(lab.name(name), QueueDeleteOptions::default()).await.unwrap();
    }
    for _ in 0..3 {
        for name in [QueueName::Raw, QueueName::Dead] {
            assert_eq!(queue.depth(name).await.unwrap(), Depth::default(), "{name}");
        }
    }
    let read = lab.archive().read(0, 1).await;
    assert!(read.as_ref().map_or_else(ports::QueueError::is_transient, Vec::is_empty), "{read:?}");
    assert!(lab.process().is_connected());
    held.settle(Settlement::Done).await.unwrap();
    let other = next(&mut consumer).await;
    assert_eq!(other.message(), &message("other"));
    assert_eq!(queue.depth(QueueName::Rows).await.unwrap().unsettled, 1);
}

#[tokio::test]
async fn closing_closes_every_connection() {
    let Some(options) = options() else { return };
    let url = lab::amqp_url().unwrap();
    let proxy = lab::Proxy::before(&url).unwrap();
    let through = Lab::options(&proxy.url_for(&url));
    let lab = Lab::new(crate::Options { uri: through.uri, ..options });
    let queue = lab.queue();
    let _term = lab.leadership().lead().await.unwrap();
    let mut page = message("page");
    page.headers.set(domain::header::ORIGIN, domain::Origin::Live);
    queue.publish(QueueName::Raw, &[page]).await.unwrap();
    let consumer = queue.consume(QueueName::Raw, 1).await.unwrap();
    queue.depth(QueueName::Raw).await.unwrap();
    assert_eq!(proxy.live(), 5, "publishing, consuming, leading, archiving, observing");
    drop(consumer);
    lab.process().close().await;
    until("all is closed", async || (proxy.live() == 0).then_some(())).await;
}
