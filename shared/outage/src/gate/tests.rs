//! Ten minutes before a gate, in virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::*;
use ports::StoreError;

/// A server that is away for some, and counts who asks it.
#[derive(Default)]
struct Server {
    gate: Gate,
    reads: AtomicBool,
    writes: AtomicBool,
    /// Whether a look finds out that it does not write.
    is_honest: AtomicBool,
    calls: AtomicU32,
}

impl Server {
    fn healthy() -> Arc<Self> {
        let server = Self::default();
        server.set(true, true);
        server.is_honest.store(true, Ordering::SeqCst);
        Arc::new(server)
    }

    fn set(&self, reads: bool, writes: bool) {
        self.reads.store(reads, Ordering::SeqCst);
        self.writes.store(writes, Ordering::SeqCst);
    }

    fn ask(&self, need: Need) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let works = if need == Need::Read { &self.reads } else { &self.writes };
        if works.load(Ordering::SeqCst) { Ok(()) } else { Err(StoreError::away("not now".to_owned())) }
    }

    async fn call(&self, need: Need) -> Result<(), StoreError> {
        let look = |need| {
            let lies = !self.is_honest.load(Ordering::SeqCst);
            let asked = self.ask(need);
            std::future::ready(if lies { Ok(()) } else { asked })
        };
        let _pass = self.gate.pass(need, look).await?;
        let done = self.ask(need);
        self.gate.ended(need, &done);
        done
    }

    fn calls(&self) -> u32 {
        self.calls.swap(0, Ordering::SeqCst)
    }
}

/// Calls again and again, as often as `every`, as the parts of a process do.
fn caller(server: &Arc<Server>, need: Need, every: Duration) -> tokio::task::JoinHandle<()> {
    let server = Arc::clone(server);
    tokio::spawn(async move {
        loop {
            let _ = server.call(need).await;
            tokio::time::sleep(every).await;
        }
    })
}

fn callers(server: &Arc<Server>) {
    for (need, every) in
        [(Need::Write, 1), (Need::Write, 1), (Need::Read, 5), (Need::Read, 10), (Need::Read, 60)]
    {
        caller(server, need, Duration::from_secs(every));
    }
}

const TEN_MINUTES: Duration = Duration::from_mins(10);

#[tokio::test(start_paused = true)]
async fn while_a_server_does_not_write_the_whole_process_asks_it_sixty_times_in_ten_minutes() {
    for reads in [true, false] {
        let server = Server::healthy();
        callers(&server);
        tokio::time::sleep(Duration::from_secs(30)).await;
        server.set(reads, false);
        server.calls();
        tokio::time::sleep(TEN_MINUTES).await;
        let calls = server.calls();
        assert!((40..=60).contains(&calls), "{calls} calls");
        server.set(true, true);
        let asked = Instant::now();
        server.call(Need::Write).await.unwrap();
        assert!(asked.elapsed() <= Duration::from_millis(14_100), "{:?}", asked.elapsed());
        // And as often as before.
        server.calls();
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert!(server.calls() >= 120);
    }
}

/// A disk with room for a look and not for more.
#[tokio::test(start_paused = true)]
async fn looks_that_are_wrong_are_not_believed_again() {
    let server = Server::healthy();
    server.is_honest.store(false, Ordering::SeqCst);
    server.set(true, false);
    callers(&server);
    tokio::time::sleep(TEN_MINUTES).await;
    let calls = server.calls();
    assert!((40..=60).contains(&calls), "{calls} calls");
    server.set(true, true);
    let asked = Instant::now();
    server.call(Need::Write).await.unwrap();
    assert_eq!(server.gate.failing(), None);
    assert!(asked.elapsed() <= Duration::from_millis(14_100), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_read_proves_nothing_about_writing() {
    let server = Server::healthy();
    server.set(true, false);
    for _ in 0..20 {
        let _ = server.call(Need::Write).await;
        server.is_honest.store(false, Ordering::SeqCst);
        server.call(Need::Read).await.unwrap();
        assert_eq!(server.gate.failing(), Some(Need::Write));
    }
    let asked = Instant::now();
    let _ = server.call(Need::Write).await;
    let _ = server.call(Need::Write).await;
    assert!(asked.elapsed() >= Duration::from_secs(12), "{:?}", asked.elapsed());
    server.set(true, true);
    server.call(Need::Write).await.unwrap();
    assert_eq!(server.gate.failing(), None);
}

#[tokio::test(start_paused = true)]
async fn who_waits_together_is_told_together_and_who_gives_up_holds_nobody_up() {
    let server = Server::healthy();
    server.set(false, false);
    assert!(server.call(Need::Write).await.is_err());
    server.calls();
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.call(Need::Read).await.map_err(|error| error.to_string()) })
        })
        .collect();
    waiting[0].abort();
    for call in waiting.into_iter().skip(1) {
        let error = call.await.unwrap().unwrap_err();
        assert!(error.contains("not now"), "{error}");
    }
    assert_eq!(server.calls(), 1, "one looked for all");
}

/// Nobody writes any more, and still those who read go on.
#[tokio::test(start_paused = true)]
async fn where_no_write_is_tried_reads_are() {
    let server = Server::healthy();
    server.is_honest.store(false, Ordering::SeqCst);
    server.set(true, false);
    for _ in 0..3 {
        server.call(Need::Write).await.unwrap_err();
    }
    let asked = Instant::now();
    server.call(Need::Read).await.unwrap();
    assert!(asked.elapsed() <= Duration::from_secs(18), "{:?}", asked.elapsed());
}

/// A call that is tried alone may be given up: the next is.
#[tokio::test(start_paused = true)]
async fn who_is_tried_and_gives_up_makes_room_for_the_next() {
    let server = Server::healthy();
    server.is_honest.store(false, Ordering::SeqCst);
    server.set(true, false);
    for _ in 0..3 {
        server.call(Need::Write).await.unwrap_err();
    }
    let look = |_| std::future::ready(Ok::<_, StoreError>(()));
    let tried = server.gate.pass(Need::Write, look).await.unwrap();
    let waits = tokio::time::timeout(Duration::from_mins(1), server.call(Need::Write));
    assert!(waits.await.is_err(), "two were tried at once");
    drop(tried);
    server.set(true, true);
    server.call(Need::Write).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_has_to_be_told_what_to_do_is_told_at_once() {
    let gate = Gate::default();
    gate.failed(Need::Write, &"away");
    let wrong = || StoreError::Misconfigured { reason: "grant it".to_owned() };
    let passed: Result<Pass, StoreError> = gate.pass(Need::Write, |_| std::future::ready(Err(wrong()))).await;
    assert!(!passed.unwrap_err().is_transient());
    // The others ask for themselves.
    let passed: Result<Pass, StoreError> = gate.pass(Need::Write, |_| std::future::ready(Err(wrong()))).await;
    drop(passed.unwrap());
}
