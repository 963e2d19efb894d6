//! The fetcher and its disk: what cannot be read is waited for, what is deleted is missed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use testkit::clock::ManualClock;

use super::*;
use crate::spool::Op;
use crate::testing::{Lab, Server, WatchedClock, page, until};

/// A batch of two pages that the queue does not take, in the spool of a fetcher that ended.
async fn waiting_batch(lab: &Lab, server: &Server) {
    let fetcher = lab.fetcher_on(server, lab.refusing(), Arc::new(ManualClock::default()));
    run_until(&fetcher, "a sealed batch", || is_sealed(lab)).await;
}

/// Whether a whole batch of two pages waits.
fn is_sealed(lab: &Lab) -> bool {
    let Ok(batches) = lab.settings.spool.join("batches").read_dir() else { return false };
    batches.filter_map(Result::ok).any(|batch| {
        let json = std::fs::read_to_string(batch.path().join("batch.json"));
        json.is_ok_and(|json| json.contains(r#""pages":2"#))
    })
}

#[tokio::test]
async fn a_page_that_cannot_be_read_now_is_published_later_and_the_others_before_it() {
    // EIO, EMFILE, EACCES, ENOMEM.
    for errno in [5, 24, 13, 12] {
        let lab = Lab::new(200, 100);
        let server = Server::start([page(100, 200), page(100, 200)]).await;
        waiting_batch(&lab, &server).await;
        let fetcher = lab.fetcher(&server);
        let is_broken = Arc::new(AtomicBool::new(true));
        let breaks = Arc::clone(&is_broken);
        fetcher.spool.disk.set_fault(Some(Box::new(move |op, path| {
            let fails = breaks.load(Ordering::Relaxed) && op == Op::Read && path.ends_with("page-00001");
            fails.then(|| io::Error::from_raw_os_error(errno))
        })));
        run_until(&fetcher, "both pages", || {
            if lab.ids(QueueName::Raw) == [PAGE_2] {
                assert_eq!(lab.ids(QueueName::Rows).len(), 0, "it is announced when all of it is there");
                is_broken.store(false, Ordering::Relaxed);
            }
            lab.ids(QueueName::Rows).len() == 1
        })
        .await;
        assert_eq!(lab.ids(QueueName::Raw), [PAGE_2, PAGE_1], "errno {errno}");
        assert!(!incidents(&lab).iter().any(|id| id.starts_with("spool_corrupt")), "{:?}", incidents(&lab));
        assert_eq!(std::fs::read_dir(lab.settings.spool.join("corrupt")).unwrap().count(), 0);
        assert!(lab.waiting().is_empty());
    }
}

/// Sealing and listing do not read the bodies: one that rots in between is found when it is read to be published.
#[tokio::test]
async fn a_body_that_is_damaged_after_the_seal_is_set_aside_and_the_others_are_published() {
    let lab = Lab::new(200, 100);
    let server = Server::start([page(100, 200), page(100, 200)]).await;
    let queue = lab.refusing();
    let clock = WatchedClock::default();
    let fetcher = lab.fetcher_on(&server, queue.clone(), Arc::new(clock.clone()));
    let (_bell, rung) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let damaging = async {
        until("a sealed batch", || is_sealed(&lab)).await;
        let batch = std::fs::read_dir(lab.settings.spool.join("batches")).unwrap().next().unwrap().unwrap();
        let path = batch.path().join("page-00001");
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        queue.refuses.store(false, Ordering::Relaxed);
        clock.pass(60, || lab.ids(QueueName::Rows).len() == 1 && !incidents(&lab).is_empty()).await;
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(fetcher.run_on(rung, stop.clone()), damaging);
    ran.unwrap();
    assert_eq!(lab.ids(QueueName::Raw), [PAGE_2]);
    assert_eq!(lab.ids(QueueName::Rows), [FETCHED]);
    let [incident] = &incidents(&lab)[..] else { panic!("{:?}", incidents(&lab)) };
    assert!(incident.starts_with("spool_corrupt/"), "{incident}");
    assert_eq!(std::fs::read_dir(lab.settings.spool.join("corrupt")).unwrap().count(), 1);
    assert!(lab.waiting().is_empty());
}

/// The first thing that a start does is to look into the spool.
#[tokio::test]
async fn a_spool_that_cannot_be_listed_is_waited_for() {
    let lab = Lab::new(100, 100);
    let server = Server::start([page(100, 100)]).await;
    let fetcher = lab.fetcher(&server);
    let tries = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    fetcher.spool.disk.set_fault(Some(Box::new(move |op, path| {
        let fails =
            op == Op::Read && path.ends_with("batches") && counted.fetch_add(1, Ordering::Relaxed) < 4;
        fails.then(|| io::Error::from_raw_os_error(24))
    })));
    run_until(&fetcher, "a batch", || lab.ids(QueueName::Rows).len() == 1).await;
    assert!(tries.load(Ordering::Relaxed) > 4);
}

#[tokio::test]
async fn a_spool_folder_that_is_deleted_is_made_again_and_what_was_in_it_is_missed() {
    let lab = Lab::new(200, 100);
    let clock = WatchedClock::default();
    let server = Server::start(vec![page(100, 200); 4]).await;
    let queue = lab.refusing();
    let fetcher = lab.fetcher_on(&server, queue.clone(), Arc::new(clock.clone()));
    let (bell, rung) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let deleting = async {
        until("a sealed batch", || is_sealed(&lab)).await;
        delete(&lab.settings.spool);
        clock.inner.set(instant("2026-11-22T15:00:00Z"));
        bell.try_send(()).unwrap();
        until("the next one", || server.requests().len() == 4 && is_sealed(&lab)).await;
        queue.refuses.store(false, Ordering::Relaxed);
        clock.pass(60, || lab.ids(QueueName::Rows).len() == 1 && !incidents(&lab).is_empty()).await;
        // The second is heard when what followed from the first is done: the claims are settled.
        for _ in 0..2 {
            bell.send(()).await.unwrap();
            until("a heard bell", || bell.capacity() == 1).await;
        }
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(fetcher.run_on(rung, stop.clone()), deleting);
    ran.unwrap();
    let later = "2026-11-22T15:00:00Z/listings/USD";
    assert_eq!(lab.ids(QueueName::Raw), [format!("{later}/p1"), format!("{later}/p2")]);
    assert_eq!(incidents(&lab), ["spool_lost/2026-11-22T14:00:00Z/listings/USD/p1, 2"]);
    assert!(reasons(&lab)[0].contains("was paid for and is lost"), "{:?}", reasons(&lab));
    drop(fetcher);
    // What was missed is not told again as a slot that nobody fetched.
    clock.inner.set(instant("2026-11-22T15:30:00Z"));
    let again = lab.fetcher_on(&server, Arc::new(lab.queue.clone()), Arc::new(clock.clone()));
    run_idle(&again).await;
    assert_eq!((incidents(&lab).len(), server.requests().len()), (1, 4));
}

/// Between two pages: what arrives afterwards is kept.
#[tokio::test]
async fn a_spool_folder_that_is_deleted_while_pages_arrive_keeps_the_rest() {
    let lab = Lab::new(200, 100);
    let server = Server::start([page(100, 200), page(100, 200)]).await;
    let spool = lab.settings.spool.clone();
    let deleted = AtomicBool::new(false);
    let observer = OnFirstPage(|| {
        if !deleted.swap(true, Ordering::Relaxed) {
            delete(&spool);
        }
    });
    let fetched = lab.fetcher(&server).fetch_now(&observer, CancellationToken::new()).await.unwrap();
    assert_eq!((fetched.pages, server.requests().len()), (2, 2));
    assert_eq!(lab.ids(QueueName::Raw), [PAGE_2]);
    run_idle(&lab.fetcher(&server)).await;
    assert!(incidents(&lab).iter().any(|id| id.starts_with("spool_lost/")), "{:?}", incidents(&lab));
}

/// Deletes a folder at once: what is made again meanwhile stays.
fn delete(folder: &std::path::Path) {
    let gone = folder.with_extension("gone");
    std::fs::rename(folder, &gone).unwrap();
    std::fs::remove_dir_all(gone).unwrap();
}

struct OnFirstPage<F>(F);

impl<F: Fn() + Send + Sync> ProgressObserver for OnFirstPage<F> {
    fn step(&self, step: Step<'_>) {
        if let Step::Received { page: 1, .. } = step {
            self.0();
        }
    }
}
