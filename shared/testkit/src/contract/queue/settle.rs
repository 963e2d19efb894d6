//! How deliveries end.

use domain::{Class, DeadLetter, Headers, Message, StageName, header, timestamp};

use super::{QueueLab, consume, first, message, next, publish, until_depth, until_empty};
use ports::{QueueName, Settlement};

/// Dropping a delivery gives the message back.
pub async fn an_unsettled_delivery_is_delivered_again(lab: &impl QueueLab) {
    let queue = lab.queue();
    publish(&queue, QueueName::Raw, &[message("m")]).await;
    drop(first(&queue, QueueName::Raw).await);
    let again = first(&queue, QueueName::Raw).await;
    assert_eq!(again.message(), &message("m"));
    again.settle(Settlement::Done).await.unwrap();
    until_empty(&queue, QueueName::Raw).await;
}

/// A delivery can be settled after its consumer is gone.
pub async fn a_delivery_outlives_its_consumer(lab: &impl QueueLab) {
    let queue = lab.queue();
    publish(&queue, QueueName::Raw, &[message("m")]).await;
    let mut consumer = consume(&queue, QueueName::Raw).await;
    let delivery = next(&mut consumer).await;
    drop(consumer);
    delivery.settle(Settlement::Done).await.unwrap();
    until_empty(&queue, QueueName::Raw).await;
}

/// A retry waits its delay, carries its attempt, and remembers when the trouble began; on every queue, letters included.
pub async fn a_retry_comes_back_in_time_and_counts(lab: &impl QueueLab) {
    for name in QueueName::ALL {
        a_retry_comes_back(lab, name).await;
    }
}

async fn a_retry_comes_back(lab: &impl QueueLab, name: QueueName) {
    let (queue, delay) = (lab.queue(), lab.retry_delay());
    publish(&queue, name, &[message("failing")]).await;
    let delivery = first(&queue, name).await;
    let before = timestamp::to_millis(lab.clock().now());
    delivery.settle(Settlement::RetryAfter { delay, attempt: 2 }).await.unwrap();
    let after = lab.clock().now();
    until_depth(&queue, name, (0, 1, 0)).await;
    // Half of the time is not enough: another message comes, and this one does not.
    let half = delay / 2;
    lab.pass(half).await;
    publish(&queue, name, &[message("other")]).await;
    let other = first(&queue, name).await;
    assert_eq!(other.message(), &message("other"), "the retry came too early on {name}");
    other.settle(Settlement::Done).await.unwrap();
    let mut consumer = consume(&queue, name).await;
    let (retry, ()) = tokio::join!(next(&mut consumer), lab.pass(delay.saturating_sub(half)));
    assert!(timestamp::to_millis(lab.clock().now()) >= before + delay, "the retry came too early on {name}");
    assert_eq!((retry.message().attempt(), retry.deliveries()), (2, 1), "{name}");
    assert_eq!(retry.message().body, message("failing").body);
    let noted = retry.message().headers.get(header::FIRST_FAILED_AT).and_then(timestamp::from_text);
    let noted = noted.expect("the first failure is not noted");
    assert!(before <= noted && noted <= after, "{before} <= {noted} <= {after}");
    // A second failure changes the attempt, not the time of the first.
    retry.settle(Settlement::RetryAfter { delay, attempt: 3 }).await.unwrap();
    let (third, ()) = tokio::join!(next(&mut consumer), lab.pass(delay));
    assert_eq!(third.message().attempt(), 3, "{name}");
    let noted_then = third.message().headers.get(header::FIRST_FAILED_AT).and_then(timestamp::from_text);
    assert_eq!(noted_then, Some(noted));
    third.settle(Settlement::Done).await.unwrap();
    until_empty(&queue, name).await;
}

/// A message that goes back unchanged has not failed.
pub async fn a_retry_that_is_not_the_messages_fault_counts_nothing(lab: &impl QueueLab) {
    let (queue, delay) = (lab.queue(), lab.retry_delay());
    publish(&queue, QueueName::Rows, &[message("m")]).await;
    let delivery = first(&queue, QueueName::Rows).await;
    delivery.settle(Settlement::RetryAfter { delay, attempt: 1 }).await.unwrap();
    let mut consumer = consume(&queue, QueueName::Rows).await;
    let (again, ()) = tokio::join!(next(&mut consumer), lab.pass(delay));
    assert_eq!(again.message().attempt(), 1);
    assert_eq!(again.message().headers.get(header::FIRST_FAILED_AT), None);
    again.settle(Settlement::Done).await.unwrap();
}

/// A dead letter arrives on the dead queue with its reason and the original, which is gone from its own.
pub async fn a_dead_letter_moves_with_its_reason(lab: &impl QueueLab) {
    let queue = lab.queue();
    let poison = Message { headers: Headers::new().with(header::BATCH, "b"), ..message("poison") };
    publish(&queue, QueueName::Raw, &[poison]).await;
    let delivery = first(&queue, QueueName::Raw).await;
    let now = lab.clock().now();
    let letter = DeadLetter::for_message(
        delivery.message(),
        StageName::Transformer,
        Class::Poison,
        "bad_json",
        "not\r\nJSON",
        timestamp::to_millis(now),
    );
    delivery.settle(Settlement::DeadLetter(Box::new(letter.clone()))).await.unwrap();
    let filed = first(&queue, QueueName::Dead).await;
    assert_eq!(DeadLetter::from_message(filed.message().clone(), now), letter);
    filed.settle(Settlement::Done).await.unwrap();
    until_empty(&queue, QueueName::Raw).await;
    until_empty(&queue, QueueName::Dead).await;
}

/// Depth counts what is ready, delayed and in work.
pub async fn depth_tells_what_waits_and_what_is_in_work(lab: &impl QueueLab) {
    let queue = lab.queue();
    assert_eq!(until_depth(&queue, QueueName::Rows, (0, 0, 0)).await.oldest_at, None);
    publish(&queue, QueueName::Rows, &[message(1), message(2), message(3), message(4)]).await;
    let mut consumer = queue.consume(QueueName::Rows, 2).await.unwrap();
    let retried = next(&mut consumer).await;
    retried.settle(Settlement::RetryAfter { delay: lab.retry_delay(), attempt: 2 }).await.unwrap();
    let held = next(&mut consumer).await;
    let depth = until_depth(&queue, QueueName::Rows, (2, 1, 1)).await;
    assert_eq!(depth.total(), 4);
    if let Some(oldest_at) = depth.oldest_at {
        assert!(oldest_at <= lab.clock().now());
    }
    held.settle(Settlement::Done).await.unwrap();
    until_depth(&queue, QueueName::Rows, (2, 1, 0)).await;
}
