use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use domain::{Bytes, Class, DeadLetter, Headers, Message, MessageId, header};
use ports::{QueueName, StoreError};
use testkit::clock::ManualClock;
use testkit::memory::MemoryQueue;

use super::*;
use crate::contract::Output;
use crate::failpoint::Point;

/// A stage that copies messages from raw to rows, and does what a body asks for on the way.
#[derive(Default)]
struct Copier {
    store_away: AtomicBool,
    handled: Mutex<Vec<String>>,
    in_flight: AtomicU32,
    most_in_flight: AtomicU32,
    release: tokio::sync::Notify,
}

#[async_trait]
impl Stage for Copier {
    fn name(&self) -> StageName {
        StageName::Transformer
    }

    fn input(&self) -> QueueName {
        QueueName::Raw
    }

    async fn handle(&self, message: &Message) -> Result<Vec<Output>, Failure> {
        self.handled.lock().unwrap().push(message.id.to_string());
        match &message.body[..] {
            b"reject" => {
                Err(Failure::Reject { class: Class::Poison, code: "bad", reason: "no good".to_owned() })
            }
            b"retry" => Err(Failure::Retry { code: "later", reason: "not now".to_owned() }),
            b"panic" => panic!("what a message"),
            b"fatal" => Err(Failure::Fatal { reason: "set x.y".to_owned() }),
            b"hang" => std::future::pending().await,
            b"store" => match self.ready().await {
                Ok(()) => Ok(vec![copy(message)]),
                Err(failure) => Err(failure),
            },
            b"wait" => {
                let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
                self.most_in_flight.fetch_max(now, Ordering::SeqCst);
                self.release.notified().await;
                self.in_flight.fetch_sub(1, Ordering::SeqCst);
                Ok(vec![copy(message)])
            }
            b"bare" => {
                let mut copy = copy(message);
                copy.message.headers = Headers::new();
                Ok(vec![copy])
            }
            _ => Ok(vec![copy(message)]),
        }
    }

    async fn ready(&self) -> Result<(), Failure> {
        if self.store_away.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable { reason: "gone fishing".to_owned() }.into());
        }
        Ok(())
    }
}

fn copy(message: &Message) -> Output {
    let id = MessageId::new(format!("{}/copy", message.id));
    Output { to: QueueName::Rows, message: Message { id, ..message.clone() } }
}

/// A running loop and everything around it.
struct Bench {
    queue: Arc<MemoryQueue>,
    clock: ManualClock,
    stage: Arc<Copier>,
    metrics: Metrics,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<Result<(), RunError>>,
}

impl Bench {
    fn is_consuming(&self) -> bool {
        StageMetrics::new(&self.metrics, StageName::Transformer).is_consuming()
    }

    fn start(failpoints: &str) -> Self {
        let clock = ManualClock::default();
        let queue = Arc::new(MemoryQueue::new(Arc::new(clock.clone())));
        Self::start_on(queue, clock, failpoints)
    }

    fn start_on(queue: Arc<MemoryQueue>, clock: ManualClock, failpoints: &str) -> Self {
        let stage = Arc::new(Copier::default());
        let metrics = Metrics::default();
        let stop = CancellationToken::new();
        let settings = Settings {
            concurrency: 2,
            deadline: Duration::from_mins(1),
            retry: RetryPolicy { delays: vec![Duration::from_secs(10), Duration::from_mins(1)], attempts: 3 },
        };
        let context = StageContext {
            queue: queue.clone(),
            clock: Arc::new(clock.clone()),
            metrics: metrics.clone(),
            failpoints: if failpoints.is_empty() { Failpoints::none() } else { failpoints.parse().unwrap() },
        };
        let running = tokio::spawn(run(stage.clone(), settings, context, stop.clone()));
        Self { queue, clock, stage, metrics, stop, running }
    }

    async fn publish(&self, bodies: &[&str]) {
        let messages: Vec<_> = bodies.iter().enumerate().map(|(n, body)| message(n, body)).collect();
        self.queue.publish(QueueName::Raw, &messages).await.unwrap();
    }

    /// Waits until `level` holds; dumps the queues when it does not come.
    async fn until(&self, what: &str, level: impl AsyncFn(&Self) -> bool) {
        let waiting = async {
            while !level(self).await {
                tokio::task::yield_now().await;
            }
        };
        let came = tokio::time::timeout(Duration::from_secs(10), waiting).await.is_ok();
        let (rows, dead) = (self.ids(QueueName::Rows), self.ids(QueueName::Dead));
        assert!(came, "never came: {what}; rows {rows:?}, dead {dead:?}");
    }

