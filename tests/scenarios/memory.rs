//! What one message may cost: at most 4 × its decoded size + 64 MiB in each stage, whatever it is. Measured at the real
//! programs, as the most memory that the system ever saw them have.

mod shapes;

use std::time::Duration;

use axum::extract::Query;
use axum::routing::get;
use domain::{Message, MessageId, Origin, compress_body};
use ports::QueueName;

use crate::market;
use crate::place::{Place, Servers};
use crate::workers::Worker;

const MIB: usize = 1 << 20;

/// How long the stages may take for a large message, on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a message of so many bytes, decoded, may cost, in MiB.
fn allowed(decoded: usize) -> u64 {
    (4 * decoded / MIB + 64) as u64
}

/// Stages that take messages off a queue, and what each has when it has nothing to do, in MiB.
struct Stages(Vec<(Worker, u64)>);

impl Stages {
    /// Starts them and lets them do their work once, so that what they need for it is there.
    async fn start(place: &Place, names: &[&'static str]) -> Self {
        let settings = [("COINPIPE__TRANSFORM__CHUNK_COINS", "1000"), ("COINPIPE__QUEUE__LEASE", "60s")];
        let workers: Vec<_> = names.iter().map(|name| Worker::start(place, name, &settings)).collect();
        place.publish(0..1, 1000).await;
        for worker in &workers {
            match worker.name {
                "transformer" => worker.until_said("cleaned page").await,
                "loader" => place.until_complete(1).await,
                _ => worker.until_said("starting").await,
            }
        }
        let idle = |worker: Worker| {
            let idle = worker.forget_peak_memory();
            (worker, idle)
        };
        Self(workers.into_iter().map(idle).collect())
    }

    /// Publishes `message` on `to`, waits until a letter with this code is filed about it, or until it is loaded, and
    /// compares what the stages took with what is allowed for `decoded` bytes.
    ///
    /// A message of 64 MiB or more pays for all of the process; for a smaller one, the process has what it needs itself.
    async fn take(&self, place: &Place, to: QueueName, message: Message, decoded: usize, code: Option<&str>) {
        for (worker, _) in &self.0 {
            worker.forget_peak_memory();
        }
        let id = message.id.clone();
        let loader = self.0.iter().map(|(worker, _)| worker).find(|worker| worker.name == "loader");
        let before = loader.map_or(0, |loader| loader.said("loaded chunk"));
        place.publish_one(to, message).await;
        match (code, loader) {
            (Some(code), _) => place.until_filed(code, id.as_str(), PATIENCE).await,
            (None, Some(loader)) => loader.until_said_times("loaded chunk", before + 1).await,
            (None, None) => panic!("nobody loads it"),
        }
        place.until_empty_of_within(to, PATIENCE).await;
        for (worker, idle) in &self.0 {
            let peak = worker.peak_memory();
            let idle = if decoded < 64 * MIB { *idle } else { 0 };
            assert!(
                peak <= idle + allowed(decoded),
                "{} took {peak} MiB for {id} of {} MiB, more than {idle} + {}",
                worker.name,
                decoded / MIB,
                allowed(decoded)
            );
        }
    }
}

/// The body of a page of so many bytes that is one array of zeros.
fn zeros(bytes: usize) -> String {
    let (begin, end) = (r#"{"status":{"error_code":0},"data":["#, "0]}");
    [begin, &"0,".repeat((bytes - begin.len() - end.len()) / 2), end].concat()
}

/// A page with this body, and an id of its own.
fn page_with(number: u32, body: &str) -> Message {
    Message { body: compress_body(body.as_bytes()).into(), ..market::page(number, Origin::Live) }
}

/// Bytes that are nothing and do not compress.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..bytes / 8).flat_map(|_| next()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_the_largest_messages_take_no_more_than_they_may() {
    the_largest_messages_take_no_more_than_they_may(&Place::embedded(1000).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_the_largest_messages_take_no_more_than_they_may() {
    let Some(servers) = Servers::start().await else { return };
    the_largest_messages_take_no_more_than_they_may(&Place::on(&servers, 1000).await).await;
}

async fn the_largest_messages_take_no_more_than_they_may(place: &Place) {
    let stages = Stages::start(place, &["transformer", "loader", "alerter"]).await;
    let page = page_with(1, &zeros(64 * MIB));
    stages.take(place, QueueName::Raw, page, 64 * MIB, Some("mostly_garbage")).await;
    let noise = domain::Bytes::from(noise(100 * MIB));
    for (to, code) in [
        (QueueName::Raw, "bad_encoding"),
        (QueueName::Rows, "not_a_rows_message"),
        (QueueName::Dead, "no_code"),
    ] {
        let id = MessageId::new(format!("noise/{to}"));
        let message = Message { id, body: noise.clone(), ..market::page(2, Origin::Live) };
        stages.take(place, to, message, noise.len(), Some(code)).await;
    }
    let (codes, mut letters) = (place.letters().await, 0);
    for code in ["mostly_garbage", "bad_encoding", "not_a_rows_message", "no_code"] {
        letters += codes.iter().filter(|letter| letter.starts_with(code)).count();
    }
    assert_eq!((letters, codes.len()), (4, 4), "one letter a message: {codes:?}");
}

/// An API that answers with the largest page there is, twice: one that compresses to nothing, one that hardly does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_the_largest_answers_take_no_more_than_they_may() {
    let texts =
        noise(60 * MIB).into_iter().map(|byte| char::from(b'0' + byte % 64).to_string().replace('\\', "~"));
    let long = format!(r#"{{"status":{{"error_code":0}},"data":["{}"]}}"#, texts.collect::<String>());
    let answers: &'static [String; 2] = Box::leak(Box::new([zeros(64 * MIB), long]));
    let answer = async |Query(query): Query<Vec<(String, String)>>| {
        let is_first = query.iter().any(|(name, value)| name == "start" && value == "1");
        answers[usize::from(!is_first)].as_str()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let routes = axum::Router::new().route("/v3/cryptocurrency/listings/latest", get(answer));
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let place = Place::embedded(1000).await;
    let settings = [
        ("COINPIPE__FETCH__BASE_URL", url.as_str()),
        ("COINPIPE__FETCH__API_KEY", "x"),
        ("COINPIPE__FETCH__LIMIT", "10000"),
        ("COINPIPE__FETCH__PAGE_SIZE", "5000"),
    ];
    let fetcher = Worker::start(&place, "fetcher", &settings);
    fetcher.until_said_within("published a batch", PATIENCE).await;
    place.until_waiting(QueueName::Raw, 2).await;
    let peak = fetcher.peak_memory();
    assert!(peak <= allowed(64 * MIB), "the fetcher took {peak} MiB, more than {}", allowed(64 * MIB));
    fetcher.stop().await;
}
