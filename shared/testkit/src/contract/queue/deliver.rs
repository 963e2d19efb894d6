//! Publishing and being delivered.

use std::collections::BTreeSet;

use domain::{Headers, Message, MessageId};

use super::{QueueLab, consume, first, message, next, publish, until_depth, until_empty};
use ports::{QueueName, Settlement};

/// A message is delivered, held by one consumer, and forgotten when it is done.
pub async fn what_is_published_is_delivered_until_it_is_done(lab: &impl QueueLab) {
    let queue = lab.queue();
    publish(&queue, QueueName::Raw, &[message("m")]).await;
    let delivery = first(&queue, QueueName::Raw).await;
    assert_eq!((delivery.message(), delivery.deliveries()), (&message("m"), 1));
    until_depth(&queue, QueueName::Raw, (0, 0, 1)).await;
    delivery.settle(Settlement::Done).await.unwrap();
    until_empty(&queue, QueueName::Raw).await;
}

/// Publishing wakes the consumers that wait.
pub async fn a_waiting_consumer_gets_what_is_published_later(lab: &impl QueueLab) {
    let queue = lab.queue();
    let mut consumer = consume(&queue, QueueName::Rows).await;
    let later = [message("later")];
    let (delivery, ()) = tokio::join!(next(&mut consumer), publish(&queue, QueueName::Rows, &later));
    assert_eq!(delivery.message(), &later[0]);
    delivery.settle(Settlement::Done).await.unwrap();
}

/// What is published on one queue arrives on that one only.
pub async fn each_queue_is_its_own(lab: &impl QueueLab) {
    let queue = lab.queue();
    for name in QueueName::ALL {
        publish(&queue, name, &[message(name)]).await;
    }
    for name in QueueName::ALL {
        let delivery = first(&queue, name).await;
        assert_eq!(delivery.message(), &message(name));
        delivery.settle(Settlement::Done).await.unwrap();
        until_empty(&queue, name).await;
    }
}

/// Ids, headers and bodies arrive byte for byte.
pub async fn messages_arrive_as_they_were_published(lab: &impl QueueLab) {
    let queue = lab.queue();
    let odd = [
        message("plain"),
        Message { id: MessageId::new("empty"), headers: Headers::new(), body: domain::Bytes::new() },
        Message { id: MessageId::new("binary"), headers: Headers::new(), body: (0..=255).collect() },
        message("üñí💰 'quoted\" \\ -- id"),
        message("i".repeat(MessageId::MAX_BYTES)),
        Message { headers: odd_headers(), ..message("headers") },
    ];
    publish(&queue, QueueName::Rows, &odd).await;
    let mut missing: Vec<Message> = odd.to_vec();
    let mut consumer = consume(&queue, QueueName::Rows).await;
    while !missing.is_empty() {
        let delivery = next(&mut consumer).await;
        let known = missing.iter().position(|message| message == delivery.message());
        missing.remove(known.unwrap_or_else(|| panic!("{:?} was never published", delivery.message())));
        delivery.settle(Settlement::Done).await.unwrap();
    }
}

fn odd_headers() -> Headers {
    Headers::new()
        .with("empty", "")
        .with("unicode", "Ωμέγα 💰 \u{202e}rtl")
        .with("lines", "one\r\ntwo\n")
        .with("nul", "a\0b")
        .with("quotes", r#"' " \ ; -- {}"#)
        .with("long", "x".repeat(4096))
}

/// The largest real pages fit.
pub async fn a_page_of_six_megabytes_arrives_whole(lab: &impl QueueLab) {
    let queue = lab.queue();
    let body: Vec<u8> = (0..6_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let page = Message { body: body.into(), ..message("page") };
    publish(&queue, QueueName::Raw, std::slice::from_ref(&page)).await;
    let delivery = first(&queue, QueueName::Raw).await;
    // Not assert_eq: nobody wants to read that difference.
    assert!(delivery.message() == &page, "the page changed on its way");
    delivery.settle(Settlement::Done).await.unwrap();
}

/// Publishing nothing succeeds and does nothing.
pub async fn nothing_to_publish_is_fine(lab: &impl QueueLab) {
    let queue = lab.queue();
    publish(&queue, QueueName::Raw, &[]).await;
    until_empty(&queue, QueueName::Raw).await;
}

/// `next` can be dropped at any point: what it may have taken already comes again.
pub async fn a_wait_that_is_given_up_loses_nothing(lab: &impl QueueLab) {
    let queue = lab.queue();
    let mut missing: BTreeSet<String> = (0..20).map(|n| format!("m{n}")).collect();
    publish(&queue, QueueName::Raw, &missing.iter().map(message).collect::<Vec<_>>()).await;
    let mut consumer = consume(&queue, QueueName::Raw).await;
    for patience in 0..40 {
        let impatience = async {
            for _ in 0..patience {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            delivery = consumer.next() => {
                let delivery = delivery.unwrap();
                assert!(missing.remove(delivery.message().id.as_str()), "{delivery:?} was done already");
                delivery.settle(Settlement::Done).await.unwrap();
            }
            () = impatience => (),
        }
        if missing.is_empty() {
            break;
        }
    }
    while !missing.is_empty() {
        let delivery = next(&mut consumer).await;
        assert!(missing.remove(delivery.message().id.as_str()), "{delivery:?} was done already");
        delivery.settle(Settlement::Done).await.unwrap();
    }
    until_empty(&queue, QueueName::Raw).await;
}

/// After a flush nothing that was given up is still held: a process that ends need not be waited out.
pub async fn a_flush_waits_for_what_was_given_up(lab: &impl QueueLab) {
    let queue = lab.queue();
    for patience in 0..20 {
        let id = message(format!("m{patience}"));
        publish(&queue, QueueName::Raw, std::slice::from_ref(&id)).await;
        let mut consumer = consume(&queue, QueueName::Raw).await;
        let impatience = async {
            for _ in 0..patience {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            delivery = consumer.next() => drop(delivery.unwrap()),
            () = impatience => (),
        }
        drop(consumer);
        queue.flush().await;
        let depth = queue.depth(QueueName::Raw).await.unwrap();
        assert_eq!((depth.ready, depth.unsettled), (1, 0), "after {patience} yields");
        first(&queue, QueueName::Raw).await.settle(Settlement::Done).await.unwrap();
    }
}