    fn ids(&self, queue: QueueName) -> BTreeSet<String> {
        self.queue.messages(queue).iter().map(|message| message.id.to_string()).collect()
    }

    async fn total(&self, queue: QueueName) -> u64 {
        self.queue.depth(queue).await.map_or(u64::MAX, ports::Depth::total)
    }

    async fn stop(self) -> Result<(), RunError> {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.running).await.expect("the loop stops").unwrap()
    }
}

fn message(n: usize, body: &str) -> Message {
    Message { id: MessageId::new(format!("m{n}")), headers: Headers::new(), body: body.to_owned().into() }
}

/// What becomes of a replayed page is of that replay, also when the stage does not know of it.
#[tokio::test]
async fn the_life_of_a_message_is_passed_on() {
    let bench = Bench::start("");
    let replayed =
        Message { headers: Headers::new().with(header::REPLAY_ID, "replay-1"), ..message(0, "bare") };
    bench.queue.publish(QueueName::Raw, &[replayed, message(1, "bare")]).await.unwrap();
    bench.until("both copies", async |bench| bench.ids(QueueName::Rows).len() == 2).await;
    let replays: Vec<_> = bench
        .queue
        .messages(QueueName::Rows)
        .iter()
        .map(|copy| (copy.id.to_string(), copy.headers.get(header::REPLAY_ID).map(str::to_owned)))
        .collect();
    assert!(replays.contains(&("m0/copy".to_owned(), Some("replay-1".to_owned()))), "{replays:?}");
    assert!(replays.contains(&("m1/copy".to_owned(), None)), "{replays:?}");
    bench.stop().await.unwrap();
}

#[tokio::test]
async fn outputs_are_published_and_inputs_settled() {
    let bench = Bench::start("");
    bench.publish(&["a", "b", "c"]).await;
    bench.until("three copies", async |bench| bench.ids(QueueName::Rows).len() == 3).await;
    bench.until("raw is empty", async |bench| bench.total(QueueName::Raw).await == 0).await;
    bench.stop().await.unwrap();
}

