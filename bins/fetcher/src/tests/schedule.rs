//! The schedule: which slots are fetched, and what the API's limits do to them.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{Chunk, Slot};
use ports::{Clock, QueueName, Store};
use tokio::sync::mpsc;

use super::*;
use crate::spool::PageRecord;
use crate::testing::{Lab, Lines, Server, api_error, page, reply};

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

/// The slot keeps its even name; only the asking waits.
#[tokio::test]
async fn a_slot_is_fetched_at_its_offset_without_a_bell() {
    let mut lab = Lab::new(100, 100);
    lab.settings.offset = config::Offset::After(Duration::from_secs(100));
    lab.clock.0.set(instant("2026-11-22T14:59:59Z"));
    let server = Server::start([page(100, 100), page(100, 100)]).await;
    let fetcher = lab.fetcher(&server);
    let (bell, rung) = mpsc::channel(1);
    let mut is_next = false;
    run_with(&fetcher, rung, "two batches", || {
        if !is_next && lab.ids(QueueName::Rows).len() == 1 {
            is_next = true;
            lab.clock.0.set(instant("2026-11-22T15:00:00Z"));
            bell.try_send(()).unwrap();
        }
        lab.ids(QueueName::Rows).len() == 2
    })
    .await;
    let metas: Vec<_> = lab
        .queue
        .messages(QueueName::Raw)
        .iter()
        .map(|page| domain::PageMeta::from_headers(&page.headers).unwrap())
        .collect();
    let told: Vec<_> = metas.iter().map(|meta| (meta.slot, meta.fetched_at)).collect();
    let slot = |text| Slot::at(instant(text));
    assert_eq!(
        told[0],
        (slot("2026-11-22T14:00:00Z"), instant("2026-11-22T14:59:59Z")),
        "the first comes at once"
    );
    assert_eq!(told[1], (slot("2026-11-22T15:00:00Z"), instant("2026-11-22T15:01:40Z")));
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
        let lines = Lines::default();
        let guard = tracing::subscriber::set_default(lines.clone());
        run_idle(&lab.fetcher(&server)).await;
        drop(guard);
        assert_eq!(server.requests().len(), requests, "{slot}");
        let said = lines.0.lock().unwrap().join("\n");
        assert_eq!(said.contains("has a snapshot already"), requests == 0, "{slot}: {said}");
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
pub(super) async fn load(lab: &Lab, slot: &str) {
    load_as(lab, slot, false).await;
}

/// The same of a snapshot that is made up, or not.
async fn load_as(lab: &Lab, slot: &str, simulated: bool) {
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
        simulated,
    };
    let chunk = Chunk {
        page: order.meta(&record, 1),
        chunk: 1,
        chunks: 1,
        size: None,
        sorted: false,
        replay: None,
        transformed_at: instant(slot),
        coins_in: 0,
        rejected: 0,
        rows: Vec::new(),
    };
    lab.store.load(&chunk).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_that_was_made_up_is_none_for_a_source_that_is_real() {
    let lab = Lab::new(100, 100);
    let server = Server::start([page(100, 100)]).await;
    load_as(&lab, "2026-11-22T14:00:00Z", true).await;
    run_until(&lab.fetcher(&server), "a batch", || lab.ids(QueueName::Raw) == [PAGE_1]).await;
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
    assert!(reasons(&lab).iter().all(|reason| reason.contains("HTTP 500")), "{:?}", reasons(&lab));
    assert!(lab.metrics.render().contains(r#"snapshots_total{ending="gave_up"} 1"#));
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
