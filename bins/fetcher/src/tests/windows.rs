//! A fetcher that dies at any point: its slot is fetched all the same, or a letter says that it is missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use domain::Fetched;
use ports::{Leadership, Queue, QueueError, Store, Term};
use stage::{Crash, Failpoints, Point};

use super::leader::another;
use super::*;
use crate::context::FetchContext;
use crate::metrics::FetchMetrics;
use crate::schedule::Claims;
use crate::testing::{Server, page};

const HERE: &str = "2026-11-22T14:00:00Z/listings/USD";

/// Runs a fetcher until it dies at `point`.
async fn die_at(lab: &Lab, server: &Server, point: Point) {
    let failpoint = format!("fetcher.{}:err", point.as_str());
    let fetcher = lab.dying_fetcher(server, failpoint.parse().unwrap());
    let (_bell, rung) = mpsc::channel(1);
    let running = fetcher.run_on(rung, CancellationToken::new());
    let ended = tokio::time::timeout(DEADLINE, running).await.expect("it dies");
    assert!(ended.unwrap_err().is::<Crash>(), "{failpoint}");
}

fn pages(count: usize) -> Vec<crate::testing::Reply> {
    vec![page(100, 200); count]
}

/// The ids on a queue, each once.
fn ids(lab: &Lab, queue: QueueName) -> Vec<String> {
    let mut ids = lab.ids(queue);
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The claims that are open when nobody leads.
async fn open_claims(lab: &Lab) -> usize {
    let term = lab.queue.lead().await.unwrap();
    Claims::from_note(term.note()).open().len()
}

/// Whether the slot is claimed when a fetcher died at `point`. Once its batch has left the spool, its leader may have settled the claim
/// before the publisher, which works beside it, came to [`Point::Settled`] and died: either is right.
async fn is_claimed_after(lab: &Lab, point: Point) -> bool {
    let is_claimed = open_claims(lab).await > 0;
    if point != Point::Settled {
        assert_eq!(is_claimed, point != Point::Intended, "{point:?}");
    }
    is_claimed
}

fn at(slot: &str, part: &str) -> String {
    format!("{slot}/listings/USD/{part}")
}

#[tokio::test]
async fn within_the_slot_it_comes_back_and_the_snapshot_is_complete() {
    for point in Point::FETCHER {
        let lab = Lab::new(200, 100);
        let server = Server::start(pages(4)).await;
        die_at(&lab, &server, point).await;
        run_idle(&lab.fetcher(&server)).await;
        assert_eq!(ids(&lab, QueueName::Raw), [PAGE_1, PAGE_2], "{point:?}");
        assert_eq!(ids(&lab, QueueName::Rows), [FETCHED], "{point:?}");
        assert_eq!(incidents(&lab), Vec::<String>::new(), "{point:?}");
        // An answer that was not kept is asked for again: decision 7.
        let paid = if point == Point::Answered { 3 } else { 2 };
        assert_eq!(server.requests().len(), paid, "{point:?}");
        run_idle(&lab.fetcher(&server)).await;
        assert_eq!((server.requests().len(), open_claims(&lab).await), (paid, 0), "{point:?}");
        assert!(lab.waiting().is_empty(), "{point:?}");
    }
}

#[tokio::test]
async fn when_the_slot_is_over_it_comes_back_and_publishes_what_it_has_or_a_letter() {
    for point in Point::FETCHER {
        let lab = Lab::new(200, 100);
        let server = Server::start(pages(5)).await;
        die_at(&lab, &server, point).await;
        lab.clock.0.set(instant("2026-11-22T16:10:00Z"));
        for _ in 0..2 {
            run_idle(&lab.fetcher(&server)).await;
        }
        let later = "2026-11-22T16:00:00Z";
        let (mut raw, mut letters) = (vec![at(later, "p1"), at(later, "p2")], Vec::new());
        match point {
            Point::Intended | Point::Claimed | Point::Asking | Point::Answered => {
                letters.push(format!("slot_missed/{HERE}"));
            }
            Point::Kept => {
                raw.insert(0, PAGE_1.to_owned());
                letters.push(format!("batch_incomplete/{HERE}"));
            }
            _ => raw.splice(0..0, [PAGE_1.to_owned(), PAGE_2.to_owned()]).for_each(drop),
        }
        // Nobody was there at 15:00. One that died before its first claim left no schedule behind.
        if point != Point::Intended {
            letters.push("slot_missed/2026-11-22T15:00:00Z/listings/USD".to_owned());
        }
        let mut told = incidents(&lab);
        told.sort_unstable();
        assert_eq!((ids(&lab, QueueName::Raw), told), (raw, letters), "{point:?}");
        assert_eq!(open_claims(&lab).await, 0, "{point:?}");
        assert!(lab.waiting().is_empty(), "{point:?}");
    }
}

#[tokio::test]
async fn when_it_never_comes_back_another_fetches_the_slot_or_writes_one_letter() {
    for point in Point::FETCHER {
        let lab = Lab::new(200, 100);
        let server = Server::start(pages(8)).await;
        die_at(&lab, &server, point).await;
        let is_claimed = is_claimed_after(&lab, point).await;
        let before = server.requests().len();
        let other = another(&lab, "other");
        run_idle(&other.fetcher(&server)).await;
        if point == Point::Intended {
            // Nobody had claimed it.
            assert_eq!(ids(&lab, QueueName::Raw), [PAGE_1, PAGE_2]);
        } else {
            assert_eq!(server.requests().len(), before, "{point:?}: paid for twice");
        }
        assert_eq!(incidents(&lab), Vec::<String>::new(), "{point:?}: the slot is not over");
        for hour in ["15", "16"] {
            lab.clock.0.set(instant(&format!("2026-11-22T{hour}:00:00Z")));
            run_idle(&other.fetcher(&server)).await;
        }
        let expected = if is_claimed { vec![format!("slot_missed/{HERE}")] } else { vec![] };
        assert_eq!(incidents(&lab), expected, "{point:?}");
        for reason in reasons(&lab) {
            assert!(
                reason.contains(HERE) && reason.contains("2026-11-22T14:00:00.000Z"),
                "{point:?}: {reason}"
            );
        }
        assert!(ids(&lab, QueueName::Raw).contains(&at("2026-11-22T15:00:00Z", "p2")), "{point:?}");
        run_idle(&other.fetcher(&server)).await;
        assert_eq!(open_claims(&lab).await, 0, "{point:?}");
    }
}

/// The store knows better than the note.
#[tokio::test]
async fn a_slot_that_is_in_the_tables_is_not_said_to_be_missing() {
    for point in [Point::Published, Point::Settled] {
        let lab = Lab::new(200, 100);
        let server = Server::start(pages(4)).await;
        die_at(&lab, &server, point).await;
        let is_claimed = is_claimed_after(&lab, point).await;
        let message = lab.announcements().remove(0);
        let domain::wire::RowsMessage::Fetched(fetched) = domain::wire::decode(&message.body).unwrap() else {
            panic!("an announcement")
        };
        let mut other = another(&lab, "other");
        other.store = Arc::clone(&lab.store);
        lab.store.record_fetched(&Fetched { ..fetched }).await.unwrap();
        lab.clock.0.set(instant("2026-11-22T15:00:00Z"));
        // While the store cannot say, nothing is said.
        lab.store.set_available(false);
        run_idle(&other.fetcher(&server)).await;
        assert_eq!((incidents(&lab), open_claims(&lab).await > 0), (vec![], is_claimed), "{point:?}");
        lab.store.set_available(true);
        run_idle(&other.fetcher(&server)).await;
        assert_eq!((incidents(&lab), open_claims(&lab).await), (vec![], 0), "{point:?}");
    }
}

#[tokio::test]
async fn an_intention_that_another_carried_out_is_dropped() {
    let lab = Lab::new(200, 100);
    let server = Server::start(pages(4)).await;
    die_at(&lab, &server, Point::Intended).await;
    run_idle(&another(&lab, "other").fetcher(&server)).await;
    assert_eq!((server.requests().len(), lab.waiting().len()), (2, 1));
    run_idle(&lab.fetcher(&server)).await;
    assert_eq!((server.requests().len(), lab.waiting().len(), incidents(&lab).len()), (2, 0, 0));
}

/// A queue that loses the answer to the first claim, which it may have written.
struct LostAnswer {
    inner: testkit::memory::MemoryQueue,
    writes: bool,
    is_lost: Arc<AtomicBool>,
}

struct LosingTerm {
    inner: Box<dyn Term>,
    writes: bool,
    is_lost: Arc<AtomicBool>,
}

#[async_trait]
impl Leadership for LostAnswer {
    async fn lead(&self) -> Result<Box<dyn Term>, QueueError> {
        let inner = self.inner.lead().await?;
        Ok(Box::new(LosingTerm { inner, writes: self.writes, is_lost: Arc::clone(&self.is_lost) }))
    }
}

#[async_trait]
impl Term for LosingTerm {
    fn note(&self) -> Option<&[u8]> {
        self.inner.note()
    }

    async fn write(&mut self, note: Vec<u8>) -> Result<(), QueueError> {
        if self.is_lost.swap(true, Ordering::Relaxed) {
            return self.inner.write(note).await;
        }
        if self.writes {
            self.inner.write(note).await?;
        }
        Err(QueueError::unavailable("the answer was lost"))
    }

    async fn over(&mut self) {
        self.inner.over().await;
    }
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_found_again_and_fetched_once() {
    for writes in [false, true] {
        let lab = Lab::new(200, 100);
        let server = Server::start(pages(4)).await;
        let is_lost = Arc::default();
        let leadership = Arc::new(LostAnswer { inner: lab.queue.clone(), writes, is_lost });
        let queue: Arc<dyn Queue> = Arc::new(lab.queue.clone());
        let clock = Arc::new(lab.clock.clone());
        let metrics = FetchMetrics::new(&lab.metrics);
        let around = FetchContext::new(clock, metrics, Failpoints::none());
        let settings = lab.settings.clone();
        let fetcher = Fetcher::new(settings, server.source(), queue, leadership, None, around);
        run_until(&fetcher, "the batch", || lab.ids(QueueName::Rows).len() == 1).await;
        assert_eq!((server.requests().len(), ids(&lab, QueueName::Raw).len()), (2, 2), "written: {writes}");
        assert_eq!(incidents(&lab), Vec::<String>::new());
    }
}
