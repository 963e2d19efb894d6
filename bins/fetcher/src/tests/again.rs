//! Pages that are asked for again: what that may cost, and what becomes of what is there when it does not help.

use ports::QueueName;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::FetchedBatch;
use crate::testing::{Reply, Server, api_error, page, reply};

fn busy() -> Reply {
    reply(503, &[], "busy")
}

/// Fetches by hand from an API that answers with `replies`.
async fn fetch(lab: &Lab, replies: Vec<Reply>) -> (FetchedBatch, Server) {
    let server = Server::start(replies).await;
    let fetched = lab.fetcher(&server).fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap();
    (fetched, server)
}

/// What is there is as good as it gets, and the pages that are missing are asked for.
#[tokio::test]
async fn a_page_that_is_there_is_not_waited_for_when_asking_again_fails() {
    for failure in [busy(), api_error(401, 1001), reply(503, &["retry-after: 3000"], "busy")] {
        let lab = Lab::new(200, 100);
        let (fetched, server) = fetch(&lab, vec![page(90, 200), failure.clone(), page(100, 200)]).await;
        assert_eq!(server.ranges(), ["start=1&limit=100", "start=1&limit=100", "start=101&limit=100"]);
        assert_eq!((fetched.pages, fetched.coins, fetched.credits), (2, 190, 2), "{failure:?}");
        assert!(fetched.verdict.is_some());
        // Nor is another one asked for again.
        let lab = Lab::new(200, 100);
        let (fetched, server) = fetch(&lab, vec![page(90, 200), failure, page(80, 200)]).await;
        assert_eq!((server.ranges().len(), fetched.coins), (3, 170));
    }
}

#[tokio::test]
async fn nothing_is_given_up_when_all_pages_are_there_and_what_was_paid_is_told() {
    let lab = Lab::new(100, 100);
    let server = Server::start(vec![page(90, 100), page(50, 100), busy(), busy(), busy()]).await;
    run_idle(&lab.fetcher(&server)).await;
    assert_eq!(server.requests().len(), 3);
    let mut letters = incidents(&lab);
    letters.sort();
    let slot = "2026-11-22T14:00:00Z";
    assert_eq!(letters[0], format!("batch_incomplete/{slot}/listings/USD"));
    assert!(letters.iter().all(|letter| !letter.ends_with("given-up")), "{letters:?}");
    let announcement = lab.announcements().pop().unwrap();
    let domain::wire::RowsMessage::Fetched(fetched) = domain::wire::decode(&announcement.body).unwrap()
    else {
        panic!("a chunk")
    };
    // 90 coins were kept, and 50 were paid for.
    assert_eq!((fetched.credits, lab.ids(QueueName::Raw)), (2, vec![PAGE_1.to_owned()]));
    assert_eq!(service::waiting(&lab.settings.spool, lab.clock.now()), None);
}

/// A proxy that always cuts a page is paid for once a slot, until it does not.
#[tokio::test]
async fn what_did_not_help_in_one_snapshot_is_not_tried_in_the_next() {
    let lab = Lab::new(100, 100);
    let server = Server::start(vec![
        page(90, 100),
        page(90, 100),
        page(90, 100),
        page(90, 100),
        page(90, 100),
        page(100, 100),
        page(90, 100),
        page(100, 100),
    ])
    .await;
    let fetcher = lab.fetcher(&server);
    let mut asked = Vec::new();
    for _ in 0..5 {
        let before = server.requests().len();
        fetcher.fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap();
        asked.push(server.requests().len() - before);
    }
    assert_eq!(asked, [3, 1, 1, 1, 2]);
}

/// In the order in which it happens; an answer that is no better than the one before is none.
#[tokio::test]
async fn a_page_is_told_when_it_is_kept() {
    let lab = Lab::new(100, 100);
    let server = Server::start(vec![page(90, 100), page(7, 100), page(100, 100)]).await;
    let seen = Seen::default();
    lab.fetcher(&server).fetch_now(&seen, CancellationToken::new()).await.unwrap();
    let steps = seen.0.lock().unwrap().clone();
    let told: Vec<_> = steps.iter().filter_map(|step| step.split([':', '-']).next()).collect();
    let expected = [
        "fetching page 1 of 1",
        "received page 1 of 1",
        "waiting until 2026",
        "fetching page 1 of 1",
        "waiting until 2026",
        "fetching page 1 of 1",
        "received page 1 of 1",
        "published 2026",
    ];
    assert_eq!(told, expected);
}
