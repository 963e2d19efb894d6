//! What happens to a whole broker: alarms, operators, restarts. Each test has a node of its own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{DeadLetter, Message};
use ports::{Archive, Queue, QueueName, Settlement, SystemClock};
use testkit::contract::leader::LeaderLab;
use testkit::contract::queue::{QueueLab, message};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::faults::{drain, end_of, ids, publish_in_the_end};
use super::{DEADLINE, Lab, next, until};
use crate::{Options, RabbitQueue};

/// A lab on `node` with short timeouts.
fn with_short_timeouts(node: &lab::RabbitMq) -> Lab {
    let options = Lab::options(&node.url());
    Lab::new(Options {
        publish_timeout: Duration::from_secs(2),
        call_timeout: Duration::from_secs(3),
        connect_timeout: Duration::from_secs(5),
        ..options
    })
}

/// Runs blocking work without blocking the runtime's tasks.
pub(super) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alarm_blocks_publishing_and_nothing_else() {
    let Some(node) = blocking(lab::RabbitMq::start_or_skip) else { return };
    let lab = with_short_timeouts(&node);
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
    // Requeued while nothing can be published: it waits here, until the process is about to end.
    let given_up = next(&mut consumer).await.message().id.clone();
    // Another process sees what the broker has to give.
    let other = RabbitQueue::new(lab.options.clone(), Arc::new(SystemClock)).unwrap();
    let ready = async || other.depth(QueueName::Rows).await.unwrap().ready;
    until("the last one came, too", async || (ready().await == 0).then_some(())).await;
    drop(consumer);
    assert_eq!(ready().await, 0);
    timeout(DEADLINE, queue.flush()).await.expect("flushing hangs");
    until("it is given back", async || (ready().await == 2).then_some(())).await;

    blocking(|| node.memory_alarm(false)).unwrap();
    publish_in_the_end(&queue, QueueName::Rows, &[message("after")]).await;
    until("it is well", async || lab.process().is_connected().then_some(())).await;
    drain(&queue, QueueName::Rows, [given_up.as_str(), "5", "after"].map(str::to_owned).into()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_may_close_all_connections_at_any_time() {
    let Some(node) = blocking(lab::RabbitMq::start_or_skip) else { return };
    let lab = with_short_timeouts(&node);
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
    // The term is over, too, and the next leader finds the note.
    timeout(DEADLINE, term.over()).await.expect("the leader was not told");
    assert!(term.write(b"late".to_vec()).await.is_err());
    let led = until("someone leads", async || leadership.lead().await.ok()).await;
    assert_eq!(led.note(), Some(&b"before"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_survives_a_restart_of_the_broker() {
    let Some(mut node) = blocking(lab::RabbitMq::start_or_skip) else { return };
    let lab = with_short_timeouts(&node);
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
        let missing = queue.publish(QueueName::Rows, &messages).await.unwrap_err();
        assert!(missing.is_transient(), "{missing}");
        timeout(DEADLINE, term.over()).await.expect("the leader was not told");
        blocking(|| node.start_again()).unwrap();
    }
    drain(&queue, QueueName::Rows, all).await;
    let pages = until("the archive answers", async || lab.archive().read(0, 10).await.ok()).await;
    assert_eq!(pages.into_iter().map(|page| page.message).collect::<Vec<_>>(), [live]);
}

/// Makes a node write its list of queues to the disk. A broker before 4.0 does so half a second after a queue was declared;
/// killed before, it never finds that queue again (its registry is a `dets` table).
const SYNC: &str = "[ok = dets:sync(Table) || Table <- dets:all()].";

/// How often at most a crew tries.
const TURN: Duration = Duration::from_millis(50);

/// How many messages of a crew wait at most.
const AHEAD: usize = 100;

/// A publisher and a consumer that work and never give up.
#[derive(Clone, Default)]
struct Crew {
    confirmed: Arc<Mutex<BTreeSet<String>>>,
    delivered: Arc<Mutex<BTreeSet<String>>>,
    /// Stops the publisher after the message that it began.
    enough: CancellationToken,
}

impl Crew {
    async fn publish(self, queue: Arc<dyn Queue>) {
        let mut turn = tokio::time::interval(TURN);
        for batch in 0.. {
            while self.missing().len() >= AHEAD && !self.enough.is_cancelled() {
                turn.tick().await;
            }
            if self.enough.is_cancelled() {
                return;
            }
            let messages: Vec<Message> = (0..10).map(|n| message(format!("{batch}-{n}"))).collect();
            while let Err(error) = queue.publish(QueueName::Rows, &messages).await {
                assert!(error.is_transient(), "{error}");
                turn.tick().await;
            }
            self.confirmed.lock().unwrap().extend(ids(&messages));
        }
    }

    async fn consume(self, queue: Arc<dyn Queue>) {
        let mut turn = tokio::time::interval(TURN);
        loop {
            turn.tick().await;
            let mut consumer = match queue.consume(QueueName::Rows, 8).await {
                Ok(consumer) => consumer,
                Err(error) if error.is_transient() => continue,
                Err(error) => panic!("{error}"),
            };
            while let Ok(delivery) = consumer.next().await {
                let id = delivery.message().id.to_string();
                // A settlement that returns `Lost` may have been done all the same.
                let _ = delivery.settle(Settlement::Done).await;
                self.delivered.lock().unwrap().insert(id);
            }
        }
    }

    /// Confirmed and not delivered.
    fn missing(&self) -> BTreeSet<String> {
        &*self.confirmed.lock().unwrap() - &*self.delivered.lock().unwrap()
    }

    /// Waits until what is confirmed now was delivered, and more was confirmed.
    async fn goes_on(&self) {
        let so_far = self.confirmed.lock().unwrap().clone();
        until("more is confirmed", async || {
            (self.confirmed.lock().unwrap().len() >= so_far.len() + 100).then_some(())
        })
        .await;
        until("all of it came", async || so_far.is_subset(&self.delivered.lock().unwrap()).then_some(()))
            .await;
    }
}

/// `kill -9` while it works: what was confirmed is delivered, the archive and the leader's note are there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_survives_the_death_of_the_broker() {
    let Some(mut node) = blocking(lab::RabbitMq::start_or_skip) else { return };
    // A broker counts deliveries before it was killed, and delivers before it has fully started.
    let lab = Lab::new(Options { delivery_limit: 100, ..Lab::options(&node.url()) });
    let queue = lab.queue();
    let mut live = message("page");
    live.headers.set(domain::header::ORIGIN, domain::Origin::Live);
    queue.publish(QueueName::Raw, std::slice::from_ref(&live)).await.unwrap();
    let mut term = lab.leadership().lead().await.unwrap();
    term.write(b"note".to_vec()).await.unwrap();
    blocking(|| node.ctl(&["eval", SYNC])).unwrap();
    let crew = Crew::default();
    let mut tasks = JoinSet::new();
    tasks.spawn(crew.clone().consume(Arc::clone(&queue)));
    let publisher = tokio::spawn(crew.clone().publish(Arc::clone(&queue)));
    for _ in 0..2 {
        crew.goes_on().await;
        blocking(|| node.kill9()).unwrap();
        timeout(DEADLINE, term.over()).await.expect("the leader was not told");
        blocking(|| node.start_again()).unwrap();
        let leads = until("someone leads", async || lab.leadership().lead().await.ok());
        let reads = until("the archive answers", async || lab.archive().read(0, 10).await.ok());
        let (led, pages, ()) = tokio::join!(leads, reads, crew.goes_on());
        assert_eq!(pages.into_iter().map(|page| page.message).collect::<Vec<_>>(), [live.clone()]);
        term = led;
        assert_eq!(term.note(), Some(&b"note"[..]));
    }
    crew.enough.cancel();
    publisher.await.unwrap();
    until("everything came", async || crew.missing().is_empty().then_some(())).await;
}

/// The permissions that the documentation names are enough for all four programs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_on_our_own_names_are_enough() {
    let Some(node) = blocking(lab::RabbitMq::start_or_skip) else { return };
    blocking(|| {
        let own = "^coinpipe\\..*";
        node.ctl(&["add_user", "pipe", "p@ss/w:rd"])?;
        node.ctl(&["set_permissions", "--vhost", "/", "pipe", own, own, own])
    })
    .unwrap();
    let url = node.url().replace("lab:lab@", "pipe:p%40ss%2Fw%3Ard@");
    let options = Options { prefix: "coinpipe".to_owned(), ..Lab::options(&url) };
    let lab = Lab::new(Options { retry_delays: vec![Duration::from_millis(10)], ..options });
    let queue = lab.queue();

    let mut live = message("page");
    live.headers.set(domain::header::ORIGIN, domain::Origin::Live);
    queue.publish(QueueName::Raw, std::slice::from_ref(&live)).await.unwrap();
    let mut consumer = queue.consume(QueueName::Raw, 1).await.unwrap();
    let later = Settlement::RetryAfter { delay: Duration::ZERO, attempt: 2 };
    next(&mut consumer).await.settle(later).await.unwrap();
    drop(next(&mut consumer).await);
    let again = next(&mut consumer).await;
    assert_eq!(again.message().attempt(), 2);
    let letter = DeadLetter::delivery_limit(again.message(), QueueName::Raw.consumer(), 1, lab.clock().now());
    again.settle(Settlement::DeadLetter(Box::new(letter))).await.unwrap();
    let mut letters = queue.consume(QueueName::Dead, 1).await.unwrap();
    let later = Settlement::RetryAfter { delay: Duration::ZERO, attempt: 1 };
    next(&mut letters).await.settle(later).await.unwrap();
    next(&mut letters).await.settle(Settlement::Done).await.unwrap();
    assert_eq!(lab.archive().read(0, 10).await.unwrap().len(), 1);
    assert_eq!(queue.depth(QueueName::Raw).await.unwrap().total(), 0);
    let mut term = timeout(DEADLINE, lab.leadership().lead()).await.expect("nobody leads").unwrap();
    term.write(b"note".to_vec()).await.unwrap();
}

/// A worker that holds a message for longer than the broker allows loses it, with its session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_held_for_too_long_is_lost() {
    if !lab::RabbitMq::is_installed() {
        return lab::skip("RabbitMQ is not installed");
    }
    let node = blocking(|| lab::RabbitMq::start_with("consumer_timeout = 1000")).unwrap();
    // How often the broker checks; a minute by default.
    let often = "application:set_env(rabbit, channel_tick_interval, 500).";
    blocking(|| node.ctl(&["eval", often])).unwrap();
    let lab = with_short_timeouts(&node);
    let queue = lab.queue();
    queue.publish(QueueName::Rows, &[message("m")]).await.unwrap();
    let mut consumer = queue.consume(QueueName::Rows, 1).await.unwrap();
    let held = next(&mut consumer).await;
    assert!(end_of(&mut consumer).await.is_transient());
    assert!(held.settle(Settlement::Done).await.is_err());
    drain(&queue, QueueName::Rows, ["m".to_owned()].into()).await;
}

/// A frozen broker answers no call; every call ends all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_to_a_frozen_broker_end() {
    let Some(node) = blocking(lab::RabbitMq::start_or_skip) else { return };
    let lab = with_short_timeouts(&node);
    let queue = lab.queue();
    queue.publish(QueueName::Rows, &[message("held"), message("retried")]).await.unwrap();
    let mut consumer = queue.consume(QueueName::Rows, 2).await.unwrap();
    let (held, retried) = (next(&mut consumer).await, next(&mut consumer).await);
    node.freeze();
    let newcomer = RabbitQueue::new(lab.options.clone(), Arc::new(SystemClock)).unwrap();
    let calls = async {
        assert!(newcomer.connect().await.unwrap_err().is_transient());
        assert!(queue.publish(QueueName::Rows, &[message("late")]).await.unwrap_err().is_transient());
        assert!(queue.depth(QueueName::Rows).await.unwrap_err().is_transient());
        assert!(lab.process().read(0, 1).await.unwrap_err().is_transient());
        // A retry asks first whether the delivery is still ours, and sends nothing.
        let later = Settlement::RetryAfter { delay: Duration::ZERO, attempt: 2 };
        assert!(retried.settle(later).await.is_err());
        assert!(held.settle(Settlement::Done).await.is_err());
        drop(consumer);
        queue.flush().await;
    };
    timeout(DEADLINE, calls).await.expect("a call hangs");
    node.thaw();
    publish_in_the_end(&queue, QueueName::Rows, &[message("late")]).await;
    drain(&queue, QueueName::Rows, ["held", "retried", "late"].map(str::to_owned).into()).await;
}
