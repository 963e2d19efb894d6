//! What the market has beside its listings, through the real program: fetched, loaded, shown, paid for, replayed.

use std::net::Ipv4Addr;
use std::sync::Arc;

use domain::MarketKind;
use ports::SystemClock;
use simulator::{Options, Simulator};
use sqlkit::Client;
use testkit::contents::Contents as _;

use crate::process::{DEADLINE, Folder, end, signal, until_said};

const EVERY: [(&str, &str); 4] = [
    ("COINPIPE__MARKET__MAP", "24h"),
    ("COINPIPE__MARKET__GLOBAL_METRICS", "24h"),
    ("COINPIPE__MARKET__FEAR_AND_GREED", "24h"),
    ("COINPIPE__MARKET__CMC100", "24h"),
];

#[tokio::test]
async fn all_kinds_come_into_their_tables_and_a_replay_changes_nothing() {
    let options = Options { coins: 6000, ..Options::default() };
    let api = Simulator::start((Ipv4Addr::LOCALHOST, 0).into(), options, Arc::new(SystemClock));
    let api = api.await.expect("an API");
    let url = api.url();
    let folder = Folder::new();
    let own = [
        ("COINPIPE__FETCH__BASE_URL", url.as_str()),
        ("CMC_API_KEY", "key"),
        ("COINPIPE__FETCH__CONVERT", "USD,EUR"),
        ("COINPIPE__FETCH__LIMIT", "300"),
        ("COINPIPE__FETCH__EVERY", "24h"),
    ];
    let env = [&own[..], &EVERY].concat();
    let checked = folder.run(&["check"], &env).await.expect(0).stdout;
    // Two currencies of the metrics, the feeling and the index, thirty times.
    assert!(
        checked.contains("30 snapshots × 3 + 120 for [market] = 210 of 2,000,000 credits a month"),
        "{checked}"
    );
    let mut child = folder.command("coinpipe", &["run"], &env).spawn().expect("it starts");
    until_said(&mut child, "leading").await;
    let batches = until_complete(&folder, 5).await;
    signal(&child, "TERM").await;
    assert_eq!(end(child).await, Some(0));
    let told: Vec<_> = batches
        .iter()
        .map(|batch| {
            let id = batch["id"].as_str().expect("an id");
            (
                id.split_once('/').expect("a slot").1.to_owned(),
                batch["credits"].as_u64(),
                batch["pages"].as_u64(),
            )
        })
        .collect();
    for expected in [
        ("listings/USD,EUR", Some(3), Some(1)),
        ("map/-", Some(0), Some(2)),
        ("global/USD,EUR", Some(2), Some(2)),
        ("fear-and-greed/-", Some(1), Some(1)),
        ("cmc100/-", Some(1), Some(1)),
    ] {
        let (batch, credits, pages) = expected;
        assert!(told.contains(&(batch.to_owned(), credits, pages)), "{batch}: {told:?}");
    }
    let client = Client::Sqlite(folder.0.path().join("coinpipe.db"));
    let mut held = Vec::new();
    for (kind, rows) in [
        (MarketKind::Map, 6600),
        (MarketKind::GlobalMetrics, 2),
        (MarketKind::FearAndGreed, 1),
        (MarketKind::Cmc100, 1),
    ] {
        let entries = client.market(kind).await;
        assert_eq!(entries.len(), rows, "{kind}");
        held.push(entries);
    }
    let sql =
        "SELECT count(*) AS coins, sum(is_active) AS active, count(vanished_at) AS gone FROM coin_activity";
    assert_eq!(client.found(sql, &["coins", "active", "gone"]).await, ["6600 6000 0"]);
    let sql = "SELECT json_array_length(constituents) AS constituents FROM market_indexes WHERE index_name = 'cmc100'";
    assert_eq!(client.found(sql, &["constituents"]).await, ["100"]);
    let status = folder.status().await;
    assert_eq!(
        (&status["tables"]["coins"], &status["dead_letter_groups"]),
        (&300.into(), &serde_json::json!([]))
    );
    assert_eq!(status["batches"].as_array().expect("a list").len(), 5);
    assert_eq!(status["last_batch_credits"], 3);
    let verified = folder.run(&["verify", "--json"], &env).await.expect(0).json();
    assert_eq!(
        (&verified["pages"], &verified["pages_without_quotes"]),
        (&1.into(), &6.into()),
        "{verified:#}"
    );
    // Again, from the archive.
    let replayed = folder.run(&["replay", "--all"], &env).await.expect(0);
    assert!(replayed.stderr.is_empty() || !replayed.stderr.contains("ERROR"), "{}", replayed.stderr);
    for (kind, before) in
        [MarketKind::Map, MarketKind::GlobalMetrics, MarketKind::FearAndGreed, MarketKind::Cmc100]
            .into_iter()
            .zip(held)
    {
        assert_eq!(client.market(kind).await, before, "{kind}");
    }
    let batches = until_complete(&folder, 5).await;
    assert!(batches.iter().all(|batch| batch["replays"] == 1), "{batches:#?}");
}

/// The batches, once there are `count` and all are complete.
async fn until_complete(folder: &Folder, count: usize) -> Vec<serde_json::Value> {
    let complete = async {
        loop {
            let batches = folder.run(&["batches", "--json"], &[]).await.expect(0).json();
            let batches = batches.as_array().expect("a list").clone();
            if batches.len() == count && batches.iter().all(|batch| batch["complete"] == true) {
                return batches;
            }
        }
    };
    tokio::time::timeout(DEADLINE, complete).await.expect("all batches are complete in time")
}
