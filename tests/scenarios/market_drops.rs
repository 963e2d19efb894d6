//! Batches of what is fetched beside the quotes are dropped, replayed and verified like any other.

use domain::{
    ApiVersion, BatchId, Fetched, Headers, MarketKind, Message, Origin, PageMeta, Slot, compress_body,
    timestamp, wire,
};
use ports::QueueName;
use testkit::contents::Contents as _;
use testkit::tables::MarketEntry;

use crate::place::{Place, Servers};
use crate::verify::{client, verified, wrong};
use crate::workers::{Worker, crew, dismiss};

fn slot(hour: i64) -> Slot {
    let start = timestamp::from_text("2026-11-22T00:00:00Z").expect("a valid constant");
    Slot::at(start + chrono::TimeDelta::hours(hour))
}

fn batch(kind: MarketKind, hour: i64) -> BatchId {
    BatchId::new(slot(hour), kind.description().endpoint, &kind.currencies(&["USD".to_owned()]))
}

/// What the API says at `hour`. The feeling is of one instant at all hours; the last map lacks coin 2 and has coin 9.
fn data(kind: MarketKind, hour: i64) -> String {
    let at = slot(hour);
    match kind {
        MarketKind::Map => {
            let ids: &[u32] = if hour < 2 { &[1, 2, 3] } else { &[1, 3, 9] };
            let coins = ids.iter().map(|id| {
                format!(r#"{{"id":{id},"rank":{id},"name":"Coin {id} at {hour}","symbol":"C{id}","slug":"c{id}","is_active":1}}"#)
            });
            format!("[{}]", coins.collect::<Vec<_>>().join(","))
        }
        MarketKind::GlobalMetrics => {
            format!(r#"{{"last_updated":"{at}","quote":{{"USD":{{"total_market_cap":{}}}}}}}"#, 1000 + hour)
        }
        MarketKind::FearAndGreed => {
            format!(r#"{{"value":{},"value_classification":"Fear","update_time":"{}"}}"#, 20 + hour, slot(0))
        }
        MarketKind::Cmc100 => format!(r#"{{"value":{},"last_update":"{at}"}}"#, 200 + hour),
    }
}

/// The page of `kind` that was fetched for `hour`, and its announcement.
fn messages(kind: MarketKind, hour: i64) -> [(QueueName, Message); 2] {
    let meta = PageMeta {
        batch: batch(kind, hour),
        slot: slot(hour),
        page: 1,
        pages: 1,
        fetched_at: slot(hour).starts_at() + chrono::TimeDelta::seconds(1),
        endpoint: kind.description().endpoint.to_owned(),
        api_version: ApiVersion::V3,
        convert: kind.currencies(&["USD".to_owned()]),
        currency: None,
        simulated: false,
        origin: Origin::Live,
    };
    let fetched = Fetched {
        batch: meta.batch.clone(),
        slot: meta.slot,
        endpoint: meta.endpoint.clone(),
        api_version: meta.api_version,
        convert: meta.convert.clone(),
        fetched_at: meta.fetched_at,
        pages: 1,
        credits: 1,
        simulated: false,
        verdict: None,
    };
    let body = format!(r#"{{"status":{{"error_code":0}},"data":{}}}"#, data(kind, hour));
    let announcement = Message {
        id: fetched.message_id(),
        headers: Headers::new(),
        body: wire::encode_fetched(&fetched).into(),
    };
    [(QueueName::Raw, meta.to_message(compress_body(body.as_bytes()))), (QueueName::Rows, announcement)]
}

/// The rows of all kinds, and which coins vanished.
async fn held(place: &Place) -> (Vec<Vec<MarketEntry>>, Vec<testkit::tables::Vanished>) {
    let client = client(place);
    let mut rows = Vec::new();
    for kind in MarketKind::ALL {
        rows.push(client.market(kind).await);
    }
    (rows, client.vanished().await)
}

async fn publish(place: &Place, hour: i64) {
    for (queue, message) in MarketKind::ALL.into_iter().flat_map(|kind| messages(kind, hour)) {
        place.publish_one(queue, message).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_batches_of_the_market_are_dropped_replayed_and_verified() {
    batches_of_the_market_are_dropped_replayed_and_verified(Place::embedded(1000).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_batches_of_the_market_are_dropped_replayed_and_verified() {
    let Some(servers) = Servers::start().await else { return };
    batches_of_the_market_are_dropped_replayed_and_verified(Place::on(&servers, 1000).await).await;
}

async fn batches_of_the_market_are_dropped_replayed_and_verified(place: Place) {
    let mut workers = crew(&place);
    for hour in 0..2 {
        publish(&place, hour).await;
    }
    place.until_complete(8).await;
    place.until_empty().await;
    let before = held(&place).await;
    publish(&place, 2).await;
    place.until_complete(12).await;
    place.until_empty().await;
    let with_bad = held(&place).await;
    assert!(before != with_bad && with_bad.1.contains(&(2, Some(slot(2).starts_at()))), "{with_bad:#?}");
    if place.is_embedded() {
        dismiss(std::mem::take(&mut workers)).await;
    }

    for kind in MarketKind::ALL {
        let id = batch(kind, 2);
        let (code, said) =
            Worker::ask_all(&place, &["batches", "drop", id.as_str(), "--why", "nonsense", "--yes"]).await;
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("Dropped") && said.contains(kind.description().table), "{said}");
        let rebuilt = format!("Rebuilt   {}", batch(kind, 1));
        assert!(said.contains(&rebuilt) && said.matches("Rebuilt").count() == 1, "only its own kind: {said}");
    }
    place.until_empty().await;
    assert_eq!(held(&place).await, before);
    let (code, report) = verified(&place, &[]).await;
    assert_eq!((code, wrong(&report)), (Some(0), Vec::new()), "{report:#}");
    assert_eq!((&report["pages_dropped"], &report["pages_without_quotes"]), (&4.into(), &8.into()));

    // What is delivered once more, and what is replayed, brings nothing back.
    publish(&place, 2).await;
    let (code, said) = Worker::ask_all(&place, &["replay", "--all"]).await;
    assert!(code == Some(0) && said.contains("12 rows of the market"), "{said}");
    assert!(said.contains("4 pages of batches that were dropped"), "{said}");
    place.until_empty().await;
    assert_eq!(held(&place).await, before);

    for kind in MarketKind::ALL {
        let id = batch(kind, 2);
        let (code, said) = Worker::ask_all(&place, &["replay", "--batch", id.as_str()]).await;
        assert!(code == Some(1) && said.contains("--even-dropped"), "{said}");
        let (code, said) =
            Worker::ask_all(&place, &["replay", "--batch", id.as_str(), "--even-dropped"]).await;
        assert_eq!(code, Some(0), "{said}");
    }
    place.until_empty().await;
    assert_eq!(held(&place).await, with_bad);

    // A row that names a batch that was dropped, from a backup say, is told and taken out.
    let index = batch(MarketKind::Cmc100, 2);
    let (code, said) =
        Worker::ask_all(&place, &["batches", "drop", index.as_str(), "--why", "nonsense", "--yes"]).await;
    assert_eq!(code, Some(0), "{said}");
    let left = held(&place).await;
    let other = batch(MarketKind::Cmc100, 1);
    let stray = format!("UPDATE market_indexes SET batch_id = '{index}' WHERE batch_id = '{other}'");
    client(&place).execute(&stray).await;
    let (code, report) = verified(&place, &["--repair"]).await;
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(wrong(&report), [(index.to_string(), 0, 0, "not_out".to_owned())]);
    place.until_empty().await;
    assert_eq!(held(&place).await, left);
    assert_eq!(place.letters().await, Vec::<String>::new());
    dismiss(workers).await;
}
