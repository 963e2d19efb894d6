//! Many consumers and publishers at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::Message;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{DEADLINE, QueueLab, message, next, publish, until_empty};
use ports::{Queue, QueueName, Settlement};

/// A consumer holds no more than its prefetch; another takes what it cannot.
pub async fn prefetch_bounds_what_is_unsettled(lab: &impl QueueLab) {
    let queue = lab.queue();
    publish(&queue, QueueName::Raw, &[message(1), message(2), message(3)]).await;
    let mut full = queue.consume(QueueName::Raw, 2).await.unwrap();
    let (one, two) = (next(&mut full).await, next(&mut full).await);
    let mut other = queue.consume(QueueName::Raw, 1).await.unwrap();
    let three = tokio::select! {
        // The full one is asked first.
        biased;
        delivery = next(&mut full) => panic!("{delivery:?} beyond the prefetch"),
        delivery = next(&mut other) => delivery,
    };
    let ids: BTreeSet<_> = [&one, &two, &three].map(|delivery| delivery.message().id.clone()).into();
    assert_eq!(ids.len(), 3, "{ids:?}");
    one.settle(Settlement::Done).await.unwrap();
    publish(&queue, QueueName::Raw, &[message(4)]).await;
    let four = next(&mut full).await;
    assert_eq!(four.message(), &message(4));
    for delivery in [two, three, four] {
        delivery.settle(Settlement::Done).await.unwrap();
    }
}

/// Consumers at once get everything between them, nothing twice.
pub async fn consumers_share_the_work(lab: &impl QueueLab) {
    let queue = lab.queue();
    let messages: Vec<Message> = (0..60).map(message).collect();
    publish(&queue, QueueName::Rows, &messages).await;
    let done = work(&queue, 3, messages.len()).await;
    assert_eq!(done.len(), messages.len(), "something was delivered twice: {done:?}");
    until_empty(&queue, QueueName::Rows).await;
}

/// Whatever was published `Ok` arrives, while others publish and consume.
pub async fn publishers_at_once_lose_nothing(lab: &impl QueueLab) {
    let queue = lab.queue();
    let mut publishers = JoinSet::new();
    for publisher in 0..4 {
        let queue = lab.queue();
        publishers.spawn(async move {
            for batch in 0..5 {
                let messages: Vec<_> =
                    (0..5).map(|n| message(format!("{publisher}-{}", batch * 5 + n))).collect();
                publish(&queue, QueueName::Rows, &messages).await;
            }
        });
    }
    let done = work(&queue, 2, 100).await;
    publishers.join_all().await;
    let published = (0..4).flat_map(|publisher| (0..25).map(move |n| format!("{publisher}-{n}")));
    assert_eq!(done, published.collect());
    until_empty(&queue, QueueName::Rows).await;
}

/// Settles messages on `consumers` tasks until `count` are done, and returns their ids.
async fn work(queue: &Arc<dyn Queue>, consumers: usize, count: usize) -> BTreeSet<String> {
    let (report, mut reports) = mpsc::unbounded_channel();
    let mut workers = JoinSet::new();
    for _ in 0..consumers {
        let mut consumer = queue.consume(QueueName::Rows, 2).await.unwrap();
        let report = report.clone();
        workers.spawn(async move {
            loop {
                let delivery = consumer.next().await.expect("consuming failed");
                let id = delivery.message().id.to_string();
                delivery.settle(Settlement::Done).await.expect("cannot settle");
                if report.send(id).is_err() {
                    return;
                }
            }
        });
    }
    drop(report);
    let mut done = BTreeSet::new();
    for _ in 0..count {
        let report = tokio::time::timeout(DEADLINE, reports.recv()).await;
        let id = report.unwrap_or_else(|_| panic!("only {done:?} arrived")).expect("all workers died");
        done.insert(id);
    }
    done
}
