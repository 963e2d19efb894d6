//! One trace follows a batch from its fetch to the commit of its rows, across programs and brokers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use ports::store::BatchRecord;
use prost::Message as _;

use crate::place::{Place, Servers};
use crate::process::{DEADLINE, Folder};
use crate::workers::Worker;

/// A span as it was sent, with what the tests look at.
#[derive(Clone, Debug)]
struct Span {
    service: String,
    name: String,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    kind: SpanKind,
    attributes: BTreeMap<String, String>,
}

/// An OpenTelemetry collector: takes what programs send, over HTTP.
#[derive(Clone)]
struct Collector {
    url: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let spans = Arc::default();
        let routes = axum::Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&spans));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, spans }
    }

    fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("nobody panicked").clone()
    }
}

async fn take(State(spans): State<Arc<Mutex<Vec<Span>>>>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    let mut spans = spans.lock().expect("nobody panicked");
    for resource in request.resource_spans {
        let about = attributes(resource.resource.unwrap_or_default().attributes);
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span {
                service: about["service.name"].clone(),
                name: span.name,
                trace: span.trace_id,
                id: span.span_id,
                parent: span.parent_span_id,
                kind: SpanKind::try_from(span.kind).expect("a kind"),
                attributes: attributes(span.attributes),
            });
        }
    }
    StatusCode::OK
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value| match value {
        Value::StringValue(text) => text,
        other => format!("{other:?}"),
    };
    pairs.into_iter().filter_map(|pair| Some((pair.key, text(pair.value?.value?)))).collect()
}

/// Four programs send their traces; the first batch is one of them.
async fn a_batch_is_one_trace(place: &Place) {
    let collector = Collector::start().await;
    let env = [("COINPIPE__TELEMETRY__OTLP_URL", collector.url.as_str())];
    let workers =
        ["transformer", "loader", "alerter", "fetcher"].map(|name| Worker::start(place, name, &env));
    let complete = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        loop {
            let batches = place.store.ledger().batches(1).await.expect("the ledger can be read");
            if let Some(batch) = batches.into_iter().find(BatchRecord::is_complete) {
                return batch;
            }
            look.tick().await;
        }
    };
    let batch = tokio::time::timeout(DEADLINE, complete).await;
    let batch = batch
        .unwrap_or_else(|_| panic!("nothing complete:\n{}", workers.each_ref().map(Worker::log).join("\n")));
    // What is left is sent at the end.
    for worker in workers {
        worker.stop().await;
    }

    let spans = collector.spans();
    let dump = || format!("{spans:#?}");
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let of_batch = |span: &&&Span| span.attributes.get("coinpipe.batch") == Some(&batch.id.to_string());
    let one = |name: &str| {
        let found = named(name);
        let found: Vec<_> = found.iter().filter(of_batch).collect();
        let [span] = found.as_slice() else { panic!("{} of {name}:\n{}", found.len(), dump()) };
        (**span).clone()
    };
    let fetch = one("fetch listings");
    let publish = one("publish raw");
    let clean = one("process raw");
    assert_eq!((fetch.service.as_str(), fetch.parent.len()), ("fetcher", 0), "{}", dump());
    assert_eq!((publish.kind, &publish.parent), (SpanKind::Producer, &fetch.id), "{}", dump());
    assert_eq!((clean.kind, &clean.parent), (SpanKind::Consumer, &publish.id), "{}", dump());
    assert_eq!(
        (clean.service.as_str(), clean.attributes["coinpipe.outcome"].as_str()),
        ("transformer", "done")
    );
    let requests: Vec<_> = named("GET").into_iter().filter(|span| span.parent == fetch.id).collect();
    assert_eq!(requests.len(), 1, "{}", dump());

    let loads = named("process rows");
    let loads: Vec<_> = loads.iter().filter(of_batch).collect();
    // 4,000 coins in chunks of 50, and the announcement, which comes from the fetcher.
    let from = |parent: &Span| loads.iter().filter(|load| load.parent == parent.id).count();
    assert_eq!((from(&clean), from(&publish)), (80, 1), "{}", dump());
    let commits = named("commit");
    for load in &loads {
        assert_eq!((load.service.as_str(), &load.trace), ("loader", &fetch.trace));
        let commits = commits.iter().filter(|commit| commit.parent == load.id).count();
        assert_eq!(commits, usize::from(load.parent == clean.id), "{}", dump());
    }
    assert!([&publish, &clean, requests[0]].iter().all(|span| span.trace == fetch.trace), "{}", dump());
}

#[tokio::test]
async fn a_batch_is_one_trace_through_a_file() {
    a_batch_is_one_trace(&Place::embedded(1000).await).await;
}

#[tokio::test]
async fn private_servers_a_batch_is_one_trace_through_servers() {
    let Some(servers) = Servers::start().await else { return };
    a_batch_is_one_trace(&Place::on(&servers, 1000).await).await;
}

#[tokio::test]
async fn a_collector_that_is_away_or_refuses_costs_traces_and_nothing_else() {
    let collector = Collector::start().await;
    let refuses = format!("{}/no/such/path", collector.url);
    for url in ["http://127.0.0.1:9", refuses.as_str()] {
        let folder = Folder::new();
        let ended = folder.run(&["--once"], &[("COINPIPE__TELEMETRY__OTLP_URL", url)]).await.expect(0);
        assert_eq!(ended.stderr.matches("traces cannot be sent").count(), 1, "{}", ended.stderr);
        assert_eq!(folder.status().await["batches"][0]["complete"], true);
    }
}

/// A replay is work of its own, whenever its pages were fetched.
#[tokio::test]
async fn a_replayed_page_begins_a_trace() {
    let collector = Collector::start().await;
    let folder = Folder::new();
    let env = [("COINPIPE__TELEMETRY__OTLP_URL", collector.url.as_str())];
    folder.run(&["--once"], &env).await.expect(0);
    folder.run(&["replay", "--all"], &env).await.expect(0);
    let spans = collector.spans();
    let cleaned: Vec<_> = spans.iter().filter(|span| span.name == "process raw").collect();
    let [live, replayed] = cleaned.as_slice() else { panic!("{spans:#?}") };
    assert!(!live.parent.is_empty() && replayed.parent.is_empty(), "{spans:#?}");
    assert_ne!(live.trace, replayed.trace);
}
