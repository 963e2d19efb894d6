//! `coinpipe batches drop`: a snapshot of nonsense has never been, whatever is delivered or replayed after.

use domain::Origin;
use ports::QueueName;
use serde_json::Value;
use sqlkit::Client;

use crate::market::{announcement, nonsense, page_of};
use crate::oracle::{tables, tables_of};
use crate::place::{Place, Servers, compare};
use crate::process::Folder;
use crate::workers::{Worker, crew, dismiss};

/// Coins in each snapshot: four chunks.
const COINS: u32 = 200;

/// The snapshot of nonsense.
const BAD: &str = "2026-11-22T02:00:00Z/listings/USD";

/// `coinpipe` with these arguments: its exit code, and what it said.
async fn asked(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Worker::operate(place, args);
    let code = command.ended().await;
    (code, command.log())
}

pub(crate) async fn batches(place: &Place) -> Value {
    serde_json::from_str(&Worker::print(place, &["batches", "--json"]).await).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_a_snapshot_of_nonsense_is_taken_out() {
    a_snapshot_of_nonsense_is_taken_out(Place::embedded(1000).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_a_snapshot_of_nonsense_is_taken_out() {
    let Some(servers) = Servers::start().await else { return };
    a_snapshot_of_nonsense_is_taken_out(Place::on(&servers, 1000).await).await;
}

async fn a_snapshot_of_nonsense_is_taken_out(place: Place) {
    let workers = crew(&place);
    place.publish(0..2, COINS).await;
    for (queue, message) in [(QueueName::Raw, nonsense(2, COINS)), (QueueName::Rows, announcement(2))] {
        place.publish_one(queue, message).await;
    }
    place.until_complete(3).await;
    place.until_empty().await;
    let pages: Vec<_> =
        (0..2).map(|batch| page_of(batch, COINS, Origin::Live)).chain([nonsense(2, COINS)]).collect();
    compare(&place.store.tables().await, &tables_of(&pages).await);
    dismiss(workers).await;

    // Its page was delivered once more, and its chunks wait while it is dropped.
    let transformer = Worker::start(&place, "transformer", &[]);
    place.publish_one(QueueName::Raw, nonsense(2, COINS)).await;
    place.until_waiting(QueueName::Rows, 4).await;
    transformer.stop().await;

    let why = "every price is a million times too high";
    let dry = Worker::print(&place, &["batches", "drop", BAD, "--why", why, "--dry-run"]).await;
    assert!(dry.contains("200 coins") && dry.contains("2026-11-22T01:00:00Z"), "{dry}");
    assert_eq!(batches(&place).await[0]["dropped_at"], Value::Null);

    // On servers the neighbour is rebuilt by the workers that run.
    let workers = if place.is_embedded() { Vec::new() } else { crew(&place) };
    let said = Worker::print(&place, &["batches", "drop", BAD, "--why", why, "--yes"]).await;
    assert!(said.contains("200 quotes left the history") && said.contains("Rebuilt"), "{said}");
    place.until_empty().await;
    compare(&place.store.tables().await, &tables(0..2, COINS).await);
    dismiss(workers).await;

    let workers = crew(&place);
    let (code, said) = asked(&place, &["replay", "--all"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("dropped"), "{said}");
    let (code, said) = asked(&place, &["replay", "--batch", BAD]).await;
    assert!(code == Some(1) && said.contains("--even-dropped"), "{said}");
    place.publish(3..4, COINS).await;
    place.until_complete(4).await;
    place.until_empty().await;
    compare(&place.store.tables().await, &tables([0, 1, 3], COINS).await);
    let record = &batches(&place).await[1];
    assert_eq!((record["id"].as_str(), record["dropped_why"].as_str()), (Some(BAD), Some(why)));
    assert_eq!(
        (record["complete"].as_bool(), record["missing"].as_array().map(Vec::len)),
        (Some(false), Some(0))
    );

    // As `batches` shows the id of a simulated one.
    let (code, said) =
        asked(&place, &["replay", "--batch", &format!("{BAD} (simulated)"), "--even-dropped"]).await;
    assert_eq!(code, Some(0), "{said}");
    let pages: Vec<_> = pages.into_iter().chain([page_of(3, COINS, Origin::Live)]).collect();
    compare(&place.store.tables().await, &tables_of(&pages).await);
    assert_eq!(batches(&place).await[1]["dropped_at"], Value::Null);
    assert_eq!(place.letters().await, Vec::<String>::new());
    dismiss(workers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_meant_changes_nothing_and_the_newest_that_is_dropped_is_told() {
    let place = Place::embedded(1000).await;
    let workers = crew(&place);
    place.publish(0..3, COINS).await;
    place.until_complete(3).await;
    place.until_empty().await;
    dismiss(workers).await;
    for (args, code, says) in [
        (&["yesterday", "--why", "x", "--yes"][..], 2, "is not a batch id"),
        (
            &["2026-11-22T09:00:00Z/listings/USD", "--why", "x", "--yes"],
            1,
            "the nearest: 2026-11-22T02:00:00Z",
        ),
        (&[BAD, "--why", "", "--yes"], 2, "--why"),
        (&[BAD, "--why", " \t", "--yes"], 2, "it is empty"),
        (&[BAD, "--yes"], 2, "--why"),
        (&[BAD, "--why", "x"], 2, "--yes does it"),
    ] {
        let (ended, said) = asked(&place, &[&["batches", "drop"], args].concat()).await;
        assert!(ended == Some(code) && said.contains(says), "{args:?}: {ended:?} {said}");
    }
    compare(&place.store.tables().await, &tables(0..3, COINS).await);

    for _ in 0..2 {
        let (code, said) = asked(&place, &["batches", "drop", BAD, "--why", "a try", "--yes"]).await;
        assert_eq!(code, Some(0), "{said}");
        compare(&place.store.tables().await, &tables(0..2, COINS).await);
    }
    let (_, said) = Worker::ask_all(&place, &["batches", "drop", BAD, "--why", "another", "--dry-run"]).await;
    assert!(said.contains("a try") && said.contains("this --why is not kept"), "{said}");
    let (code, said) = asked(&place, &["replay", "--all", "--even-dropped"]).await;
    assert!(code == Some(2) && said.contains("goes with --batch"), "{code:?} {said}");
    compare(&place.store.tables().await, &tables(0..2, COINS).await);
    let status = Worker::print(&place, &["status"]).await;
    let line = status.lines().find(|line| line.starts_with("dropped")).unwrap_or_default();
    assert!(line.contains(BAD) && line.ends_with("a try"), "{status}");
    assert!(status.contains("fetched") && status.contains("01:00:01"), "{status}");
    assert_eq!(Worker::print(&place, &["batches", "--json", "--incomplete"]).await.trim(), "[]");
}

/// A quote that several snapshots had is one row, which names the newest; the others may have been of other coins or currencies.
#[tokio::test]
async fn what_other_snapshots_had_too_comes_back() {
    for (first, between, dropped) in
        [(("300", ""), None, ("300", "1,2,52,74,1027")), (("300", ""), Some(("100", "")), ("300", ""))]
    {
        let folder = Folder::new();
        let env = |(limit, ids): (&'static str, &'static str)| {
            [
                ("COINPIPE__FETCH__LIMIT", limit),
                ("COINPIPE__FETCH__IDS", ids),
                ("COINPIPE__JUDGE__FEWER", "off"),
            ]
        };
        for order in [Some(first), between, Some(dropped)].into_iter().flatten() {
            folder.run(&["--once"], &env(order)).await.expect(0);
        }
        let batches = folder.run(&["batches", "--json"], &[]).await.expect(0).json();
        let newest = batches[0]["id"].as_str().expect("an id").to_owned();
        folder.run(&["batches", "drop", &newest, "--why", "a try", "--yes"], &[]).await.expect(0);
        let client = Client::Sqlite(folder.0.path().join("coinpipe.db"));
        let held = client.found("SELECT count(*) AS n FROM quotes_latest", &["n"]).await;
        assert_eq!(held, ["300"], "{dropped:?}");
        folder.run(&["verify"], &[]).await.expect(0);
    }
}
