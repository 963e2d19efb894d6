//! Ten minutes in which something takes nothing: at most sixty calls and thirty lines in the log, and back at work within 15 s
//! after. Time is a clock that the test moves, a second at a time, whenever everybody waits.

mod queue;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stage::Failpoints;

use super::*;
use crate::context::FetchContext;
use crate::metrics::FetchMetrics;
use crate::spool::Op;
use crate::testing::{Lines, Server, WatchedClock, page};
use queue::{UnsteadyLeadership, UnsteadyQueue};

const MINUTES: u64 = 10;
const MOST_CALLS: usize = 60;
const MOST_LINES: usize = 30;
const BACK_WITHIN: u64 = 15;

/// A fetcher on a queue and a disk that can be made to fail.
struct Bench {
    lab: Lab,
    clock: WatchedClock,
    queue: Arc<UnsteadyQueue>,
    fetcher: Fetcher,
}

impl Bench {
    fn new(server: &Server) -> Self {
        let lab = Lab::new(100, 100);
        let clock = WatchedClock::default();
        let queue = UnsteadyQueue::new(lab.queue.clone());
        let leadership = Arc::new(UnsteadyLeadership(Arc::clone(&queue)));
        let around =
            FetchContext::new(Arc::new(clock.clone()), FetchMetrics::new(&lab.metrics), Failpoints::none());
        let settings = lab.settings.clone();
        let fetcher = Fetcher::new(settings, server.source(), queue.clone(), leadership, None, around);
        Self { lab, clock, queue, fetcher }
    }

    /// Runs the fetcher for ten minutes in which something is away, which `calls` counts, and from when `heal` has mended it
    /// until `is_back`.
    async fn live_through(
        &self,
        calls: impl Fn() -> usize,
        heal: impl FnOnce(),
        mut is_back: impl FnMut() -> bool,
    ) {
        let lines = Lines::default();
        let _guard = tracing::subscriber::set_default(lines.clone());
        let (_bell, rung) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let watched = async {
            let passed = self.clock.pass(MINUTES * 60, || false).await;
            assert_eq!(passed, MINUTES * 60);
            let (calls, said) = (calls(), lines.0.lock().unwrap().clone());
            assert!((10..=MOST_CALLS).contains(&calls), "{calls} calls in ten minutes");
            assert!((1..=MOST_LINES).contains(&said.len()), "{} lines: {said:#?}", said.len());
            assert!(!is_back(), "nothing was away");
            heal();
            let passed = self.clock.pass(BACK_WITHIN + 1, &mut is_back).await;
            assert!(passed <= BACK_WITHIN, "not back at work after {BACK_WITHIN} s");
            stop.cancel();
        };
        let running = self.fetcher.run_on(rung, stop.clone());
        let (ran, ()) = tokio::join!(running, watched);
        ran.unwrap();
        let said = lines.0.lock().unwrap().clone();
        assert!(said.len() <= MOST_LINES, "{said:#?}");
    }

    fn has_batch(&self) -> bool {
        self.lab.ids(QueueName::Rows) == [FETCHED]
    }
}

