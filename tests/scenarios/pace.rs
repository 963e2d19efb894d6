//! Ten minutes in which a store takes nothing, in virtual time: what a whole process asks of it, logs, and how soon it is
//! back. Loader, desk, mailer, the search for incomplete batches, pruner and metrics share the store as they do in a process.

mod store;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alerter::{Desk, IncompleteBatches, Mailer, SendError, Sent, Transport};
use async_trait::async_trait;
use domain::{DeadLetter, Message, StageName, wire};
use loader::{Loader, Pruner};
use ports::store::Mail;
use ports::{Clock, Queue, QueueName, Quotes};
use stage::{Failpoints, RetryPolicy, Settings, Stage, StageContext};
use telemetry::Metrics;
use testkit::clock::TokioClock;
use testkit::contract::store::sample::{at, chunk_of, row};
use testkit::memory::MemoryQueue;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use store::{PacedStore, State};

const TEN_MINUTES: Duration = Duration::from_mins(10);
const MOST_CALLS: u32 = 60;
const MOST_LINES: usize = 30;
const BACK: Duration = Duration::from_secs(15);

/// A process that runs everything which needs the store.
struct Process {
    clock: Arc<dyn Clock>,
    queue: Arc<MemoryQueue>,
    store: Arc<PacedStore>,
    post: Arc<Post>,
    published: u32,
}

impl Process {
    fn start() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::default());
        let queue = Arc::new(MemoryQueue::new(Arc::clone(&clock)));
        let store = Arc::new(PacedStore::new(Arc::clone(&clock)));
        let post = Arc::new(Post::default());
        let process = Self { clock, queue, store, post, published: 0 };
        process.run_stages();
        process.run_the_others();
        process
    }

    fn run_stages(&self) {
        let metrics = Metrics::default();
        let loader = Loader::new(self.store.clone(), Arc::clone(&self.clock), &metrics);
        let desk = Desk::new(self.store.clone(), Arc::clone(&self.clock), &metrics);
        let stages: [(Arc<dyn Stage>, u16); 2] = [(Arc::new(loader), 4), (Arc::new(desk), 1)];
        for (stage, concurrency) in stages {
            let delays = [10, 60, 600].map(Duration::from_secs).into();
            let retry = RetryPolicy { delays, attempts: 8 };
            let settings = Settings { concurrency, deadline: Duration::from_mins(1), retry };
            let context = StageContext {
                queue: self.queue.clone(),
                clock: Arc::clone(&self.clock),
                metrics: metrics.clone(),
                failpoints: Failpoints::none(),
            };
            tokio::spawn(stage::run(stage, settings, context, CancellationToken::new()));
        }
    }

    fn run_the_others(&self) {
        let (store, clock) = (&self.store, &self.clock);
        let mut settings = config::Config::defaults().mail;
        settings.max_per_hour = 1000;
        let mailer = Mailer::new(settings, store.clone(), self.post.clone(), Arc::clone(clock));
        let incomplete =
            IncompleteBatches::new(store.clone(), store.clone(), Arc::clone(clock), Duration::from_mins(15));
        let pruner = Pruner::new(store.clone(), Arc::clone(clock), Duration::from_hours(1));
        tokio::spawn(async move { mailer.run(CancellationToken::new()).await });
        tokio::spawn(async move { incomplete.run(CancellationToken::new()).await });
        tokio::spawn(async move { pruner.run(&CancellationToken::new()).await });
        // As `service::observe` does.
        let (store, clock) = (store.clone(), Arc::clone(clock));
        tokio::spawn(async move {
            loop {
                let _ = store.freshness().await;
                clock.sleep(Duration::from_secs(10)).await;
            }
        });
    }

    /// Publishes one more chunk of rows, and one more letter of a cause of its own.
    async fn publish(&mut self) {
        self.published += 1;
        let n = self.published;
        let chunk = chunk_of(row(n, 1.0, at(i64::from(n))), at(i64::from(n)));
        let body = wire::encode_chunk(&chunk).into();
        let id = domain::MessageId::new(format!("rows{n}"));
        let rows = Message { id, headers: domain::Headers::new(), body };
        self.queue.publish(QueueName::Rows, &[rows]).await.unwrap();
        let code = "x".repeat(n as usize);
        let letter = DeadLetter::incident(StageName::Fetcher, &code, n, "no luck", self.clock.now());
        self.queue.publish(QueueName::Dead, &[letter.into_message()]).await.unwrap();
    }

    /// Waits until all that was published is loaded and filed; how long that took.
    async fn until_all_is_there(&self, within: Duration) -> Duration {
        let begun = Instant::now();
        while begun.elapsed() < within {
            let (coins, letters) = (self.store.coins(), self.store.letters_filed().await);
            if (coins, letters) == (self.published as usize, self.published as usize) {
                return begun.elapsed();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{} of {} loaded after {within:?}", self.store.coins(), self.published);
    }
}

/// A mail server that takes everything.
#[derive(Default)]
struct Post {
    taken: Mutex<usize>,
}

impl Post {
    fn taken(&self) -> usize {
        *self.taken.lock().unwrap()
    }
}

#[async_trait]
impl Transport for Post {
    async fn send(&self, _: &Mail) -> Result<Sent, SendError> {
        *self.taken.lock().unwrap() += 1;
        Ok(Sent::ToAll)
    }

    async fn check(&self) -> Result<String, SendError> {
        Ok(String::new())
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

    /// What was logged since this was asked last.
    fn text(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
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

async fn live_through(state: State) {
    let (log, _guard) = Log::start();
    let mut process = Process::start();
    for _ in 0..10 {
        process.publish().await;
    }
    process.until_all_is_there(BACK).await;
    // The first mails are out.
    tokio::time::sleep(Duration::from_mins(2)).await;
    log.text();
    let mails = process.post.taken();
    assert!(mails > 0);

    process.store.set(state);
    process.store.calls();
    for _ in 0..20 {
        process.publish().await;
        tokio::time::sleep(TEN_MINUTES / 20).await;
    }
    let (calls, text) = (process.store.calls(), log.text());
    assert!(calls <= MOST_CALLS, "{state:?}: {calls} calls");
    assert!(text.lines().count() <= MOST_LINES, "{state:?}: {text}");
    assert_eq!(process.store.coins(), 10);

    process.store.set(State::Well);
    let took = process.until_all_is_there(Duration::from_secs(30)).await;
    assert!(took <= BACK, "{state:?}: back only after {took:?}");
    // And people are told, in the time that letters are gathered.
    tokio::time::sleep(Duration::from_mins(6)).await;
    assert!(process.post.taken() > mails, "{state:?}: nobody was told");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_read_only_costs_a_process_little() {
    live_through(State::ReadOnly).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_costs_a_process_little() {
    live_through(State::Away).await;
}

/// It says that it is ready, and takes nothing: a disk with room for less than what is written.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_full_costs_a_process_little() {
    live_through(State::Full).await;
}
