//! What the tests stand around a fetcher: a server that says what a script says, a queue that can hang,
//! a clock on which waiting takes no time.

mod clock;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use config::{Config, Secret};
use domain::Message;
use ports::{Clock, Consumer, Depth, Queue, QueueError, QueueName};
use telemetry::Metrics;
use tempfile::TempDir;
use testkit::clock::ManualClock;
use testkit::memory::{MemoryQueue, MemoryStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::{FetchMetrics, Fetcher, Source};

pub(crate) use clock::{Busy, WatchedClock};

/// The longest that a test waits for something that should happen.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) const KEY: &str = "b54bcf4d-1bca-4e8e-9a24-22ff2c3d462c";

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Writes these bytes and closes.
    Raw(Vec<u8>),
    /// Holds the connection and says nothing.
    Mute,
    /// Writes the first bytes, and then the second ones again and again, with a pause before each if one is given.
    Endless(Vec<u8>, Vec<u8>, Option<Duration>),
}

/// An HTTP answer with `body`, and `headers` as `name: value` lines.
pub(crate) fn reply(status: u16, headers: &[&str], body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let mut raw =
        format!("HTTP/1.1 {status} Scripted\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for header in headers {
        raw.push_str(header);
        raw.push_str("\r\n");
    }
    raw.push_str("\r\n");
    Reply::Raw([raw.as_bytes(), body].concat())
}

/// A page of `rows` coins out of `total`.
pub(crate) fn page_body(rows: u32, total: u32) -> String {
    let coins: Vec<_> = (1..=rows).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    format!(
        r#"{{"status":{{"timestamp":"2026-11-22T14:00:00.000Z","error_code":"0","credit_count":{},"total_count":{total}}},"data":[{}]}}"#,
        rows.div_ceil(200).max(1),
        coins.join(",")
    )
}

pub(crate) fn page(rows: u32, total: u32) -> Reply {
    reply(200, &["content-type: application/json"], page_body(rows, total))
}

/// An error as the API words it.
pub(crate) fn api_error(status: u16, code: u32) -> Reply {
    let body = format!(r#"{{"status":{{"error_code":{code},"error_message":"because","credit_count":0}}}}"#);
    reply(status, &[], body)
}

/// A server that answers each request with the next reply of its script, and 599 once it has ended.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
    task: AbortHandle,
}

impl Server {
    pub(crate) async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let mut script: std::collections::VecDeque<Reply> = script.into_iter().collect();
        let seen = Arc::clone(&requests);
        let serve = async move {
            let mut open = Vec::new();
            let mut streams = tokio::task::JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(head) = read_head(&mut stream).await else { continue };
                seen.lock().unwrap().push(head);
                match script.pop_front().unwrap_or_else(|| reply(599, &[], "the script has ended")) {
                    Reply::Raw(bytes) => {
                        // A client that has seen enough closes first.
                        let _ = stream.write_all(&bytes).await;
                        let _ = stream.shutdown().await;
                    }
                    Reply::Mute => open.push(stream),
                    Reply::Endless(first, again, pause) => {
                        streams.spawn(write_for_ever(stream, first, again, pause));
                    }
                }
            }
        };
        let task = tokio::spawn(serve).abort_handle();
        Self { url, requests, task }
    }

    /// The heads of the requests so far, in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The `start` and `limit` of the listings requests so far.
    pub(crate) fn ranges(&self) -> Vec<String> {
        let lines = self.requests();
        let queries =
            lines.iter().filter_map(|head| head.split_once("/listings/latest?")?.1.split_once("&convert"));
        queries.map(|(range, _)| range.to_owned()).collect()
    }

    pub(crate) fn source(&self) -> Source {
        Source { base_url: self.url.parse().unwrap(), api_key: Secret::new(KEY) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Until the client has seen enough.
async fn write_for_ever(mut stream: TcpStream, first: Vec<u8>, again: Vec<u8>, pause: Option<Duration>) {
    let mut pulse = pause.map(tokio::time::interval);
    let mut written = stream.write_all(&first).await;
    while written.is_ok() {
        if let Some(pulse) = &mut pulse {
            pulse.tick().await;
        }
        written = stream.write_all(&again).await;
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&head).to_lowercase())
}

/// A clock on which sleeping moves the time instead of taking any.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeapingClock(pub(crate) ManualClock);

#[async_trait]
impl Clock for LeapingClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.advance(duration);
        tokio::task::yield_now().await;
    }
}

