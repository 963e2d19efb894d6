//! What happens to a whole broker: alarms, operators, restarts. On a node of the test's own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::Message;
use ports::contract::leader::LeaderLab;
use ports::contract::queue::{QueueLab, message};
use ports::{Archive, QueueName, Settlement, SystemClock};
use tokio::time::timeout;

use super::faults::{drain, end_of, ids, publish_in_the_end};
use super::{DEADLINE, Lab, next, until};
use crate::{Options, RabbitQueue};

/// A lab on `node` whose calls give up soon.
fn hasty(node: &lab::RabbitMq) -> Lab {
    let options = Lab::options(&node.url());
    Lab::new(Options {
        publish_timeout: Duration::from_secs(2),
        call_timeout: Duration::from_secs(3),
        connect_timeout: Duration::from_secs(5),
        ..options
    })
}

/// What blocks, beside the runtime's tasks.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alarm_blocks_publishing_and_nothing_else() {
    let Some(node) = blocking(lab::RabbitMq::start_or_skip) else { return };
    let lab = hasty(&node);
    let queue = lab.queue();
    let before: Vec<_> = (0..6).map(message).collect();
    queue.publish(QueueName::Rows, &before).await.unwrap();
    let mut consumer = queue.consume(QueueName::Rows, 2).await.unwrap();
    let held = next(&mut consumer).await;

    blocking(|| node.memory_alarm(true)).unwrap();
    for _ in 0..3 {
        let error = queue.publish(QueueName::Rows, &[message("after")]).await.unwrap_err();
        assert!(error.is_transient() && error.to_string().contains("alarm"), "{error}");
    }
    assert!(!lab.process().is_connected());
    held.settle(Settlement::Done).await.unwrap();
    for _ in 0..3 {
        next(&mut consumer).await.settle(Settlement::Done).await.unwrap();
    }
    // Given back while nothing can be published: it waits here, until the process wants to end.
    let given_up = next(&mut consumer).await.message().id.clone();
    drop(consumer);
    assert_eq!(queue.depth(QueueName::Rows).await.unwrap().ready, 0);
    timeout(DEADLINE, queue.flush()).await.expect("flushing hangs");
    until("it is given back", async || {
        (queue.depth(QueueName::Rows).await.unwrap().ready == 2).then_some(())
    })
    .await;

    blocking(|| node.memory_alarm(false)).unwrap();
    publish_in_the_end(&queue, QueueName::Rows, &[message("after")]).await;
    until("it is well", async || lab.process().is_connected().then_some(())).await;
    drain(&queue, QueueName::Rows, [given_up.as_str(), "5", "after"].map(str::to_owned).into()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_may_close_all_connections_at_any_time() {
    let Some(node) = blocking(lab::RabbitMq::start_or_skip) else { return };
    let lab = hasty(&node);
    let queue = lab.queue();
    let mut consumer = queue.consume(QueueName::Rows, 1).await.unwrap();
    let leadership = lab.leadership();
    let mut term = leadership.lead().await.unwrap();
    term.write(b"before".to_vec()).await.unwrap();

    let closing = tokio::task::spawn_blocking(move || {
        for _ in 0..2 {
            node.ctl(&["close_all_connections", "maintenance"]).unwrap();
        }
        node
    });
    let mut all = BTreeSet::new();
    while !closing.is_finished() {
        let messages: Vec<Message> = (0..10).map(|n| message(format!("{}", all.len() + n))).collect();
        publish_in_the_end(&queue, QueueName::Rows, &messages).await;
        all.extend(ids(&messages));
    }
    let _node = closing.await.unwrap();
    let error = end_of(&mut consumer).await;
    assert!(error.is_transient(), "{error}");
    drop(consumer);
    drain(&queue, QueueName::Rows, all).await;
    // The leader was told too, and the note is there for the next.
    timeout(DEADLINE, term.over()).await.expect("the leader was not told");
    assert!(term.write(b"late".to_vec()).await.is_err());
    let led = until("someone leads", async || leadership.lead().await.ok()).await;
    assert_eq!(led.note(), Some(&b"before"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_survives_a_restart_of_the_broker() {
    let Some(mut node) = blocking(lab::RabbitMq::start_or_skip) else { return };
    let lab = hasty(&node);
    let queue = lab.queue();
    let mut live = message("page");
    live.headers.set(domain::header::ORIGIN, domain::Origin::Live);
    queue.publish(QueueName::Raw, std::slice::from_ref(&live)).await.unwrap();
    let mut all = BTreeSet::new();
    for round in 0..2 {
        let mut term = until("someone leads", async || lab.leadership().lead().await.ok()).await;
        assert_eq!(term.note(), (round > 0).then_some(&b"0"[..]));
        term.write(round.to_string().into()).await.unwrap();
        let messages: Vec<Message> = (0..100).map(|n| message(format!("{round}-{n}"))).collect();
        publish_in_the_end(&queue, QueueName::Rows, &messages).await;
        all.extend(ids(&messages));
        let mut consumer = queue.consume(QueueName::Rows, 3).await.unwrap();
        let held = next(&mut consumer).await;
        blocking(|| node.stop()).unwrap();
        assert!(end_of(&mut consumer).await.is_transient());
        assert!(held.settle(Settlement::Done).await.is_err());
        let absent = queue.publish(QueueName::Rows, &messages).await.unwrap_err();
        assert!(absent.is_transient(), "{absent}");
        timeout(DEADLINE, term.over()).await.expect("the leader was not told");
        blocking(|| node.start_again()).unwrap();
    }
    drain(&queue, QueueName::Rows, all).await;
    let pages = until("the archive answers", async || lab.archive().read(0, 10).await.ok()).await;
    assert_eq!(pages.into_iter().map(|page| page.message).collect::<Vec<_>>(), [live]);
}

/// A worker that holds a message for longer than the broker allows loses it, and its session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_a_message_for_too_long_is_told() {
    if !lab::RabbitMq::is_installed() {
        return lab::skip("RabbitMQ is not installed");
    }
    let node = blocking(|| lab::RabbitMq::start_with("consumer_timeout = 1000")).unwrap();
    // How often it looks; a minute otherwise.
    let often = "application:set_env(rabbit, channel_tick_interval, 500).";
    blocking(|| node.ctl(&["eval", often])).unwrap();
    let lab = hasty(&node);
    let queue = lab.queue();
    queue.publish(QueueName::Rows, &[message("m")]).await.unwrap();
    let mut consumer = queue.consume(QueueName::Rows, 1).await.unwrap();
    let held = next(&mut consumer).await;
    assert!(end_of(&mut consumer).await.is_transient());
    assert!(held.settle(Settlement::Done).await.is_err());
    drain(&queue, QueueName::Rows, ["m".to_owned()].into()).await;
}

/// A frozen broker answers nobody; nobody waits for it without end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_broker_holds_nobody_up() {
    let Some(node) = blocking(lab::RabbitMq::start_or_skip) else { return };
    let lab = hasty(&node);
    let queue = lab.queue();
    queue.publish(QueueName::Rows, &[message("held")]).await.unwrap();
    let mut consumer = queue.consume(QueueName::Rows, 1).await.unwrap();
    let held = next(&mut consumer).await;
    node.freeze();
    let newcomer = RabbitQueue::new(lab.options.clone(), Arc::new(SystemClock)).unwrap();
    let calls = async {
        assert!(newcomer.connect().await.unwrap_err().is_transient());
        assert!(queue.publish(QueueName::Rows, &[message("late")]).await.unwrap_err().is_transient());
        assert!(queue.depth(QueueName::Rows).await.unwrap_err().is_transient());
        assert!(lab.process().read(0, 1).await.unwrap_err().is_transient());
        assert!(held.settle(Settlement::Done).await.is_err());
        drop(consumer);
        queue.flush().await;
    };
    timeout(DEADLINE, calls).await.expect("a call hangs");
    node.thaw();
    publish_in_the_end(&queue, QueueName::Rows, &[message("late")]).await;
    drain(&queue, QueueName::Rows, ["held", "late"].map(str::to_owned).into()).await;
}
