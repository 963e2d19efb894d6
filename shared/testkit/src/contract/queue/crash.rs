//! Processes that die, freeze, or are slow.

use domain::{Class, DeadLetter, StageName};

use super::{QueueLab, consume, first, message, next, publish, until_depth, until_empty};
use ports::{QueueError, QueueName, Settlement};

/// The messages of a dead process are delivered to another one.
pub async fn a_dead_process_loses_its_messages_to_another(lab: &impl QueueLab) {
    publish(&lab.queue(), QueueName::Raw, &[message("m")]).await;
    // A process that dies does not requeue.
    std::mem::forget(first(&lab.queue(), QueueName::Raw).await);
    lab.crash().await;
    let again = first(&lab.queue(), QueueName::Raw).await;
    assert_eq!((again.message(), again.deliveries()), (&message("m"), 2));
    again.settle(Settlement::Done).await.unwrap();
    until_empty(&lab.queue(), QueueName::Raw).await;
}

/// A process that was frozen for longer than its lease cannot ack, requeue or dead-letter a message that another process
/// holds now: it gets `Lost`, and nothing changes.
pub async fn a_late_ack_returns_lost(lab: &impl QueueLab) {
    let late = [
        Settlement::Done,
        Settlement::RetryAfter { delay: lab.retry_delay(), attempt: 2 },
        Settlement::DeadLetter(Box::new(DeadLetter::for_message(
            &message("m"),
            StageName::Transformer,
            Class::Poison,
            "late",
            "too late",
            lab.clock().now(),
        ))),
    ];
    for settlement in late {
        publish(&lab.queue(), QueueName::Raw, &[message("m")]).await;
        let frozen = first(&lab.queue(), QueueName::Raw).await;
        lab.crash().await;
        let queue = lab.queue();
        let taken = first(&queue, QueueName::Raw).await;
        let outcome = frozen.settle(settlement.clone()).await;
        assert!(matches!(outcome, Err(QueueError::Lost)), "{settlement:?} too late: {outcome:?}");
        until_depth(&queue, QueueName::Raw, (0, 0, 1)).await;
        taken.settle(Settlement::Done).await.unwrap();
        until_empty(&queue, QueueName::Raw).await;
        until_empty(&queue, QueueName::Dead).await;
    }
}

/// A living process keeps the message that it handles, however long that takes.
pub async fn a_slow_holder_keeps_its_message(lab: &impl QueueLab) {
    let queue = lab.queue();
    publish(&queue, QueueName::Raw, &[message("slow")]).await;
    let slow = first(&queue, QueueName::Raw).await;
    for _ in 0..3 {
        lab.pass(lab.lease()).await;
        publish(&queue, QueueName::Raw, &[message("other")]).await;
        let other = first(&queue, QueueName::Raw).await;
        assert_eq!(other.message(), &message("other"), "the slow one was delivered twice");
        other.settle(Settlement::Done).await.unwrap();
    }
    slow.settle(Settlement::Done).await.unwrap();
    until_empty(&queue, QueueName::Raw).await;
}

/// After the delivery limit a message goes to the dead letters by itself.
pub async fn a_message_that_kills_its_holders_goes_to_the_dead_letters(lab: &impl QueueLab) {
    publish(&lab.queue(), QueueName::Rows, &[message("killer")]).await;
    kill_holders(lab, QueueName::Rows, lab.delivery_limit()).await;
    let queue = lab.queue();
    let (mut rows, mut dead) =
        (consume(&queue, QueueName::Rows).await, consume(&queue, QueueName::Dead).await);
    let letter = tokio::select! {
        delivery = next(&mut rows) => panic!("{delivery:?} beyond the limit"),
        letter = next(&mut dead) => letter,
    };
    let read = DeadLetter::from_message(letter.message().clone(), lab.clock().now());
    assert_eq!((read.class, read.body), (Class::DeliveryLimit, message("killer").body));
    letter.settle(Settlement::Done).await.unwrap();
    until_empty(&queue, QueueName::Rows).await;
    until_empty(&queue, QueueName::Dead).await;
}

/// A retry proves that the holder lived.
pub async fn a_retry_starts_the_count_of_deliveries_anew(lab: &impl QueueLab) {
    publish(&lab.queue(), QueueName::Raw, &[message("m")]).await;
    kill_holders(lab, QueueName::Raw, lab.delivery_limit() - 1).await;
    let last = first(&lab.queue(), QueueName::Raw).await;
    let delay = lab.retry_delay();
    last.settle(Settlement::RetryAfter { delay, attempt: 2 }).await.unwrap();
    lab.pass(delay).await;
    kill_holders(lab, QueueName::Raw, lab.delivery_limit() - 1).await;
    first(&lab.queue(), QueueName::Raw).await.settle(Settlement::Done).await.unwrap();
    until_empty(&lab.queue(), QueueName::Dead).await;
}

/// Letters have no limit: there is no other queue to move them to.
pub async fn a_letter_is_delivered_however_often_its_holders_die(lab: &impl QueueLab) {
    publish(&lab.queue(), QueueName::Dead, &[message("letter")]).await;
    kill_holders(lab, QueueName::Dead, lab.delivery_limit() + 1).await;
    let letter = first(&lab.queue(), QueueName::Dead).await;
    assert_eq!(letter.message(), &message("letter"));
    letter.settle(Settlement::Done).await.unwrap();
}

/// Only deaths of holders count, not requeueing.
pub async fn giving_back_does_not_count_towards_the_limit(lab: &impl QueueLab) {
    publish(&lab.queue(), QueueName::Raw, &[message("m")]).await;
    let mut consumer = consume(&lab.queue(), QueueName::Raw).await;
    for _ in 0..=lab.delivery_limit() {
        drop(next(&mut consumer).await);
    }
    // A consumer may hold the last delivery although nobody asked for it.
    drop(consumer);
    lab.queue().flush().await;
    // One death is within the limit.
    kill_holders(lab, QueueName::Raw, 1).await;
    first(&lab.queue(), QueueName::Raw).await.settle(Settlement::Done).await.unwrap();
    until_empty(&lab.queue(), QueueName::Raw).await;
    until_empty(&lab.queue(), QueueName::Dead).await;
}

async fn kill_holders(lab: &impl QueueLab, from: QueueName, times: u32) {
    for _ in 0..times {
        std::mem::forget(first(&lab.queue(), from).await);
        lab.crash().await;
    }
}