/// A queue that takes nothing while it `refuses`, although it can be led: a broker whose memory is full.
pub(crate) struct RefusingQueue {
    pub(crate) inner: MemoryQueue,
    pub(crate) refuses: AtomicBool,
}

#[async_trait]
impl Queue for RefusingQueue {
    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), QueueError> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(QueueError::unavailable("it is full"));
        }
        self.inner.publish(to, messages).await
    }

    async fn consume(&self, from: QueueName, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        self.inner.consume(from, prefetch).await
    }

    async fn depth(&self, queue: QueueName) -> Result<Depth, QueueError> {
        self.inner.depth(queue).await
    }
}

/// A queue on which one call of `publish` never returns.
pub(crate) struct HangingQueue {
    pub(crate) inner: MemoryQueue,
    /// Which call hangs, from 0.
    pub(crate) call: usize,
    /// Whether the messages are durable by then.
    pub(crate) after: bool,
    pub(crate) calls: AtomicUsize,
    pub(crate) hangs: Notify,
}

impl HangingQueue {
    pub(crate) fn new(inner: MemoryQueue, call: usize, after: bool) -> Self {
        Self { inner, call, after, calls: AtomicUsize::new(0), hangs: Notify::new() }
    }
}

#[async_trait]
impl Queue for HangingQueue {
    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), QueueError> {
        if self.calls.fetch_add(1, Ordering::Relaxed) != self.call {
            return self.inner.publish(to, messages).await;
        }
        if self.after {
            self.inner.publish(to, messages).await?;
        }
        self.hangs.notify_one();
        std::future::pending().await
    }

    async fn consume(&self, from: QueueName, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        self.inner.consume(from, prefetch).await
    }

    async fn depth(&self, queue: QueueName) -> Result<Depth, QueueError> {
        self.inner.depth(queue).await
    }
}

/// All that a fetcher needs, to be given to one fetcher after the other.
pub(crate) struct Lab {
    pub(crate) dir: TempDir,
    pub(crate) clock: LeapingClock,
    pub(crate) queue: MemoryQueue,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) settings: config::Fetch,
    pub(crate) metrics: Metrics,
}

impl Lab {
    /// Asks for `limit` coins, `page_size` at a time, every hour. It is 14:00.
    pub(crate) fn new(limit: u32, page_size: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = LeapingClock::default();
        let queue = MemoryQueue::new(Arc::new(clock.clone()));
        let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
        let spool = dir.path().join("spool");
        let settings = config::Fetch { limit, page_size, spool, ..Config::defaults().fetch };
        let metrics = Metrics::default();
        Self { dir, clock, queue, store, settings, metrics }
    }

    pub(crate) fn fetcher(&self, server: &Server) -> Fetcher {
        self.fetcher_on(server, Arc::new(self.queue.clone()), Arc::new(self.clock.clone()))
    }

    pub(crate) fn fetcher_on(
        &self,
        server: &Server,
        queue: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
    ) -> Fetcher {
        // What one that died did on a thread of its own, as a process would not, has to end first.
        if let Ok(lock) = std::fs::File::open(self.settings.spool.join("lock")) {
            lock.lock().unwrap();
        }
        let leadership = Arc::new(self.queue.clone());
        let store = Arc::clone(&self.store);
        Fetcher::new(
            self.settings.clone(),
            server.source(),
            queue,
            leadership,
            Some(store),
            clock,
            FetchMetrics::new(&self.metrics),
        )
        .unwrap()
    }

    /// This queue, refusing for now.
    pub(crate) fn refusing(&self) -> Arc<RefusingQueue> {
        Arc::new(RefusingQueue { inner: self.queue.clone(), refuses: AtomicBool::new(true) })
    }

    /// The ids on `queue`, in order of publishing.
    pub(crate) fn ids(&self, queue: QueueName) -> Vec<String> {
        self.queue.messages(queue).into_iter().map(|message| message.id.to_string()).collect()
    }

    /// The names of the batches that wait in the spool.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.settings.spool.join("batches")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// Waits until `holds`; fails with `what` when it does not come.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, wait).await.is_ok(), "waited {DEADLINE:?} in vain: {what}");
}
