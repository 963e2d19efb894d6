//! Several messages in one transaction.

use super::*;

#[tokio::test]
async fn a_consumer_claims_what_it_may_hold_at_once_and_gives_back_what_nobody_took() {
    let lab = lab().await;
    let (queue, _) = lab.process();
    let messages: Vec<_> = (0..5).map(message).collect();
    queue.publish(QueueName::Rows, &messages).await.unwrap();
    let mut consumer = queue.consume(QueueName::Rows, 4).await.unwrap();
    let delivery = next(&mut consumer).await;
    let depth = queue.depth(QueueName::Rows).await.unwrap();
    assert_eq!((depth.ready, depth.unsettled), (1, 4));
    delivery.settle(Settlement::Done).await.unwrap();
    let second = next(&mut consumer).await;
    drop(consumer);
    queue.flush().await;
    let depth = queue.depth(QueueName::Rows).await.unwrap();
    assert_eq!((depth.ready, depth.unsettled), (3, 1));
    second.settle(Settlement::Done).await.unwrap();
    let mut all = queue.consume(QueueName::Rows, 10).await.unwrap();
    for message in &messages[2..] {
        let delivery = next(&mut all).await;
        assert_eq!((delivery.message(), delivery.deliveries()), (message, 1));
        delivery.settle(Settlement::Done).await.unwrap();
    }
    assert_eq!(queue.depth(QueueName::Rows).await.unwrap().total(), 0);
}

/// A process that was killed while others had their part in the transaction, and after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_kill_while_many_write_loses_and_doubles_nothing() {
    let lab = lab().await;
    let (queue, clock) = lab.process();
    for kill_after in 0..8_usize {
        let ids: Vec<_> = (0..16).map(|n| format!("{kill_after}-{n}")).collect();
        let mut publishing = tokio::task::JoinSet::new();
        for id in ids {
            let queue = Arc::clone(&queue);
            publishing.spawn(async move {
                queue.publish(QueueName::Rows, &[message(&id)]).await.unwrap();
                id
            });
        }
        let mut promised = Vec::new();
        for _ in 0..2 * kill_after {
            promised.push(publishing.join_next().await.unwrap().unwrap());
        }
        // The bytes on the disk at this moment are what a killed process leaves. While somebody reads, the journal only grows.
        let left = tempfile::tempdir().unwrap();
        let mut reading = queue.file.database.readers().begin().await.unwrap();
        sqlx::query("SELECT count(*) FROM queue_messages").execute(&mut *reading).await.unwrap();
        for name in ["queue.db", "queue.db-wal"] {
            std::fs::copy(lab.directory.path().join(name), left.path().join(name)).unwrap();
        }
        drop(reading);
        let database = Database::open(left.path().join("queue.db")).await.unwrap();
        let after =
            SqliteQueue::open(database, QueueOptions::default(), Arc::new(clock.clone())).await.unwrap();
        let mut consumer = after.consume(QueueName::Rows, 64).await.unwrap();
        let mut found = Vec::new();
        while after.depth(QueueName::Rows).await.unwrap().total() > 0 {
            let delivery = next(&mut consumer).await;
            found.push(delivery.message().id.to_string());
            delivery.settle(Settlement::Done).await.unwrap();
        }
        for id in &promised {
            assert_eq!(found.iter().filter(|found| *found == id).count(), 1, "{id} of {found:?}");
        }
        found.sort_unstable();
        let times = found.len();
        found.dedup();
        assert_eq!(found.len(), times, "something is there twice");
        publishing.join_all().await;
        let mut rest = queue.consume(QueueName::Rows, 64).await.unwrap();
        while queue.depth(QueueName::Rows).await.unwrap().total() > 0 {
            next(&mut rest).await.settle(Settlement::Done).await.unwrap();
        }
    }
}