#[tokio::test]
async fn a_queue_that_lets_lead_and_takes_no_messages() {
    let server = Server::start([page(100, 100)]).await;
    let bench = Bench::new(&server);
    bench.queue.takes_messages.store(false, Ordering::Relaxed);
    let calls = || bench.queue.calls.load(Ordering::Relaxed);
    bench.live_through(calls, || bench.queue.heal(), || bench.has_batch()).await;
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_queue_that_cannot_be_led() {
    let server = Server::start([page(100, 100)]).await;
    let bench = Bench::new(&server);
    bench.queue.lets_lead.store(false, Ordering::Relaxed);
    let calls = || bench.queue.calls.load(Ordering::Relaxed);
    bench.live_through(calls, || bench.queue.heal(), || bench.has_batch()).await;
}

#[tokio::test]
async fn a_queue_that_lets_lead_and_takes_no_claims() {
    let server = Server::start([page(100, 100)]).await;
    let bench = Bench::new(&server);
    bench.queue.takes_notes.store(false, Ordering::Relaxed);
    let calls = || bench.queue.calls.load(Ordering::Relaxed);
    bench.live_through(calls, || bench.queue.heal(), || bench.has_batch()).await;
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_queue_that_takes_the_lead_back_at_once() {
    let server = Server::start([page(100, 100)]).await;
    let bench = Bench::new(&server);
    bench.queue.flickers.store(true, Ordering::Relaxed);
    let calls = || bench.queue.calls.load(Ordering::Relaxed);
    bench.live_through(calls, || bench.queue.heal(), || bench.has_batch()).await;
}

/// Both loops ask, in turn.
#[tokio::test]
async fn a_queue_that_is_away_with_something_to_publish() {
    let server = Server::start([page(100, 100)]).await;
    let bench = Bench::new(&server);
    let slot = domain::Slot::at(instant("2026-11-22T13:00:00Z"));
    let record = crate::spool::PageRecord {
        page: 1,
        asked: 100,
        rows: 100,
        total_count: None,
        credits: 1,
        fetched_at: instant("2026-11-22T13:00:01Z"),
        simulated: false,
    };
    let sealed = crate::spool::Manifest { pages: Some(1), ..bench.fetcher.order(slot) };
    bench.fetcher.spool.put_page(&sealed, &record, b"{}").unwrap();
    bench.queue.takes_messages.store(false, Ordering::Relaxed);
    bench.queue.lets_lead.store(false, Ordering::Relaxed);
    let calls = || bench.queue.calls.load(Ordering::Relaxed);
    let is_back = || bench.lab.ids(QueueName::Rows).len() == 2;
    bench.live_through(calls, || bench.queue.heal(), is_back).await;
}

/// A disk whose files with `part` in their path cannot be changed, and how often that was tried.
fn break_disk(bench: &Bench, part: &'static str, errno: i32) -> Arc<AtomicUsize> {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    bench.fetcher.spool.disk.set_fault(Some(Box::new(move |op, path| {
        let fails = op == Op::Change && path.to_string_lossy().contains(part);
        fails.then(|| {
            counted.fetch_add(1, Ordering::Relaxed);
            io::Error::from_raw_os_error(errno)
        })
    })));
    tries
}

#[tokio::test]
async fn a_disk_that_is_full_or_read_only_when_a_slot_begins() {
    for errno in [28, 30] {
        let server = Server::start([page(100, 100)]).await;
        let bench = Bench::new(&server);
        let tries = break_disk(&bench, "spool", errno);
        let calls = || tries.load(Ordering::Relaxed);
        let heal = || {
            assert_eq!(server.requests().len(), 0, "paid for what the disk does not take");
            // The letter about it did not need the disk.
            assert_eq!(incidents(&bench.lab), ["spool_failed/2026-11-22T14:00:00Z"]);
            bench.fetcher.spool.disk.set_fault(None);
        };
        bench.live_through(calls, heal, || bench.has_batch()).await;
        assert!(reasons(&bench.lab)[0].contains(if errno == 28 { "make room" } else { "read-only" }));
    }
}

#[tokio::test]
async fn a_disk_that_is_full_when_a_page_has_arrived() {
    let server = Server::start([page(100, 100)]).await;
    let bench = Bench::new(&server);
    let tries = break_disk(&bench, "page-", 28);
    let calls = || tries.load(Ordering::Relaxed);
    let heal = || bench.fetcher.spool.disk.set_fault(None);
    bench.live_through(calls, heal, || bench.has_batch()).await;
    assert_eq!(server.requests().len(), 1, "paid for once");
}

/// What was published cannot be removed: it is not published again for that.
#[tokio::test]
async fn a_disk_that_is_read_only_when_a_batch_was_published() {
    let server = Server::start([page(100, 100)]).await;
    let bench = Bench::new(&server);
    let spool = Arc::clone(&bench.fetcher.spool);
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let published = bench.lab.queue.clone();
    bench.fetcher.spool.disk.set_fault(Some(Box::new(move |op, _| {
        let fails = op == Op::Change && !published.messages(QueueName::Rows).is_empty();
        fails.then(|| {
            counted.fetch_add(1, Ordering::Relaxed);
            io::Error::from_raw_os_error(30)
        })
    })));
    let calls = || tries.load(Ordering::Relaxed);
    let mut is_healed = false;
    bench
        .live_through(
            calls,
            || {
                assert_eq!(
                    (bench.lab.ids(QueueName::Raw), bench.lab.ids(QueueName::Rows).len()),
                    (vec![PAGE_1.to_owned()], 1)
                );
                assert_eq!(incidents(&bench.lab), ["spool_trouble/2026-11-22"]);
                spool.disk.set_fault(None);
            },
            || {
                let is_back = bench.lab.waiting().is_empty();
                is_healed |= is_back;
                is_back
            },
        )
        .await;
    assert!(is_healed && bench.has_batch());
}
