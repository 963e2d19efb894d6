//! A queue or an API that is away, and being asked to stop meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use ports::QueueName;
use testkit::clock::ManualClock;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::OnceFailure;
use crate::testing::{Lab, Reply, Server, api_error, page, page_body, reply, until};

#[tokio::test]
async fn while_the_queue_takes_nothing_slots_go_on_and_everything_is_published_after() {
    let lab = Lab::new(100, 100);
    let clock = ManualClock::default();
    let server = Server::start([page(100, 100), page(100, 100), api_error(401, 1001)]).await;
    let queue = lab.refusing();
    let fetcher = lab.fetcher_on(&server, queue.clone(), Arc::new(clock.clone()));
    let (bell, rung) = mpsc::channel(1);
    let mut phase = 0;
    run_with(&fetcher, rung, "all that was kept", || {
        let sealed = lab.waiting().iter().filter(|name| is_sealed(&lab, name)).count();
        if phase < 2 && sealed == phase + 1 {
            phase += 1;
            clock.set(instant("2026-11-22T14:00:00Z") + TimeDelta::hours(phase.try_into().unwrap()));
            // Full: it was not heard yet, and will be.
            let _ = bell.try_send(());
        } else if phase == 2 && server.requests().len() == 3 {
            phase = 3;
            queue.refuses.store(false, Ordering::Relaxed);
        } else if phase == 3 {
            // The publisher waits a few seconds of the fetcher's clock before each try.
            clock.advance(Duration::from_secs(1));
        }
        phase == 3 && lab.ids(QueueName::Rows).len() == 2 && incidents(&lab).len() == 1
    })
    .await;
    assert_eq!(lab.ids(QueueName::Raw), [PAGE_1, "2026-11-22T15:00:00Z/listings/USD/p1"]);
    assert_eq!(incidents(&lab), ["api_1001/2026-11-22"]);
    assert!(lab.waiting().is_empty());
}

/// A page was paid for: it waits until somebody allows larger messages, and those behind it do not wait with it.
#[tokio::test]
async fn a_page_that_the_queue_refuses_stays_and_the_others_go_on() {
    let lab = Lab::new(100, 100);
    let clock = ManualClock::default();
    let server = Server::start([page(100, 100), page(1, 1)]).await;
    let bytes = |rows| domain::compress_body(page_body(rows, rows).as_bytes()).len();
    lab.queue.set_largest(usize::midpoint(bytes(1), bytes(100)));
    let fetcher = lab.fetcher_on(&server, Arc::new(lab.queue.clone()), Arc::new(clock.clone()));
    let (bell, rung) = mpsc::channel(1);
    let mut phase = 0;
    run_with(&fetcher, rung, "both batches", || {
        if phase == 0 && lab.waiting().iter().any(|name| is_sealed(&lab, name)) {
            phase = 1;
            clock.set(instant("2026-11-22T15:00:00Z"));
            let _ = bell.try_send(());
        } else if phase == 1 && lab.ids(QueueName::Rows).len() == 1 {
            phase = 2;
            assert_eq!(lab.ids(QueueName::Raw), ["2026-11-22T15:00:00Z/listings/USD/p1"]);
            assert!(lab.waiting().iter().any(|name| is_sealed(&lab, name)));
            lab.queue.set_largest(usize::MAX);
        } else if phase > 0 {
            // The publisher waits a few seconds of the fetcher's clock before each try.
            clock.advance(Duration::from_secs(1));
        }
        lab.ids(QueueName::Rows).len() == 2
    })
    .await;
    assert_eq!(phase, 2);
    assert!(lab.ids(QueueName::Raw).contains(&PAGE_1.to_owned()));
}

