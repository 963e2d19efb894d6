//! One snapshot: what goes to the queue, and what a failing API makes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Origin, PageMeta, decompress_body,
    wire::{self, RowsMessage},
};
use ports::{Clock, QueueName};
use testkit::clock::ManualClock;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::OnceFailure;
use crate::testing::{KEY, Lab, Server, api_error, page, page_body, reply};

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
    let [announcement] = &lab.announcements()[..] else { panic!("one announcement") };
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

/// A page of `rows` coins, when the API does not say how many there are.
fn page_of_unknown(rows: u32) -> crate::testing::Reply {
    reply(200, &[], page_body(rows, 0).replace(r#","total_count":0"#, ""))
}

#[tokio::test]
async fn a_short_or_empty_page_ends_the_snapshot_and_is_part_of_it() {
    for (replies, pages) in [
        (vec![page_of_unknown(99)], 1),
        (vec![page(100, 100)], 1),
        (vec![page(100, 199), page(99, 199)], 2),
        (vec![page_of_unknown(100), page_of_unknown(0)], 2),
    ] {
        let lab = Lab::new(250, 100);
        let server = Server::start(replies.clone()).await;
        let fetched =
            lab.fetcher(&server).fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap();
        assert_eq!((fetched.pages, server.requests().len()), (pages, replies.len()), "{replies:?}");
        assert_eq!((lab.ids(QueueName::Raw).len(), fetched.verdict), (replies.len(), None));
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
    let counted = lab.metrics.render();
    for line in [r#"snapshots_total{ending="complete"} 1"#, r#"snapshots_total{ending="gave_up"} 0"#] {
        assert!(counted.contains(line), "{line} is not in\n{counted}");
    }
}

/// Is set back an hour while the first sleeper sleeps.
#[derive(Debug)]
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
        assert!(lab.metrics.render().contains(r#"snapshots_total{ending="gave_up"} 1"#), "{code}");
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
    let counted = lab.metrics.render();
    assert!(counted.contains(r#"coinpipe_snapshots_total{ending="gave_up"} 1"#), "{counted}");
    // Two pages, what was fetched, and the letter.
    assert!(counted.contains(r#"coinpipe_messages_published_total{stage="fetcher"} 4"#), "{counted}");
}
