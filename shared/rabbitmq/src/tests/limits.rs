//! Limits of a broker: those that may be lifted are transient errors, and a message that is too large stalls no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::{Class, DeadLetter, Message, StageName};
use lapin::options::ExchangeDeleteOptions;
use ports::{Clock, Consumer, Leadership, Queue, QueueError, QueueName, Settlement, SystemClock};
use testkit::contract::queue::{QueueLab, message};

use super::node::blocking;
use super::{Lab, lab, next, until};
use crate::{Options, RabbitQueue};

/// The error is transient, and names the limit.
fn is_limit(error: &QueueError) {
    assert!(error.is_transient() && error.to_string().contains("a limit of RabbitMQ is reached"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_server_connections_and_channels_are_waited_for() {
    let Some(node) = blocking(lab::RabbitMq::start_or_skip) else { return };
    let first = Lab::new(Lab::options(&node.url()));
    first.process().connect().await.unwrap();
    let ctl = |args: &[&str]| drop(blocking(|| node.ctl(args)).unwrap());
    // The broker counts connections a moment after they are open.
    let newcomer = || RabbitQueue::new(first.options.clone(), Arc::new(SystemClock)).unwrap();
    let limits = [
        (["set_vhost_limits", "--vhost", "/"].as_slice(), "max-connections", 2),
        (&["set_user_limits", "lab"], "max-connections", 2),
        (&["set_user_limits", "lab"], "max-channels", 0),
    ];
    for (command, limit, most) in limits {
        let set = |most: i32| ctl(&[command, &[&*format!("{{\"{limit}\": {most}}}")]].concat());
        set(most);
        let late = newcomer();
        let error = until(limit, async || late.connect().await.err()).await;
        is_limit(&error);
        is_limit(&late.connect().await.unwrap_err());
        set(-1);
        until("the limit was lifted", async || match late.connect().await {
            Ok(()) => Some(()),
            Err(error) => {
                is_limit(&error);
                None
            }
        })
        .await;
        late.publish(QueueName::Rows, &[message("late")]).await.unwrap();
        let mut consumer = late.consume(QueueName::Rows, 1).await.unwrap();
        next(&mut consumer).await.settle(Settlement::Done).await.unwrap();
        drop(consumer);
        late.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_server_a_vhost_that_is_down_is_waited_for() {
    let Some(node) = blocking(lab::RabbitMq::start_or_skip) else { return };
    let lab = Lab::new(Lab::options(&node.url()));
    lab.process().connect().await.unwrap();
    let eval = |code: &str| blocking(|| node.ctl(&["eval", code])).unwrap();
    eval("rabbit_vhost_sup_sup:stop_and_delete_vhost(<<\"/\">>).");
    let newcomer = RabbitQueue::new(lab.options.clone(), Arc::new(SystemClock)).unwrap();
    let error = newcomer.connect().await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("is down"), "{error}");
    blocking(|| node.ctl(&["restart_vhost"])).unwrap();
    until("it is up again", async || newcomer.connect().await.ok()).await;
}

/// Makes the broker refuse larger bodies, from the next channel on.
fn allow(node: &lab::RabbitMq, bytes: usize) {
    let older = format!("application:set_env(rabbit, max_message_size, {bytes})");
    let newer = format!("persistent_term:put(max_message_size, {bytes})");
    blocking(|| node.ctl(&["eval", &format!("{older}, {newer}.")])).unwrap();
}

async fn take(consumer: &mut Box<dyn Consumer>) -> Message {
    let delivery = next(consumer).await;
    let message = delivery.message().clone();
    delivery.settle(Settlement::Done).await.unwrap();
    message
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_server_a_message_that_is_too_large_stalls_nobody() {
    let Some(node) = blocking(lab::RabbitMq::start_or_skip) else { return };
    let lab = Lab::new(Lab::options(&node.url()));
    let queue = lab.queue();
    let large = |id: &str| Message { body: vec![7; 5000].into(), ..message(id) };
    let letter = |message: &Message| {
        let now = SystemClock.now();
        DeadLetter::for_message(message, StageName::Loader, Class::Poison, "bad", "no good", now)
    };
    queue.publish(QueueName::Rows, &[large("buried"), large("retried"), large("given-back")]).await.unwrap();
    let mut consumer = queue.consume(QueueName::Rows, 3).await.unwrap();
    let (buried, retried) = (next(&mut consumer).await, next(&mut consumer).await);
    let given_back = next(&mut consumer).await;
    allow(&node, 1000);
    // A channel that is open already goes on as before.
    lab.process().client().publishing.alive().unwrap().abort();

    let batch = [message("small"), large("large"), message("other")];
    for _ in 0..2 {
        let error = queue.publish(QueueName::Rows, &batch).await.unwrap_err();
        assert!(matches!(&error, QueueError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("larger than"), "{error}");
        assert!(lab.process().is_connected(), "nothing is wrong with the connection");
    }
    queue.publish(QueueName::Rows, &[message("after")]).await.unwrap();

    // When the retry or the letter cannot be published, the delivery itself is moved to the dead letters.
    let dead = letter(buried.message());
    buried.settle(Settlement::DeadLetter(Box::new(dead))).await.unwrap();
    let attempt = retried.message().attempt() + 1;
    retried.settle(Settlement::RetryAfter { delay: lab.retry_delay(), attempt }).await.unwrap();
    let mut letters = queue.consume(QueueName::Dead, 4).await.unwrap();
    for id in ["buried", "retried"] {
        let read = DeadLetter::from_message(take(&mut letters).await, SystemClock.now());
        assert_eq!((read.id.as_str(), read.stage), (&*format!("dead/loader/{id}"), Some(StageName::Loader)));
        assert_eq!((&*read.code, read.body.len()), ("rejected", 5000));
        assert!(read.reason.contains("could not publish"), "{}", read.reason);
    }
    // What is requeued is delivered again; so is a letter that is retried.
    drop(given_back);
    until("it comes again", async || (take(&mut consumer).await.id.as_str() == "given-back").then_some(()))
        .await;
    allow(&node, 1_000_000);
    lab.process().client().publishing.alive().unwrap().abort();
    let filed = letter(&large("filed")).into_message();
    super::faults::publish_in_the_end(&queue, QueueName::Dead, std::slice::from_ref(&filed)).await;
    let held = next(&mut letters).await;
    allow(&node, 1000);
    lab.process().client().publishing.alive().unwrap().abort();
    held.settle(Settlement::RetryAfter { delay: lab.retry_delay(), attempt: 1 }).await.unwrap();
    assert_eq!(take(&mut letters).await, filed);
}

/// An exchange that is deleted is declared again by the next session.
#[tokio::test]
async fn an_exchange_that_was_deleted_is_declared_again() {
    let Some(lab) = lab().await else { return };
    let queue = lab.queue();
    lab.process().connect().await.unwrap();
    let (_session, channel) = lab.beside().await;
    channel.exchange_delete(lab.name("rows"), ExchangeDeleteOptions::default()).await.unwrap();
    let error = queue.publish(QueueName::Rows, &[message("m")]).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("NOT_FOUND"), "{error}");
    queue.publish(QueueName::Rows, &[message("m")]).await.unwrap();
    assert_eq!(take(&mut queue.consume(QueueName::Rows, 1).await.unwrap()).await, message("m"));
}

/// While a broker refuses connections, all callers in a process share one attempt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_refuses_connections_is_tried_by_one_at_a_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("amqp://{}", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&accepted);
    let slamming = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    let queue = RabbitQueue::new(Options::from_url(&url).unwrap(), Arc::new(SystemClock)).unwrap();
    queue.publish(QueueName::Rows, &[message("m")]).await.unwrap_err();
    let first = accepted.swap(0, Ordering::SeqCst);
    for _ in 0..4 {
        let published = [message("m")];
        let (published, consumed, leads, depth) = tokio::join!(
            queue.publish(QueueName::Rows, &published),
            queue.consume(QueueName::Rows, 1),
            queue.lead(),
            queue.depth(QueueName::Rows),
        );
        for error in [published.err(), consumed.err(), leads.err(), depth.err()] {
            assert!(error.unwrap().is_transient());
        }
    }
    let then = accepted.load(Ordering::SeqCst);
    assert!(then <= 4 * first, "{first} connections for one call, {then} for sixteen");
    slamming.abort();
}
