//! Ten minutes of trouble in virtual time: how often the loop calls, what it logs, how soon it is back.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use domain::{Bytes, Class, Headers, Message, MessageId};
use ports::{Consumer, QueueError, QueueName};
use testkit::clock::TokioClock;
use testkit::memory::MemoryQueue;
use tokio::time::Instant;

use super::*;
use crate::contract::Output;

const TEN_MINUTES: Duration = Duration::from_mins(10);
const MOST_CALLS: u32 = 60;
const MOST_LINES: usize = 30;
const BACK: Duration = Duration::from_secs(15);

/// A stage before a store that takes nothing, and may say that it would.
#[derive(Default)]
struct Writer {
    is_full: AtomicBool,
    says_so: AtomicBool,
    calls: AtomicU32,
    written: AtomicU32,
}

impl Writer {
    fn call(&self, is_refused: bool) -> Result<(), Failure> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if is_refused { Err(Failure::Outage { reason: "no room".to_owned() }) } else { Ok(()) }
    }
}

#[async_trait]
impl Stage for Writer {
    fn name(&self) -> StageName {
        StageName::Transformer
    }

    fn input(&self) -> QueueName {
        QueueName::Raw
    }

    async fn handle(&self, message: &Message) -> Result<Vec<Output>, Failure> {
        if message.id.as_str().starts_with("bad") {
            return Err(Failure::Reject { class: Class::Poison, code: "bad", reason: "no good".to_owned() });
        }
        if message.id.as_str().starts_with("odd") {
            return Err(Failure::Retry { code: "odd", reason: "not now".to_owned() });
        }
        self.call(self.is_full.load(Ordering::SeqCst))?;
        self.written.fetch_add(1, Ordering::SeqCst);
        let id = MessageId::new(format!("{}/copy", message.id));
        Ok(vec![Output { to: QueueName::Rows, message: Message { id, ..message.clone() } }])
    }

    async fn ready(&self) -> Result<(), Failure> {
        self.call(self.is_full.load(Ordering::SeqCst) && self.says_so.load(Ordering::SeqCst))
    }
}

/// A queue of which one queue is full.
struct Queues {
    memory: MemoryQueue,
    is_full: AtomicBool,
    refused: AtomicU32,
}

#[async_trait]
impl Queue for Queues {
    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), QueueError> {
        if to == QueueName::Rows && self.is_full.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(QueueError::unavailable("rows is full"));
        }
        self.memory.publish(to, messages).await
    }

    async fn consume(&self, from: QueueName, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        self.memory.consume(from, prefetch).await
    }

    async fn depth(&self, queue: QueueName) -> Result<ports::Depth, QueueError> {
        self.memory.depth(queue).await
    }
}

struct Bench {
    queue: Arc<Queues>,
    stage: Arc<Writer>,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<Result<(), RunError>>,
}

impl Bench {
    fn start() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::default());
        let memory = MemoryQueue::new(Arc::clone(&clock));
        let queue = Arc::new(Queues { memory, is_full: AtomicBool::new(false), refused: AtomicU32::new(0) });
        let stage = Arc::new(Writer::default());
        let settings = Settings {
            concurrency: 4,
            deadline: Duration::from_mins(1),
            retry: RetryPolicy { delays: vec![Duration::from_secs(10)], attempts: 8 },
        };
        let context = StageContext {
            queue: queue.clone(),
            clock,
            metrics: Metrics::default(),
            failpoints: Failpoints::none(),
        };
        let stop = CancellationToken::new();
        let running = tokio::spawn(run(stage.clone(), settings, context, stop.clone()));
        Self { queue, stage, stop, running }
    }

    async fn publish(&self, ids: impl IntoIterator<Item = String>) {
        let message = |id| Message { id: MessageId::new(id), headers: Headers::new(), body: Bytes::new() };
        let messages: Vec<_> = ids.into_iter().map(message).collect();
        self.queue.memory.publish(QueueName::Raw, &messages).await.unwrap();
    }

    fn written(&self) -> u32 {
        self.stage.written.load(Ordering::SeqCst)
    }

    /// Waits until something is written that was not before.
    async fn until_back(&self) {
        let (before, healed) = (self.written(), Instant::now());
        while self.written() == before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(healed.elapsed() <= BACK, "back only after {:?}", healed.elapsed());
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }
}

/// The lines that are logged from here on.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let lines = {
            let log = log.clone();
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish()
        };
        (log, tracing::subscriber::set_default(lines))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn check(&self) {
        let text = self.text();
        assert!(text.lines().count() <= MOST_LINES, "{text}");
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn ids(name: &str, count: u32) -> Vec<String> {
    (0..count).map(|n| format!("{name}{n}")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_nothing_is_asked_rarely_whatever_it_says() {
    for says_so in [true, false] {
        let (log, _guard) = Log::start();
        let bench = Bench::start();
        bench.stage.says_so.store(says_so, Ordering::SeqCst);
        bench.stage.is_full.store(true, Ordering::SeqCst);
        bench.publish(ids("m", 100)).await;
        tokio::time::sleep(TEN_MINUTES).await;
        let calls = bench.stage.calls.load(Ordering::SeqCst);
        assert!((40..=MOST_CALLS).contains(&calls), "says so: {says_so}; {calls} calls");
        bench.stage.is_full.store(false, Ordering::SeqCst);
        bench.until_back().await;
        // And as before: what was put off is there after its delay.
        tokio::time::sleep(BACK).await;
        assert_eq!(bench.written(), 100);
        assert_eq!(bench.queue.memory.messages(QueueName::Dead).len(), 0);
        bench.stop().await;
        log.check();
        let text = log.text();
        assert_eq!(text.matches("paused until").count(), 2, "{text}");
        assert_eq!(text.matches("back; going on").count(), 1, "{text}");
    }
}

/// What is settled although nothing was handled shows nothing.
#[tokio::test(start_paused = true)]
async fn neither_poison_nor_what_is_put_off_ends_an_outage() {
    let bench = Bench::start();
    bench.stage.is_full.store(true, Ordering::SeqCst);
    for minute in 0..10 {
        for name in ["m", "bad", "odd", "n", "worse/bad"] {
            bench.publish(ids(&format!("{name}{minute}-"), 20)).await;
        }
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    let calls = bench.stage.calls.load(Ordering::SeqCst);
    assert!(calls <= MOST_CALLS, "{calls} calls");
    bench.stage.is_full.store(false, Ordering::SeqCst);
    bench.until_back().await;
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_full_is_tried_rarely_though_the_other_gives() {
    let (log, _guard) = Log::start();
    let bench = Bench::start();
    bench.queue.is_full.store(true, Ordering::SeqCst);
    bench.publish(ids("m", 100)).await;
    tokio::time::sleep(TEN_MINUTES).await;
    let refused = bench.queue.refused.load(Ordering::SeqCst);
    assert!((40..=MOST_CALLS).contains(&refused), "{refused} tries");
    bench.queue.is_full.store(false, Ordering::SeqCst);
    let healed = Instant::now();
    while bench.queue.memory.messages(QueueName::Rows).len() < 100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(healed.elapsed() <= BACK, "back only after {:?}", healed.elapsed());
    bench.stop().await;
    log.check();
    assert_eq!(log.text().matches("the queue is away").count(), 2, "{}", log.text());
}
