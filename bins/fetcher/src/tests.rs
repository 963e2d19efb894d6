//! The whole fetcher, from the API to the queue: snapshots, schedules, outages and crashes.

mod leader;
mod simulated;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Chunk, DeadLetter, Origin, PageMeta, Slot, decompress_body, timestamp,
    wire::{self, RowsMessage},
};
use ports::{Clock, ManualClock, Queue, QueueName, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::spool::PageRecord;
use crate::testing::{HangingQueue, KEY, Lab, Reply, Server, api_error, page, page_body, reply, until};
use crate::{Fetcher, Health, OnceFailure, Step, Watch};

const PAGE_1: &str = "2026-11-22T14:00:00Z/listings/USD/p1";
const PAGE_2: &str = "2026-11-22T14:00:00Z/listings/USD/p2";
const FETCHED: &str = "2026-11-22T14:00:00Z/listings/USD/fetched";
const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Watch for Seen {
    fn step(&self, step: Step<'_>) {
        self.0.lock().unwrap().push(step.to_string());
    }
}

fn instant(text: &str) -> DateTime<Utc> {
    timestamp::from_text(text).unwrap()
}

/// Runs the schedule without clokwerk until `holds`, then stops it and waits for its end.
async fn run_until(fetcher: &Fetcher, what: &str, holds: impl FnMut() -> bool) {
    let (_bell, rung) = mpsc::channel(1);
    run_with(fetcher, rung, what, holds).await;
}

/// Runs the schedule until it has nothing to do: a bell is heard only after what was due before is done.
async fn run_idle(fetcher: &Fetcher) {
    let (bell, rung) = mpsc::channel(1);
    bell.try_send(()).unwrap();
    run_with(fetcher, rung, "a heard bell", || bell.capacity() == 1).await;
}

async fn run_with(fetcher: &Fetcher, rung: mpsc::Receiver<()>, what: &str, holds: impl FnMut() -> bool) {
    let stop = CancellationToken::new();
    let watched = async {
        until(what, holds).await;
        stop.cancel();
    };
    let running = tokio::time::timeout(DEADLINE, fetcher.run_on(rung, stop.clone()));
    let (result, ()) = tokio::join!(running, watched);
    result.expect("the fetcher stops when asked to").unwrap();
}

/// Code and occasion of each letter on the dead queue.
fn incidents(lab: &Lab) -> Vec<String> {
    lab.ids(QueueName::Dead).iter().map(|id| id.trim_start_matches("incident/fetcher/").to_owned()).collect()
}

fn reasons(lab: &Lab) -> Vec<String> {
    let letters = lab.queue.messages(QueueName::Dead).into_iter();
    letters.map(|message| DeadLetter::from_message(message, lab.clock.now()).reason).collect()
}

#[tokio::test]
async fn a_snapshot_goes_to_the_queue_as_it_was_received() {
    let lab = Lab::new(250, 100);
    let server = Server::start([page(100, 9000), page(100, 9000), page(50, 9000)]).await;
    lab.clock.0.set(instant("2026-11-22T14:23:11.5Z"));
    let seen = Seen::default();
    let fetched = lab.fetcher(&server).fetch_now(&seen, CancellationToken::new()).await.unwrap();

    assert_eq!(server.ranges(), ["start=1&limit=100", "start=101&limit=100", "start=201&limit=50"]);
    let batch = "2026-11-22T14:23:11Z/listings/USD";
    assert_eq!(fetched.batch.as_str(), batch);
    assert_eq!((fetched.pages, fetched.coins, fetched.credits, fetched.simulated), (3, 250, 3, false));
    let pages = lab.queue.messages(QueueName::Raw);
    assert_eq!(lab.ids(QueueName::Raw), [1, 2, 3].map(|page| format!("{batch}/p{page}")));
    for (number, (message, rows)) in (1..).zip(pages.iter().zip([100, 100, 50])) {
        let meta = PageMeta::from_headers(&message.headers).unwrap();
        assert_eq!((meta.page, meta.pages, meta.origin), (number, 3, Origin::Live));
        assert_eq!(meta.fetched_at, instant("2026-11-22T14:23:11.5Z"));
        assert_eq!(decompress_body(&message.body).unwrap(), page_body(rows, 9000).as_bytes());
    }
    let [announcement] = &lab.queue.messages(QueueName::Rows)[..] else { panic!("one announcement") };
    let RowsMessage::Fetched(announced) = wire::decode(&announcement.body).unwrap() else {
        panic!("of a batch")
    };
    assert_eq!((announced.pages, announced.credits, announced.fetched_at), (3, 3, fetched.fetched_at));
    assert_eq!(announcement.id, announced.message_id());
    assert_eq!(announcement.headers.get("x-batch"), Some(batch));
    assert!(lab.waiting().is_empty() && incidents(&lab).is_empty());
    let seen = seen.0.into_inner().unwrap();
    assert_eq!(seen[..2], ["fetching page 1 of 3", "received page 1 of 3: 100 coins, 2 KiB"]);
    assert_eq!(seen.last().unwrap(), &format!("published {batch}"));
}

#[tokio::test]
async fn a_short_or_empty_page_ends_the_snapshot_and_is_part_of_it() {
    for (replies, pages) in [
        (vec![page(0, 0)], 1),
        (vec![page(99, 9000)], 1),
        (vec![page(100, 100)], 1),
        (vec![page(100, 9000), page(0, 9000)], 2),
    ] {
        let lab = Lab::new(250, 100);
        let server = Server::start(replies.clone()).await;
        let fetched =
            lab.fetcher(&server).fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap();
        assert_eq!((fetched.pages, server.requests().len()), (pages, replies.len()), "{replies:?}");
        assert_eq!(lab.ids(QueueName::Raw).len(), replies.len());
    }
}

#[tokio::test]
async fn trouble_that_passes_is_waited_out_and_reported_once() {
    let lab = Lab::new(100, 100);
    let busy = || reply(503, &[], "busy");
    let server =
        Server::start([busy(), busy(), api_error(429, 1008), reply(200, &[], "<html>"), page(100, 100)])
            .await;
    let fetcher = lab.fetcher(&server);
    let seen = Seen::default();
    fetcher.fetch_now(&seen, CancellationToken::new()).await.unwrap();
    assert_eq!(incidents(&lab), ["http_503/2026-11-22T14:00:00Z"]);
    // 5 s, 10 s, the next minute, 40 s; each after the first is somewhere between its half and whole.
    let waited = lab.clock.now() - instant("2026-11-22T14:00:00Z");
    assert!((TimeDelta::seconds(80)..TimeDelta::seconds(110)).contains(&waited), "{waited}");
    let waits = seen.0.into_inner().unwrap().iter().filter(|step| step.starts_with("waiting until")).count();
    assert_eq!(waits, 4);
    assert!(matches!(fetcher.last_outcome(), Health::OkSince(_)));
}

/// Is set back an hour while the first sleeper sleeps.
struct SetBack {
    inner: ManualClock,
    sleeps: AtomicUsize,
}

#[async_trait]
impl Clock for SetBack {
    fn now(&self) -> DateTime<Utc> {
        self.inner.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.inner.advance(duration);
        if self.sleeps.fetch_add(1, Ordering::Relaxed) == 0 {
            self.inner.set(self.inner.now() - TimeDelta::hours(1));
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_clock_set_back_does_not_make_a_short_wait_long() {
    let lab = Lab::new(100, 100);
    let server = Server::start([reply(503, &[], "busy"), page(100, 100)]).await;
    let clock = Arc::new(SetBack { inner: ManualClock::default(), sleeps: AtomicUsize::new(0) });
    let fetcher = lab.fetcher_on(&server, Arc::new(lab.queue.clone()), Arc::clone(&clock) as Arc<dyn Clock>);
    fetcher.fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap();
    assert_eq!(clock.sleeps.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_person_who_waits_is_told_soon_that_it_is_in_vain() {
    // Replies, expected code, requests made.
    for (replies, code, requests) in [
        (vec![api_error(401, 1001)], "api_1001", 1),
        (vec![api_error(402, 1004)], "api_1004", 1),
        (vec![api_error(429, 1009)], "api_1009", 1),
        // The second request asks when the plan's month ends.
        (vec![api_error(429, 1010)], "api_1010", 2),
        (vec![reply(503, &[], "busy"); 6], "http_503", 6),
        (vec![reply(503, &["retry-after: 3000"], "busy")], "http_503", 1),
    ] {
        let lab = Lab::new(100, 100);
        let server = Server::start(replies).await;
        let fetcher = lab.fetcher(&server);
        let failure = fetcher.fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap_err();
        assert_eq!(server.requests().len(), requests, "{code}");
        assert!(matches!(&failure, OnceFailure::GaveUp { code: found, .. } if found == code), "{failure:?}");
        assert!(!format!("{failure} {failure:?}").contains(KEY));
        assert!(lab.waiting().is_empty() && lab.ids(QueueName::Raw).is_empty());
        assert!(incidents(&lab).iter().any(|id| id.starts_with(code)), "{:?}", incidents(&lab));
        assert!(matches!(fetcher.last_outcome(), Health::FailingSince { .. }));
    }
}

#[tokio::test]
async fn a_hint_says_what_to_do() {
    let lab = Lab::new(100, 100);
    let server = Server::start([api_error(401, 1001)]).await;
    let failure =
        lab.fetcher(&server).fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap_err();
    let text = failure.to_string();
    assert!(
        text.contains("error 1001 (HTTP 401): because") && text.contains("check fetch.api_key"),
        "{text}"
    );
}

#[tokio::test]
async fn pages_that_were_paid_for_are_published_when_the_rest_does_not_come() {
    let lab = Lab::new(300, 100);
    let server = Server::start([page(100, 9000), page(100, 9000), api_error(429, 1009)]).await;
    let failure = lab.fetcher(&server).fetch_now(&Seen::default(), CancellationToken::new()).await;
    assert!(failure.is_err());
    let pages = lab.queue.messages(QueueName::Raw);
    let metas: Vec<_> = pages.iter().map(|page| PageMeta::from_headers(&page.headers).unwrap()).collect();
    assert_eq!(metas.iter().map(|meta| (meta.page, meta.pages)).collect::<Vec<_>>(), [(1, 3), (2, 3)]);
    assert_eq!(lab.ids(QueueName::Rows), [FETCHED]);
}

#[tokio::test]
async fn the_schedule_fetches_at_once_and_then_in_each_slot() {
    let lab = Lab::new(100, 100);
    let server = Server::start([page(100, 100), page(100, 100)]).await;
    let fetcher = lab.fetcher(&server);
    let (bell, rung) = mpsc::channel(1);
    let mut phase = 0;
    run_with(&fetcher, rung, "two batches", || {
        let published = lab.ids(QueueName::Rows).len();
        if phase == 0 && published == 1 {
            // Within the slot the bell changes nothing; in the next it does.
            phase = 1;
            bell.try_send(()).unwrap();
        } else if phase == 1 && bell.capacity() == 1 {
            phase = 2;
            assert_eq!(server.requests().len(), 1);
            lab.clock.0.set(instant("2026-11-22T15:00:00Z"));
            bell.try_send(()).unwrap();
        }
        published == 2
    })
    .await;
    assert_eq!(lab.ids(QueueName::Raw), [PAGE_1, "2026-11-22T15:00:00Z/listings/USD/p1"]);
    assert!(lab.waiting().is_empty());
}

#[tokio::test]
async fn a_restart_within_the_slot_does_not_pay_again() {
    let lab = Lab::new(100, 100);
    let server = Server::start([page(100, 100), page(100, 100)]).await;
    run_until(&lab.fetcher(&server), "a batch", || lab.ids(QueueName::Rows).len() == 1).await;
    lab.clock.0.set(instant("2026-11-22T14:59:00Z"));
    run_idle(&lab.fetcher(&server)).await;
    // A clock that was set back an hour has nothing new to say either.
    lab.clock.0.set(instant("2026-11-22T14:10:00Z"));
    run_idle(&lab.fetcher(&server)).await;
    assert_eq!(server.requests().len(), 1);
    lab.clock.0.set(instant("2026-11-22T17:30:00Z"));
    run_until(&lab.fetcher(&server), "the next batch", || lab.ids(QueueName::Rows).len() == 2).await;
    assert_eq!(lab.ids(QueueName::Raw)[1], "2026-11-22T17:00:00Z/listings/USD/p1");
}

#[tokio::test]
async fn a_slot_that_is_in_the_tables_is_not_fetched_again() {
    for (slot, requests) in
        [("2026-11-22T14:00:00Z", 0), ("2026-11-22T14:23:11Z", 0), ("2026-11-22T13:00:00Z", 1)]
    {
        let lab = Lab::new(100, 100);
        let server = Server::start([page(100, 100)]).await;
        lab.clock.0.set(instant("2026-11-22T14:30:00Z"));
        load(&lab, slot).await;
        run_idle(&lab.fetcher(&server)).await;
        assert_eq!(server.requests().len(), requests, "{slot}");
    }
}

#[tokio::test]
async fn a_store_that_is_away_does_not_keep_the_schedule_from_starting() {
    let lab = Lab::new(100, 100);
    let server = Server::start([page(100, 100)]).await;
    lab.store.set_available(false);
    run_until(&lab.fetcher(&server), "a batch", || lab.ids(QueueName::Rows).len() == 1).await;
}

/// Puts one chunk of the batch of `slot` into the store.
async fn load(lab: &Lab, slot: &str) {
    let server = Server::start([]).await;
    let fetcher = lab.fetcher(&server);
    let order = fetcher.order(Slot::at(instant(slot)));
    let record = PageRecord {
        page: 1,
        asked: 100,
        rows: 0,
        total_count: None,
        credits: 1,
        fetched_at: instant(slot),
        simulated: false,
    };
    let chunk = Chunk {
        page: order.meta(&record, 1),
        chunk: 1,
        chunks: 1,
        transformed_at: instant(slot),
        coins_in: 0,
        rejected: 0,
        rows: Vec::new(),
    };
    lab.store.load(&chunk).await.unwrap();
}

#[tokio::test]
async fn an_outage_that_outlasts_the_slot_is_two_letters_and_the_next_slot_tries_anew() {
    let lab = Lab::new(100, 100);
    let mut script = vec![reply(500, &[], "busy"); 40];
    script.truncate(40);
    let server = Server::start(script).await;
    let fetcher = lab.fetcher(&server);
    run_until(&fetcher, "the end of the slot", || incidents(&lab).len() == 2).await;
    assert_eq!(incidents(&lab), ["http_500/2026-11-22T14:00:00Z", "http_500/2026-11-22T14:00:00Z/given-up"]);
    // At most every five minutes once it lasts.
    assert!((10..40).contains(&server.requests().len()), "{}", server.requests().len());
    assert!(lab.clock.now() < instant("2026-11-22T15:00:00Z"));
    let Health::FailingSince { since, reason } = fetcher.last_outcome() else { panic!("it fails") };
    assert_eq!(since, instant("2026-11-22T14:00:00Z"));
    assert!(reason.contains("HTTP 500"), "{reason}");
}

#[tokio::test]
async fn a_bad_key_is_one_letter_a_day_however_many_slots() {
    let lab = Lab::new(100, 100);
    let server = Server::start(vec![api_error(401, 1001); 30]).await;
    let fetcher = lab.fetcher(&server);
    let (bell, rung) = mpsc::channel(1);
    run_with(&fetcher, rung, "twelve slots", || {
        let requests = server.requests().len();
        if requests > 0
            && lab.clock.now()
                < instant("2026-11-22T14:00:00Z") + TimeDelta::hours(requests.try_into().unwrap())
        {
            lab.clock.0.advance(Duration::from_hours(1));
            bell.try_send(()).ok();
        }
        requests >= 12 && incidents(&lab).len() >= 2
    })
    .await;
    assert_eq!(incidents(&lab), ["api_1001/2026-11-22", "api_1001/2026-11-23"]);
    assert!(reasons(&lab)[0].contains("check fetch.api_key"), "{:?}", reasons(&lab));
}

#[tokio::test]
async fn a_daily_limit_silences_the_slots_until_it_ends_or_six_hours_passed() {
    let lab = Lab::new(100, 100);
    lab.clock.0.set(instant("2026-11-22T10:00:00Z"));
    let server = Server::start(vec![api_error(429, 1009); 3]).await;
    let fetcher = lab.fetcher(&server);
    let (bell, rung) = mpsc::channel(1);
    let mut hours = 0;
    run_with(&fetcher, rung, "eight slots", || {
        // The bell is quiet when the slot is served.
        if !server.requests().is_empty() && bell.capacity() == 1 && hours < 8 {
            hours += 1;
            lab.clock.0.advance(Duration::from_hours(1));
            bell.try_send(()).unwrap();
        }
        hours == 8 && server.requests().len() == 2 && incidents(&lab).len() == 1
    })
    .await;
    assert_eq!(incidents(&lab), ["api_1009/2026-11-22"]);
}

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

fn is_sealed(lab: &Lab, name: &str) -> bool {
    let path = lab.settings.spool.join("batches").join(name).join("batch.json");
    std::fs::read_to_string(path).is_ok_and(|json| !json.contains(r#""pages":null"#))
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
            let before: Vec<_> =
                [QueueName::Raw, QueueName::Rows].map(|name| lab.queue.messages(name)).concat();
            assert_eq!(before.len(), if after { call + 1 } else { call });

            lab.clock.0.advance(Duration::from_mins(1));
            run_until(&lab.fetcher(&server), "the whole batch", || lab.waiting().is_empty()).await;
            for (name, ids) in [(QueueName::Raw, vec![PAGE_1, PAGE_2]), (QueueName::Rows, vec![FETCHED])] {
                let messages = lab.queue.messages(name);
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

/// Runs until `moment` and drops the run there, as a power cut would.
async fn crash(fetcher: &Fetcher, moment: impl Future<Output = ()>) {
    let (_bell, rung) = mpsc::channel(1);
    tokio::select! {
        result = fetcher.run_on(rung, CancellationToken::new()) => panic!("it ended: {result:?}"),
        moment = tokio::time::timeout(DEADLINE, moment) => moment.expect("it never came to that"),
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
async fn letters_wait_for_the_queue_across_a_restart() {
    let lab = Lab::new(100, 100);
    let server = Server::start([api_error(401, 1001)]).await;
    lab.queue.set_available(false);
    let fetcher = lab.fetcher(&server);
    assert!(fetcher.fetch_now(&Seen::default(), stopping()).await.is_err());
    let fetching = fetcher.run_on(mpsc::channel(1).1, stopping());
    fetching.await.unwrap();
    drop(fetcher);
    let fetcher = lab.fetcher_on(&server, Arc::new(lab.queue.clone()), Arc::new(ManualClock::default()));
    let letters = lab.settings.spool.join("letters");
    run_until(&fetcher, "a letter on disk", || std::fs::read_dir(&letters).unwrap().count() == 1).await;
    drop(fetcher);
    lab.queue.set_available(true);
    let server = Server::start([page(100, 100)]).await;
    run_until(&lab.fetcher(&server), "the letter", || incidents(&lab) == ["api_1001/2026-11-22"]).await;
    assert_eq!(std::fs::read_dir(&letters).unwrap().count(), 0);
}

fn stopping() -> CancellationToken {
    let stop = CancellationToken::new();
    stop.cancel();
    stop
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
    let (queue, clock) = (lab.queue.clone(), lab.clock.clone());
    let second = Fetcher::new(
        lab.settings.clone(),
        server.source(),
        Arc::new(queue.clone()),
        Arc::new(queue),
        None,
        Arc::new(clock),
    );
    let text = format!("{:#}", second.err().expect("refused"));
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
