use domain::{DeadLetter, Slot};
use ports::{Letters, Store};
use testkit::clock::ManualClock;
use testkit::contract::store::sample::{batch, chunk, fetched};
use testkit::memory::MemoryStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::fingerprint;

struct Bench {
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    heartbeat: Heartbeat,
    calls: UnboundedReceiver<String>,
    answer: Arc<Mutex<&'static str>>,
}

/// With a server that answers as it is told.
async fn bench() -> Bench {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/s3cret/", listener.local_addr().unwrap());
    let (sender, calls) = unbounded_channel();
    let answer = Arc::new(Mutex::new("200 OK"));
    let answers = Arc::clone(&answer);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = vec![0; 16 << 10];
            let count = stream.read(&mut bytes).await.unwrap();
            let call = String::from_utf8_lossy(&bytes[..count]).into_owned();
            let path = call.split(' ').nth(1).unwrap_or_default().to_owned();
            sender.send(path).unwrap();
            let answer = *answers.lock().unwrap();
            let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let newest = Newest::new(store.clone(), store.clone());
    let heartbeat = Heartbeat::new(&Secret::new(url), newest, store.clone(), clock.clone()).unwrap();
    Bench { clock, store, heartbeat, calls, answer }
}

impl Bench {
    /// The paths that were called by a look.
    async fn look(&mut self) -> Vec<String> {
        self.heartbeat.look().await.unwrap();
        std::iter::from_fn(|| self.calls.try_recv().ok()).collect()
    }

    async fn snapshot(&self, minutes: i64) {
        self.fetched(minutes, "listings").await;
    }

    /// A whole batch of `endpoint`.
    async fn fetched(&self, minutes: i64, endpoint: &str) {
        let slot = Slot::at(batch_slot(minutes));
        let mut chunk = chunk(&[1, 2]);
        let batch = domain::BatchId::new(slot, endpoint, &["USD".to_owned()]);
        (chunk.page.slot, chunk.page.batch) = (slot, batch.clone());
        endpoint.clone_into(&mut chunk.page.endpoint);
        self.store.load(&chunk).await.unwrap();
        let fetched = domain::Fetched { slot, batch, endpoint: endpoint.to_owned(), ..fetched(1) };
        self.store.record_fetched(&fetched).await.unwrap();
    }

    async fn file(&self, letter: DeadLetter) {
        self.store.file(&letter, &fingerprint(&letter)).await.unwrap();
    }

    fn incident(&self, code: &str, occasion: &str, reason: &str) -> DeadLetter {
        DeadLetter::incident(StageName::Fetcher, code, occasion, reason, self.clock.now())
    }
}

fn batch_slot(minutes: i64) -> DateTime<Utc> {
    testkit::contract::store::sample::at(minutes * 60)
}

#[tokio::test]
async fn each_whole_snapshot_is_one_call() {
    let mut bench = bench().await;
    assert_eq!(bench.look().await, [""; 0]);
    bench.clock.advance(Duration::from_mins(1));
    bench.snapshot(0).await;
    assert_eq!(bench.look().await, ["/s3cret/"]);
    bench.clock.advance(Duration::from_hours(1));
    assert_eq!(bench.look().await, [""; 0]);
    bench.snapshot(60).await;
    assert_eq!(bench.look().await, ["/s3cret/"]);
    assert_eq!(bench.look().await, [""; 0]);
}

/// Nor is one that was told before the process started anew.
#[tokio::test]
async fn a_replay_is_no_call() {
    let mut bench = bench().await;
    bench.snapshot(0).await;
    bench.clock.advance(Duration::from_hours(1));
    assert_eq!(bench.look().await, [""; 0]);
    bench.snapshot(60).await;
    assert_eq!(bench.look().await, ["/s3cret/"]);
    bench.clock.advance(Duration::from_mins(1));
    bench.snapshot(0).await;
    bench.snapshot(60).await;
    assert_eq!(bench.look().await, [""; 0]);
}

/// A crash loop would keep the switch of a dead man green.
#[tokio::test]
async fn a_process_that_starts_anew_tells_nothing_again() {
    let mut bench = bench().await;
    bench.clock.advance(Duration::from_mins(1));
    bench.snapshot(0).await;
    assert_eq!(bench.look().await, ["/s3cret/"]);
    for _ in 0..5 {
        bench.clock.advance(Duration::from_secs(20));
        let (url, store) = (Secret::new(bench.heartbeat.url.as_str()), bench.store.clone());
        let newest = Newest::new(store.clone(), store.clone());
        bench.heartbeat = Heartbeat::new(&url, newest, store, bench.clock.clone()).unwrap();
        assert_eq!(bench.look().await, [""; 0]);
    }
    bench.clock.advance(Duration::from_mins(1));
    bench.snapshot(3).await;
    assert_eq!(bench.look().await, ["/s3cret/"]);
}