#[tokio::test]
async fn nothing_is_paid_for_while_nobody_can_lead_and_the_slot_is_fetched_after() {
    let lab = Lab::new(100, 100);
    let clock = ManualClock::default();
    let server = Server::start([page(100, 100)]).await;
    lab.queue.set_available(false);
    let fetcher = lab.fetcher_on(&server, Arc::new(lab.queue.clone()), Arc::new(clock.clone()));
    let mut looks = 0;
    run_until(&fetcher, "the batch", || {
        looks += 1;
        if looks == 100 {
            assert_eq!(server.requests().len(), 0);
            lab.queue.set_available(true);
        }
        // Both loops wait a few seconds of the fetcher's clock before each try.
        clock.advance(Duration::from_secs(1));
        lab.ids(QueueName::Rows).len() == 1
    })
    .await;
    assert_eq!(lab.ids(QueueName::Raw), [PAGE_1]);
}

#[tokio::test]
async fn a_stop_while_the_queue_is_away_keeps_everything_for_the_next_start() {
    let lab = Lab::new(200, 100);
    let server = Server::start([page(100, 200), page(100, 200)]).await;
    let fetcher = lab.fetcher_on(&server, lab.refusing(), Arc::new(ManualClock::default()));
    run_until(&fetcher, "a sealed batch", || lab.waiting().iter().any(|name| is_sealed(&lab, name))).await;
    drop(fetcher);
    run_until(&lab.fetcher(&server), "the batch", || lab.ids(QueueName::Rows).len() == 1).await;
    assert_eq!(lab.ids(QueueName::Raw), [PAGE_1, PAGE_2]);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn letters_wait_for_the_queue_across_a_restart() {
    let lab = Lab::new(100, 100);
    let server = Server::start([api_error(401, 1001)]).await;
    let fetcher = lab.fetcher_on(&server, lab.refusing(), Arc::new(ManualClock::default()));
    let letters = lab.settings.spool.join("letters");
    run_until(&fetcher, "a letter on disk", || std::fs::read_dir(&letters).unwrap().count() == 1).await;
    drop(fetcher);
    let server = Server::start([page(100, 100)]).await;
    run_until(&lab.fetcher(&server), "the letter", || incidents(&lab) == ["api_1001/2026-11-22"]).await;
    assert_eq!(std::fs::read_dir(&letters).unwrap().count(), 0);
}

#[tokio::test]
async fn a_stop_while_waiting_for_the_api_or_the_queue_is_heard() {
    let lab = Lab::new(100, 100);
    let server = Server::start([reply(503, &[], "busy")]).await;
    let clock = ManualClock::default();
    let fetcher = lab.fetcher_on(&server, Arc::new(lab.queue.clone()), Arc::new(clock.clone()));
    let stop = CancellationToken::new();
    let seen = Seen::default();
    let waiting = async {
        until("a wait", || seen.0.lock().unwrap().iter().any(|step| step.starts_with("waiting"))).await;
        stop.cancel();
    };
    let (result, ()) = tokio::join!(fetcher.fetch_now(&seen, stop.clone()), waiting);
    assert!(matches!(result, Err(OnceFailure::Stopped)), "{result:?}");
    // A server that says nothing gets ten seconds after the stop.
    let server = Server::start([Reply::Mute]).await;
    drop(fetcher);
    let fetcher = lab.fetcher_on(&server, Arc::new(lab.queue.clone()), Arc::new(clock.clone()));
    let stop = CancellationToken::new();
    let waiting = async {
        until("a request", || server.requests().len() == 1).await;
        stop.cancel();
    };
    let mut result = None;
    let fetching = async { result = Some(fetcher.fetch_now(&Seen::default(), stop.clone()).await) };
    let moving = async {
        waiting.await;
        loop {
            clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = fetching => {}
        () = moving => unreachable!("it moves the clock for ever"),
    }
    assert!(matches!(result, Some(Err(OnceFailure::Stopped))), "{result:?}");
}

fn is_sealed(lab: &Lab, name: &str) -> bool {
    let path = lab.settings.spool.join("batches").join(name).join("batch.json");
    std::fs::read_to_string(path).is_ok_and(|json| !json.contains(r#""pages":null"#))
}
