//! Faults that pass: callers get an error in time, nothing that was confirmed is lost, and it works again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::Message;
use lapin::options::QueueDeleteOptions;
use ports::{Consumer, Queue, QueueError, QueueName, Settlement};
use testkit::contract::queue::{QueueLab, message};
use tokio::time::{Instant, timeout};

use super::{DEADLINE, Lab, lab, next, options, until};

/// The error that ends `consumer`, after the deliveries that may come before it.
pub(super) async fn end_of(consumer: &mut Box<dyn Consumer>) -> QueueError {
    let ended = async {
        loop {
            if let Err(error) = consumer.next().await {
                return error;
            }
        }
    };
    timeout(DEADLINE, ended).await.expect("nobody told the consumer")
}

/// Tries until it is published, as every caller does.
pub(super) async fn publish_in_the_end(queue: &Arc<dyn Queue>, to: QueueName, messages: &[Message]) {
    until("it is published", async || match queue.publish(to, messages).await {
        Ok(()) => Some(()),
        Err(error) if error.is_transient() => None,
        Err(error) => panic!("{error}"),
    })
    .await;
}

/// Consumes and settles until everything in `missing` came, however often the session ends.
pub(super) async fn drain(queue: &Arc<dyn Queue>, from: QueueName, mut missing: BTreeSet<String>) {
    let all = missing.clone();
    let draining = async {
        while !missing.is_empty() {
            let Ok(mut consumer) = queue.consume(from, 4).await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            while let Ok(delivery) = consumer.next().await {
                let id = delivery.message().id.to_string();
                assert!(all.contains(&id), "{id} was never published");
                // It arrived, so it was not lost. A settlement that returns `Lost` may have been done all the same.
                let _ = delivery.settle(Settlement::Done).await;
                missing.remove(&id);
                if missing.is_empty() {
                    return;
                }
            }
        }
    };
    let drained = timeout(DEADLINE, draining).await;
    assert!(drained.is_ok(), "lost: {missing:?}");
}

pub(super) fn ids(messages: &[Message]) -> BTreeSet<String> {
    messages.iter().map(|message| message.id.to_string()).collect()
}

#[tokio::test]
async fn a_queue_that_was_deleted_under_its_consumer_is_declared_again() {
    let Some(lab) = lab().await else { return };
    let queue = lab.queue();
    let mut consumer = queue.consume(QueueName::Rows, 2).await.unwrap();
    queue.publish(QueueName::Rows, &[message("held")]).await.unwrap();
    let held = next(&mut consumer).await;
    let (_session, channel) = lab.beside().await;
    channel.queue_delete(lab.name("rows"), QueueDeleteOptions::default()).await.unwrap();
    let error = end_of(&mut consumer).await;
    assert!(error.is_transient() && error.to_string().contains("rows"), "{error}");
    assert!(matches!(held.settle(Settlement::Done).await, Err(QueueError::Lost)));
    let mut consumer = queue.consume(QueueName::Rows, 2).await.unwrap();
    queue.publish(QueueName::Rows, &[message("new")]).await.unwrap();
    assert_eq!(next(&mut consumer).await.message(), &message("new"));
}

#[tokio::test]
async fn a_full_queue_refuses_and_loses_nothing() {
    let Some(mut options) = options() else { return };
    options.queue_max_bytes = Some(20_000);
    let lab = Lab::new(options);
    let queue = lab.queue();
    let mut published = BTreeSet::new();
    let refused = until("it is full", async || {
        let large = Message { body: vec![7; 5000].into(), ..message(published.len()) };
        match queue.publish(QueueName::Raw, std::slice::from_ref(&large)).await {
            Ok(()) => {
                published.insert(large.id.to_string());
                None
            }
            Err(error) => Some(error),
        }
    })
    .await;
    assert!(refused.is_transient() && refused.to_string().contains("full"), "{refused}");
    assert!(lab.process().is_connected(), "a full queue is no reason to reconnect");
    // A message that came from the full queue can go back to it.
    drop(next(&mut queue.consume(QueueName::Raw, 1).await.unwrap()).await);
    queue.flush().await;
    let refused = published.len().to_string();
    drain(&queue, QueueName::Raw, published.clone()).await;
    publish_in_the_end(&queue, QueueName::Raw, &[message(&refused)]).await;
    drain(&queue, QueueName::Raw, [refused].into()).await;
}

