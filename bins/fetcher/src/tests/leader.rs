//! Several fetchers on one queue, each with a spool of its own: one schedules, and no slot is paid for twice.

use std::sync::Arc;

use domain::timestamp::later;
use ports::QueueName;
use testkit::clock::ManualClock;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{PAGE_1, Seen, crash, instant, run_idle, run_until};
use crate::testing::{Lab, Reply, Server, page, until};

/// Another fetcher on the same queue, on another machine.
pub(super) fn another(lab: &Lab, name: &str) -> Lab {
    let mut another = Lab::new(lab.settings.limit, lab.settings.page_size);
    another.clock = lab.clock.clone();
    another.queue = lab.queue.clone();
    another.settings.spool = lab.dir.path().join(name);
    another
}

#[tokio::test]
async fn a_slot_that_one_fetcher_claimed_is_not_fetched_by_the_next() {
    let lab = Lab::new(100, 100);
    let server = Server::start([page(100, 100), page(100, 100)]).await;
    run_until(&lab.fetcher(&server), "a batch", || lab.ids(QueueName::Rows).len() == 1).await;
    let other = another(&lab, "other");
    run_idle(&other.fetcher(&server)).await;
    assert_eq!(server.requests().len(), 1);
    lab.clock.0.set(instant("2026-11-22T15:00:00Z"));
    run_until(&other.fetcher(&server), "the next batch", || lab.ids(QueueName::Rows).len() == 2).await;
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_follower_fetches_nothing_and_takes_over_when_the_leader_ends() {
    let lab = Lab::new(100, 100);
    let server = Server::start([page(100, 100), page(100, 100)]).await;
    let clock = ManualClock::default();
    let leader = lab.fetcher_on(&server, Arc::new(lab.queue.clone()), Arc::new(clock.clone()));
    let follower = another(&lab, "other");
    let follower = follower.fetcher_on(&server, Arc::new(lab.queue.clone()), Arc::new(clock.clone()));
    let stop = CancellationToken::new();
    let (_bell, rung) = mpsc::channel(1);
    let leading = leader.run_on(rung, stop.clone());
    let mut phase = 0;
    let following = async {
        // Whoever asks first leads.
        until("the leader fetches", || !server.requests().is_empty()).await;
        let both = run_until(&follower, "both batches", || {
            if phase == 0 && lab.ids(QueueName::Rows).len() == 1 {
                phase = 1;
                clock.set(instant("2026-11-22T15:00:00Z"));
                stop.cancel();
            }
            lab.ids(QueueName::Rows).len() == 2
        });
        both.await;
    };
    let (led, ()) = tokio::join!(biased; leading, following);
    led.unwrap();
    assert_eq!(lab.ids(QueueName::Raw), [PAGE_1, "2026-11-22T15:00:00Z/listings/USD/p1"]);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_dead_leaders_slot_is_finished_by_itself_and_by_nobody_else() {
    let lab = Lab::new(200, 100);
    let server = Server::start([page(100, 200), Reply::Mute, page(100, 200), page(100, 200)]).await;
    let clock = Arc::new(ManualClock::default());
    let leader = lab.fetcher_on(&server, Arc::new(lab.queue.clone()), clock);
    crash(&leader, until("the second request", || server.requests().len() == 2)).await;
    drop(leader);
    let other = another(&lab, "other");
    run_idle(&other.fetcher(&server)).await;
    assert_eq!(server.requests().len(), 2, "the successor left the slot alone");

    // While the successor leads, the one that claimed the slot finishes it.
    let clock: Arc<ManualClock> = Arc::default();
    let leading = other.fetcher_on(&server, Arc::new(lab.queue.clone()), clock.clone());
    let (_bell, rung) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let back = lab.fetcher_on(&server, Arc::new(lab.queue.clone()), clock);
    let finishing = async {
        run_until(&back, "the batch", || lab.ids(QueueName::Rows).len() == 1).await;
        stop.cancel();
    };
    let (led, ()) = tokio::join!(biased; leading.run_on(rung, stop.clone()), finishing);
    led.unwrap();
    assert_eq!(server.ranges(), ["start=1&limit=100", "start=101&limit=100", "start=101&limit=100"]);
}

#[tokio::test]
async fn a_leader_that_was_frozen_fetches_nothing_that_its_successor_fetched() {
    let lab = Lab::new(100, 100);
    let server = Server::start([page(100, 100), page(100, 100)]).await;
    let frozen_clock = ManualClock::default();
    let queue = lab.queue.another_process(Arc::new(frozen_clock.clone()));
    let mut frozen_lab = another(&lab, "frozen");
    frozen_lab.queue = queue.clone();
    let frozen = frozen_lab.fetcher_on(&server, Arc::new(queue), Arc::new(frozen_clock.clone()));
    let (bell, rung) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let running = frozen.run_on(rung, stop.clone());
    let meanwhile = async {
        until("a batch", || lab.ids(QueueName::Rows).len() == 1).await;
        // Its clock stands still; another process's goes on, and leads once the lease is over.
        lab.clock.0.set(later(instant("2026-11-22T15:00:00Z"), std::time::Duration::from_mins(1)));
        run_until(&lab.fetcher(&server), "its successor's", || lab.ids(QueueName::Rows).len() == 2).await;
        frozen_clock.set(instant("2026-11-22T15:30:00Z"));
        let _ = bell.try_send(());
        until("a heard bell", || bell.capacity() == 1).await;
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(running, meanwhile);
    ran.unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_snapshot_by_hand_that_was_interrupted_does_not_stand_for_the_slot() {
    let lab = Lab::new(200, 100);
    let server = Server::start([page(100, 200), Reply::Mute, page(100, 200), page(100, 200)]).await;
    let clock = ManualClock::starting_at(instant("2026-11-22T14:00:07Z"));
    let fetcher = lab.fetcher_on(&server, Arc::new(lab.queue.clone()), Arc::new(clock));
    let seen = Seen::default();
    tokio::select! {
        _ = fetcher.fetch_now(&seen, CancellationToken::new()) => panic!("it ended"),
        () = until("the second request", || server.requests().len() == 2) => {}
    }
    drop(fetcher);
    lab.clock.0.set(instant("2026-11-22T14:10:00Z"));
    run_until(&lab.fetcher(&server), "both batches", || lab.ids(QueueName::Rows).len() == 2).await;
    assert_eq!(server.requests().len(), 4, "the slot was fetched whole");
}