#[tokio::test]
async fn poison_never_blocks() {
    let bench = Bench::start("");
    bench.publish(&["reject", "panic", "good"]).await;
    bench.until("the good one passed", async |bench| bench.ids(QueueName::Rows).contains("m2/copy")).await;
    bench.until("two letters", async |bench| bench.ids(QueueName::Dead).len() == 2).await;
    let reasons: Vec<_> = bench
        .queue
        .messages(QueueName::Dead)
        .into_iter()
        .map(|message| DeadLetter::from_message(message, bench.clock.now()))
        .map(|letter| (letter.code, letter.reason, letter.body))
        .collect();
    assert!(
        reasons.contains(&("bad".to_owned(), "no good".to_owned(), Bytes::from_static(b"reject"))),
        "{reasons:?}"
    );
    let panic = (
        "panic".to_owned(),
        "the transformer panicked: what a message".to_owned(),
        Bytes::from_static(b"panic"),
    );
    assert!(reasons.contains(&panic), "{reasons:?}");
    assert!(bench.metrics.render().contains(r#"dead_letters_total{stage="transformer",class="poison"} 2"#));
    bench.stop().await.unwrap();
}

/// What the queue refuses for good ends neither the stage nor those behind it, and nothing of it is lost.
#[tokio::test]
async fn what_the_queue_refuses_is_a_dead_letter() {
    let clock = ManualClock::default();
    let queue = Arc::new(MemoryQueue::new(Arc::new(clock.clone())));
    queue.publish(QueueName::Raw, &[message(0, "too large"), message(1, "good")]).await.unwrap();
    queue.set_largest(4);
    let bench = Bench::start_on(queue, clock, "");
    bench.until("the good one passed", async |bench| bench.ids(QueueName::Rows).contains("m1/copy")).await;
    bench.until("raw is empty", async |bench| bench.total(QueueName::Raw).await == 0).await;
    let letter = bench.queue.messages(QueueName::Dead).pop().expect("no letter");
    let letter = DeadLetter::from_message(letter, bench.clock.now());
    assert_eq!((&*letter.code, &*letter.body), ("refused", &b"too large"[..]));
    assert!(letter.reason.contains("m0/copy is too large"), "{}", letter.reason);
    bench.stop().await.unwrap();
}

/// The rest of such a message may look right: nobody knows what the lost part would have said.
#[tokio::test]
async fn a_message_whose_headers_cannot_be_read_is_not_handled() {
    let bench = Bench::start("");
    let headers = Headers::new().with(header::BATCH, "b").with(header::UNREADABLE, "deep: F\n");
    bench.queue.publish(QueueName::Raw, &[Message { headers, ..message(0, "odd") }]).await.unwrap();
    bench.publish(&["good"]).await;
    bench.until("a letter", async |bench| bench.ids(QueueName::Dead).len() == 1).await;
    bench.until("raw is empty", async |bench| bench.total(QueueName::Raw).await == 0).await;
    let letter = bench.queue.messages(QueueName::Dead).pop().expect("no letter");
    let letter = DeadLetter::from_message(letter, bench.clock.now());
    // Quoted, so that the desk sees one cause however they look.
    let reason = r#"its headers cannot be read: "deep: F\n""#;
    assert_eq!((letter.class, &*letter.code, &*letter.reason), (Class::Poison, "unreadable_headers", reason));
    assert_eq!(letter.headers.get(header::BATCH), Some("b"));
    assert_eq!(*bench.stage.handled.lock().unwrap(), ["m0"]);
    bench.stop().await.unwrap();
}

#[tokio::test]
async fn retries_are_counted_and_end_in_the_dead_letters() {
    let bench = Bench::start("");
    bench.publish(&["retry"]).await;
    for attempt in 1..=3 {
        bench.until("an attempt", async |bench| bench.stage.handled.lock().unwrap().len() == attempt).await;
        if attempt < 3 {
            bench
                .until("it waits", async |bench| {
                    bench.queue.depth(QueueName::Raw).await.unwrap().delayed == 1
                })
                .await;
            bench.clock.advance(Duration::from_mins(1));
        }
    }
    bench.until("a letter", async |bench| bench.ids(QueueName::Dead).len() == 1).await;
    let letter = DeadLetter::from_message(bench.queue.messages(QueueName::Dead).remove(0), bench.clock.now());
    assert_eq!((letter.class, letter.code.as_str(), letter.attempt), (Class::RetriesExhausted, "later", 3));
    assert_eq!(letter.headers.get(header::ATTEMPT), Some("3"));
    bench.stop().await.unwrap();
}

#[tokio::test]
async fn an_outage_is_not_poison_and_counts_no_attempts() {
    let bench = Bench::start("");
    bench.stage.store_away.store(true, Ordering::SeqCst);
    bench.publish(&["store", "store"]).await;
    bench
        .until("it gave the messages back", async |bench| {
            let depth = bench.queue.depth(QueueName::Raw).await.unwrap();
            depth.unsettled == 0 && depth.delayed >= 1
        })
        .await;
    // Hours of outage: nothing is tried, nothing dies.
    for _ in 0..100 {
        bench.clock.advance(Duration::from_mins(3));
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.total(QueueName::Dead).await, 0);
    assert!(bench.stage.handled.lock().unwrap().len() <= 2, "it kept consuming during the outage");
    bench.stage.store_away.store(false, Ordering::SeqCst);
    bench
        .until("both came through", async |bench| {
            bench.clock.advance(Duration::from_secs(20));
            bench.ids(QueueName::Rows).len() == 2
        })
        .await;
    let attempts: Vec<_> = bench.queue.messages(QueueName::Rows).iter().map(Message::attempt).collect();
    assert_eq!(attempts, [1, 1]);
    bench.stop().await.unwrap();
}

#[tokio::test]
async fn a_queue_that_went_away_is_waited_for() {
    let bench = Bench::start("");
    bench.until("it consumes", async |bench| bench.is_consuming()).await;
    bench.queue.set_available(false);
    bench.until("it noticed", async |bench| !bench.is_consuming()).await;
    bench.queue.set_available(true);
    bench.publish(&["a"]).await;
    bench
        .until("it went on", async |bench| {
            bench.clock.advance(Duration::from_secs(20));
            bench.ids(QueueName::Rows).len() == 1
        })
        .await;
    bench.stop().await.unwrap();
}

#[tokio::test]
async fn a_fatal_failure_ends_the_stage_and_keeps_the_message() {
    let bench = Bench::start("");
    bench.publish(&["fatal"]).await;
    let (queue, running) = (bench.queue.clone(), bench.running);
    let error =
        tokio::time::timeout(Duration::from_secs(10), running).await.expect("it ends").unwrap().unwrap_err();
    assert_eq!(error.to_string(), "transformer stopped: set x.y");
    assert_eq!(queue.depth(QueueName::Raw).await.unwrap().total(), 1);
    assert_eq!(queue.depth(QueueName::Dead).await.unwrap().total(), 0);
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight_and_takes_nothing_new() {
    let bench = Bench::start("");
    bench.publish(&["wait", "wait", "wait", "wait"]).await;
    bench.until("two in flight", async |bench| bench.stage.in_flight.load(Ordering::SeqCst) == 2).await;
    bench.stop.cancel();
    bench.stage.release.notify_waiters();
    let (queue, stage) = (bench.queue.clone(), bench.stage.clone());
    bench.stop().await.unwrap();
    assert_eq!(stage.most_in_flight.load(Ordering::SeqCst), 2, "concurrency bounds what is in flight");
    assert_eq!(queue.messages(QueueName::Rows).len(), 2);
    let raw = queue.depth(QueueName::Raw).await.unwrap();
    assert_eq!((raw.ready, raw.unsettled), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_missed_deadline_is_a_counted_retry() {
    let bench = Bench::start("");
    bench.publish(&["hang"]).await;
    let waiting = async {
        while bench.queue.depth(QueueName::Raw).await.unwrap().delayed == 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(5), waiting).await.expect("the deadline passes");
    assert!(bench.metrics.render().contains(r#"outcome="retry"} 1"#));
    bench.stop().await.unwrap();
}

/// Invariants 2 and 3: wherever the process dies, the work is repeated and nothing is lost.
#[tokio::test]
async fn a_crash_at_any_point_loses_nothing() {
    for point in Point::ALL {
        let crashing = Bench::start(&format!("transformer.{}:err", point.as_str()));
        crashing.publish(&["a"]).await;
        let (queue, clock, running) = (crashing.queue.clone(), crashing.clock.clone(), crashing.running);
        let ended =
            tokio::time::timeout(Duration::from_secs(10), running).await.expect("it crashes").unwrap();
        assert!(matches!(ended, Err(RunError::Crash(Crash))), "{point:?}");

        let after = Bench::start_on(queue, clock, "");
        after
            .until("the copy is there and raw is empty", async |bench| {
                bench.clock.advance(Duration::from_secs(1));
                bench.ids(QueueName::Rows).contains("m0/copy") && bench.total(QueueName::Raw).await == 0
            })
            .await;
        assert_eq!(after.total(QueueName::Dead).await, 0, "{point:?}");
        after.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_trace_goes_through_the_loop_into_outputs_and_dead_letters() {
    let (collected, _guard) = testkit::spans::Collected::start();
    let bench = Bench::start("");
    let mut messages = [message(0, "good"), message(1, "reject")];
    for message in &mut messages {
        message.headers = testkit::spans::traced();
    }
    bench.queue.publish(QueueName::Raw, &messages).await.unwrap();
    bench.until("both are done", async |bench| bench.total(QueueName::Raw).await == 0).await;
    let copy = bench.queue.messages(QueueName::Rows).remove(0);
    let letter = DeadLetter::from_message(bench.queue.messages(QueueName::Dead).remove(0), bench.clock.now());
    bench.stop().await.unwrap();
    let spans = collected.spans();
    for (outcome, headers) in [("done", copy.headers), ("dead", letter.headers)] {
        let is_it = |pair: &opentelemetry::KeyValue| {
            pair.key.as_str() == "coinpipe.outcome" && pair.value.as_str() == outcome
        };
        let span = spans.iter().find(|span| span.attributes.iter().any(is_it)).expect(outcome);
        let context = &span.span_context;
        let expected = format!("00-{}-{}-01", context.trace_id(), context.span_id());
        assert_eq!(headers.get(header::TRACEPARENT), Some(expected.as_str()), "{outcome}");
        let is_error = matches!(&span.status, opentelemetry::trace::Status::Error { description } if description == "no good");
        assert_eq!(is_error, outcome == "dead", "{:?}", span.status);
    }
}

#[tokio::test]
async fn the_life_of_a_message_goes_through_the_loop_into_outputs_and_dead_letters() {
    let bench = Bench::start("");
    for (n, replay) in [None, Some("replay/1")].into_iter().enumerate() {
        let mut messages = [message(2 * n, "good"), message(2 * n + 1, "reject")];
        for message in &mut messages {
            if let Some(replay) = replay {
                message.headers.set(header::REPLAY_ID, replay);
            }
        }
        bench.queue.publish(QueueName::Raw, &messages).await.unwrap();
    }
    bench.until("all are done", async |bench| bench.total(QueueName::Raw).await == 0).await;
    for queue in [QueueName::Rows, QueueName::Dead] {
        let mut replays: Vec<_> = bench
            .queue
            .messages(queue)
            .into_iter()
            .map(|message| message.headers.get(header::REPLAY_ID).map(str::to_owned))
            .collect();
        replays.sort();
        assert_eq!(replays, [None, Some("replay/1".to_owned())], "{queue}");
    }
    bench.stop().await.unwrap();
}