#[tokio::test]
async fn the_connection_may_break_at_any_byte() {
    let Some(options) = options() else { return };
    let url = lab::amqp_url().unwrap();
    let proxy = lab::Proxy::before(&url).unwrap();
    let lab = behind(&proxy, &url, options);
    let queue = lab.queue();
    let mut all = BTreeSet::new();
    for (round, way) in [lab::Way::ToServer, lab::Way::ToClient].into_iter().cycle().take(12).enumerate() {
        until("it is connected", async || lab.process().connect().await.ok()).await;
        let messages: Vec<_> = (0..20)
            .map(|n| Message { body: vec![0; 300].into(), ..message(format!("{round}-{n}")) })
            .collect();
        proxy.cut_after(way, 37 * round * round);
        publish_in_the_end(&queue, QueueName::Rows, &messages).await;
        all.extend(ids(&messages));
    }
    proxy.cut_after(lab::Way::ToServer, 700);
    drain(&queue, QueueName::Rows, all).await;
}

/// Nothing arrives any more, and no side closes the connection.
#[tokio::test]
async fn a_half_open_connection_is_given_up() {
    let Some(mut options) = options() else { return };
    options.publish_timeout = Duration::from_secs(3);
    options.call_timeout = Duration::from_secs(3);
    options.connect_timeout = Duration::from_secs(2);
    options.uri.query.heartbeat = Some(1);
    let url = lab::amqp_url().unwrap();
    let proxy = lab::Proxy::before(&url).unwrap();
    let lab = behind(&proxy, &url, options);
    let queue = lab.queue();
    queue.publish(QueueName::Rows, &[message("held")]).await.unwrap();
    let mut consumer = queue.consume(QueueName::Rows, 1).await.unwrap();
    let held = next(&mut consumer).await;
    proxy.stall(lab::Way::Both);
    let stalled_at = Instant::now();
    let late = [message("late")];
    let (published, ended) = tokio::join!(queue.publish(QueueName::Rows, &late), end_of(&mut consumer));
    assert!(published.unwrap_err().is_transient() && ended.is_transient());
    assert!(stalled_at.elapsed() < Duration::from_secs(10), "told after {:?}", stalled_at.elapsed());
    assert!(!lab.process().is_connected());
    assert!(matches!(held.settle(Settlement::Done).await, Err(QueueError::Lost)));
    let asked_at = Instant::now();
    assert!(queue.depth(QueueName::Rows).await.unwrap_err().is_transient());
    assert!(asked_at.elapsed() < Duration::from_secs(5), "asked for {:?}", asked_at.elapsed());
    drop(consumer);
    timeout(DEADLINE, queue.flush()).await.expect("flushing hangs");
    proxy.heal();
    publish_in_the_end(&queue, QueueName::Rows, &late).await;
    drain(&queue, QueueName::Rows, ["held", "late"].map(str::to_owned).into()).await;
}

#[tokio::test]
async fn a_slow_connection_only_makes_it_slower() {
    let Some(options) = options() else { return };
    let url = lab::amqp_url().unwrap();
    let proxy = lab::Proxy::before(&url).unwrap();
    let lab = behind(&proxy, &url, options);
    lab.process().connect().await.unwrap();
    proxy.slice(lab::Way::Both, 7);
    let messages: Vec<_> = (0..10).map(|n| Message { body: vec![1; 500].into(), ..message(n) }).collect();
    lab.queue().publish(QueueName::Rows, &messages).await.unwrap();
    drain(&lab.queue(), QueueName::Rows, ids(&messages)).await;
}

/// A lab whose process reaches the broker through `proxy`; what cleans up later does too.
fn behind(proxy: &lab::Proxy, url: &str, options: crate::Options) -> Lab {
    let mut through = Lab::options(&proxy.url_for(url));
    let heartbeat = options.uri.query.heartbeat;
    through.uri.query.heartbeat = heartbeat;
    Lab::new(crate::Options { uri: through.uri, ..options })
}