/// Half of it is no snapshot.
#[tokio::test]
async fn a_snapshot_of_which_a_part_is_missing_is_no_call() {
    let mut bench = bench().await;
    bench.clock.advance(Duration::from_mins(1));
    bench.store.record_fetched(&fetched(2)).await.unwrap();
    bench.store.load(&chunk(&[1])).await.unwrap();
    assert_eq!(bench.look().await, [""; 0]);
}

#[tokio::test]
async fn a_snapshot_that_was_given_up_fails_and_a_try_does_not() {
    let mut bench = bench().await;
    bench.clock.advance(Duration::from_mins(1));
    let mut attempt = bench.incident("http_429", "2026-11-22T14:00:00Z", "busy");
    attempt.headers.set(header::BATCH, batch(0));
    bench.file(attempt).await;
    let kind = "gave up slot 2026-11-22T14:00:00Z of map: no";
    bench.file(bench.incident("http_500", "2026-11-22T14:00:00Z/map/given-up", kind)).await;
    bench.file(bench.incident("credits_80", "2026-11", "80 % of the credits are used")).await;
    assert_eq!(bench.look().await, [""; 0]);
    bench.clock.advance(Duration::from_mins(1));
    let lost = "gave up slot 2026-11-22T14:00:00Z: the API said no (code 500)";
    bench.file(bench.incident("http_500", "2026-11-22T14:00:00Z/given-up", lost)).await;
    assert_eq!(bench.look().await, ["/s3cret/fail"]);
    assert_eq!(bench.look().await, [""; 0]);
    // What is true comes last.
    bench.clock.advance(Duration::from_mins(1));
    bench.file(bench.incident("slot_missed", "2026-11-22T14:00:00Z/listings/USD", "it is missing")).await;
    bench.clock.advance(Duration::from_mins(1));
    bench.snapshot(0).await;
    assert_eq!(bench.look().await, ["/s3cret/fail", "/s3cret/"]);
}

#[tokio::test]
async fn a_call_that_does_not_arrive_is_made_again() {
    let mut bench = bench().await;
    *bench.answer.lock().unwrap() = "503 Later";
    bench.clock.advance(Duration::from_mins(1));
    bench.snapshot(0).await;
    assert_eq!(bench.look().await, ["/s3cret/"]);
    *bench.answer.lock().unwrap() = "200 OK";
    assert_eq!(bench.look().await, ["/s3cret/"]);
    assert_eq!(bench.look().await, [""; 0]);
}

#[tokio::test]
async fn a_snapshot_that_was_given_up_is_told_however_much_dies_after_it() {
    let mut bench = bench().await;
    assert_eq!(bench.look().await, [""; 0]);
    bench.clock.advance(Duration::from_mins(2));
    bench.file(bench.incident("slot_missed", "2026-11-22T14:00:00Z/listings/USD", "missing")).await;
    for number in 0..130 {
        bench.clock.advance(Duration::from_millis(5));
        bench.file(bench.incident("api_500", &number.to_string(), "broken")).await;
    }
    assert_eq!(bench.look().await, ["/s3cret/fail"]);
    assert_eq!(bench.look().await, [""; 0]);
    bench.clock.advance(Duration::from_mins(2));
    assert_eq!(bench.look().await, [""; 0]);
    bench.clock.advance(Duration::from_mins(2));
    bench.file(bench.incident("slot_missed", "2026-11-22T15:00:00Z/listings/USD", "missing")).await;
    assert_eq!(bench.look().await, ["/s3cret/fail"]);
}

/// Kinds of the market come each five minutes, and a backfill brings thousands.
#[tokio::test]
async fn a_snapshot_is_seen_whatever_else_is_fetched_beside_it() {
    let mut bench = bench().await;
    assert_eq!(bench.look().await, [""; 0]);
    bench.clock.advance(Duration::from_hours(20));
    bench.snapshot(0).await;
    for minute in 0..240 {
        for kind in ["cmc100", "global", "history"] {
            bench.fetched(5 * minute, kind).await;
        }
    }
    bench.heartbeat.told().slot = Some(Slot::at(batch_slot(-60)));
    assert_eq!(bench.look().await, ["/s3cret/"]);
    assert_eq!(bench.look().await, [""; 0]);
    // One of the coins that fetch.ids names is one, too.
    bench.fetched(1200, "quotes").await;
    assert_eq!(bench.look().await, ["/s3cret/"]);
}
