//! Crashes: nothing that was paid for is lost or paid for again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::PageMeta;
use ports::{Queue, QueueName};
use testkit::clock::ManualClock;

use super::*;
use crate::spool::Spool;
use crate::testing::{HangingQueue, KEY, Lab, Reply, Server, page, page_body, reply, until};

#[tokio::test]
async fn a_crash_between_two_pages_pays_for_the_missing_one_only() {
    let lab = Lab::new(200, 100);
    let server = Server::start([page(100, 200), Reply::Mute, page(100, 200)]).await;
    let fetcher = lab.fetcher_on(&server, Arc::new(lab.queue.clone()), Arc::new(ManualClock::default()));
    crash(&fetcher, until("the second request", || server.requests().len() == 2)).await;
    drop(fetcher);
    assert!(lab.ids(QueueName::Raw).is_empty());
    run_until(&lab.fetcher(&server), "the batch", || lab.ids(QueueName::Rows).len() == 1).await;
    assert_eq!(server.ranges(), ["start=1&limit=100", "start=101&limit=100", "start=101&limit=100"]);
    assert_eq!(lab.ids(QueueName::Raw), [PAGE_1, PAGE_2]);
}

#[tokio::test]
async fn a_crash_before_the_slot_ended_publishes_what_was_paid_for_in_a_later_slot() {
    let lab = Lab::new(200, 100);
    let server = Server::start([page(100, 200), Reply::Mute, page(100, 200), page(100, 200)]).await;
    let fetcher = lab.fetcher_on(&server, Arc::new(lab.queue.clone()), Arc::new(ManualClock::default()));
    crash(&fetcher, until("the second request", || server.requests().len() == 2)).await;
    drop(fetcher);
    lab.clock.0.set(instant("2026-11-22T16:10:00Z"));
    run_until(&lab.fetcher(&server), "both batches", || lab.ids(QueueName::Rows).len() == 2).await;
    let later = ["2026-11-22T16:00:00Z/listings/USD/p1", "2026-11-22T16:00:00Z/listings/USD/p2"];
    assert_eq!(lab.ids(QueueName::Raw), [PAGE_1, later[0], later[1]]);
    let meta = PageMeta::from_headers(&lab.queue.messages(QueueName::Raw)[0].headers).unwrap();
    assert_eq!((meta.page, meta.pages), (1, 2), "the ledger sees that page 2 is missing");
    let expected = [
        "batch_incomplete/2026-11-22T14:00:00Z/listings/USD",
        "slot_missed/2026-11-22T15:00:00Z/listings/USD",
    ];
    let mut told = incidents(&lab);
    told.sort_unstable();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_crash_anywhere_while_publishing_repeats_the_same_messages_and_pays_nothing() {
    // The calls: page 1, page 2, the announcement.
    for call in 0..3 {
        for after in [false, true] {
            let lab = Lab::new(200, 100);
            let server = Server::start([page(100, 200), page(100, 200)]).await;
            let queue = Arc::new(HangingQueue::new(lab.queue.clone(), call, after));
            let fetcher =
                lab.fetcher_on(&server, Arc::clone(&queue) as Arc<dyn Queue>, Arc::new(lab.clock.clone()));
            crash(&fetcher, queue.hangs.notified()).await;
            drop(fetcher);
            assert_eq!(queue.calls.load(Ordering::Relaxed), call + 1);
            let before = [lab.queue.messages(QueueName::Raw), lab.announcements()].concat();
            assert_eq!(before.len(), if after { call + 1 } else { call });

            lab.clock.0.advance(Duration::from_mins(1));
            run_until(&lab.fetcher(&server), "the whole batch", || lab.waiting().is_empty()).await;
            for (messages, ids) in [
                (lab.queue.messages(QueueName::Raw), vec![PAGE_1, PAGE_2]),
                (lab.announcements(), vec![FETCHED]),
            ] {
                let mut found: Vec<_> = messages.iter().map(|message| message.id.as_str()).collect();
                found.sort_unstable();
                found.dedup();
                assert_eq!(found, ids, "call {call}, after {after}");
                for message in &messages {
                    assert!(
                        messages.iter().all(|other| other.id != message.id || other == message),
                        "same bytes"
                    );
                }
            }
            assert_eq!(server.requests().len(), 2, "call {call}, after {after}");
        }
    }
}

#[tokio::test]
async fn a_damaged_page_in_the_spool_is_reported_and_the_rest_is_published() {
    let lab = Lab::new(200, 100);
    let server = Server::start([page(100, 200), page(100, 200)]).await;
    let queue = Arc::new(HangingQueue::new(lab.queue.clone(), 0, false));
    let fetcher = lab.fetcher_on(&server, Arc::clone(&queue) as Arc<dyn Queue>, Arc::new(lab.clock.clone()));
    crash(&fetcher, queue.hangs.notified()).await;
    drop(fetcher);
    let page = lab.settings.spool.join("batches").join(&lab.waiting()[0]).join("page-00001");
    std::fs::write(&page, "rotten").unwrap();
    run_until(&lab.fetcher(&server), "page 2 and a letter", || incidents(&lab).len() == 1).await;
    assert_eq!(
        (lab.ids(QueueName::Raw), lab.ids(QueueName::Rows)),
        (vec![PAGE_2.to_owned()], vec![FETCHED.to_owned()])
    );
    assert!(incidents(&lab)[0].starts_with("spool_corrupt/"), "{:?}", incidents(&lab));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn made_up_pages_of_another_source_are_dropped() {
    let lab = Lab::new(200, 100);
    let simulated = reply(200, &["x-coinpipe-simulated: true"], page_body(100, 200));
    let server = Server::start([simulated, Reply::Mute]).await;
    let fetcher = lab.fetcher_on(&server, Arc::new(lab.queue.clone()), Arc::new(ManualClock::default()));
    crash(&fetcher, until("the second request", || server.requests().len() == 2)).await;
    drop(fetcher);
    let mut real = Server::start([page(100, 200), page(100, 200)]).await;
    real.url = real.url.replace("127.0.0.1", "localhost");
    run_until(&lab.fetcher(&real), "the real batch", || lab.ids(QueueName::Rows).len() == 1).await;
    let metas = lab.queue.messages(QueueName::Raw).into_iter();
    assert!(metas.map(|page| PageMeta::from_headers(&page.headers).unwrap()).all(|meta| !meta.simulated));
    assert_eq!(lab.ids(QueueName::Raw), [PAGE_1, PAGE_2]);
}

#[tokio::test]
async fn a_spool_in_use_is_an_error_that_names_the_lock() {
    let lab = Lab::new(100, 100);
    let server = Server::start([]).await;
    let _first = lab.fetcher(&server);
    let text = format!("{:#}", Spool::open(&lab.settings.spool).expect_err("refused"));
    assert!(text.contains(&lab.dir.path().join("spool/lock").display().to_string()), "{text}");
}

#[tokio::test]
async fn nothing_in_the_spool_or_the_queue_holds_the_key() {
    let lab = Lab::new(200, 100);
    let echo = reply(400, &[], format!("no such thing for {KEY}"));
    let server = Server::start([page(100, 200), echo]).await;
    let fetcher = lab.fetcher_on(&server, lab.refusing(), Arc::new(ManualClock::default()));
    let letters = lab.settings.spool.join("letters");
    run_until(&fetcher, "a letter and a batch", || std::fs::read_dir(&letters).unwrap().count() == 1).await;
    let mut looked_at = 0;
    let mut dirs = vec![lab.settings.spool.clone()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            looked_at += 1;
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()), "{}", path.display());
        }
    }
    assert!(looked_at >= 4, "lock, manifest, page and letter: {looked_at}");
}
