//! The site over a store in memory, for tests.

pub(crate) mod html;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use config::Config;
use desk::Trial;
use domain::{Chunk, CoinRow, Measure, Quote};
use ports::Store;
use service::{Queues, Stores};
use telemetry::Metrics;
use testkit::clock::ManualClock;
use testkit::contract::store::sample;
use testkit::memory::{MemoryQueue, MemoryStore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{Context, Parts, router};

/// The site over a store in memory, at 2026-11-22 14:00 UTC.
pub(crate) struct Site {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) context: Context,
    router: Router,
}

/// What the site answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

impl Site {
    /// A site with an empty store.
    pub(crate) fn new() -> Self {
        Self::with(Config::defaults())
    }

    /// A site with an empty store, and with the defaults that `change` changed.
    pub(crate) fn with_settings(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::defaults();
        change(&mut config);
        Self::with(config)
    }

    /// A site with an empty store and these settings.
    pub(crate) fn with(config: Config) -> Self {
        Self::trying(config, None)
    }

    /// The same, where `trial` tries pages.
    pub(crate) fn trying(config: Config, trial: Option<Arc<dyn Trial>>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let queue = Arc::new(MemoryQueue::new(clock.clone()));
        let context = Context::new(Parts {
            stores: Stores::of(store.clone()),
            queues: Queues { queue: queue.clone(), archive: queue.clone(), leadership: queue },
            clock: clock.clone(),
            config,
            metrics: Metrics::default(),
            trial,
            instance: "0123456789abcdef".to_owned(),
            stop: CancellationToken::new(),
        });
        Self { clock, store, router: router(&context), context }
    }

    /// Loads `rows` as a whole snapshot.
    pub(crate) async fn load(&self, rows: Vec<CoinRow>) {
        let ids: Vec<_> = rows.iter().map(|row| row.coin.id).collect();
        let mut chunk: Chunk = sample::chunk(&ids);
        let convert: Vec<_> = rows[0].quotes.iter().map(|quote| quote.currency.clone()).collect();
        chunk.page.convert = convert;
        chunk.rows = rows;
        self.store.load(&chunk).await.expect("the store is there");
    }

    /// Does `work` while time passes for the site.
    pub(crate) async fn in_passing_time<T>(&self, work: impl Future<Output = T>) -> T {
        let passing = async {
            loop {
                tokio::task::yield_now().await;
                self.clock.advance(Duration::from_secs(1));
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            never = passing => never,
        }
    }

    /// Asks for `path`, as whoever is on this machine.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    /// Asks. A request that names no host means this machine.
    pub(crate) async fn ask(&self, mut request: Request<Body>) -> Answer {
        request.headers_mut().entry(header::HOST).or_insert(HeaderValue::from_static("127.0.0.1:9464"));
        let response = self.router.clone().oneshot(request).await.expect("it always answers");
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a whole body").to_vec();
        Answer { status: head.status, headers: head.headers, body }
    }
}

/// `count` coins with numbers in USD and EUR, of which some are equal and some are missing.
pub(crate) fn coins(count: u32) -> Vec<CoinRow> {
    let row = |id: u32| {
        let mut row = sample::row(id, f64::from(id % 7) + 0.5, sample::at(-60));
        row.quotes = ["USD", "EUR"].into_iter().map(|currency| numbers(id, currency)).collect();
        row
    };
    (1..=count).map(row).collect()
}

fn numbers(id: u32, currency: &str) -> Quote {
    let mut quote = sample::quote(currency, f64::from(id % 7) + 0.5, sample::at(-60));
    let mut set = |measure: Measure, number: Option<f64>| quote.numbers[measure as usize] = number;
    set(Measure::CmcRank, (!id.is_multiple_of(10)).then(|| f64::from(id)));
    set(Measure::MarketCap, Some(f64::from(id / 3) * 1e9));
    set(Measure::PercentChange24h, (!id.is_multiple_of(4)).then(|| f64::from(id % 5) - 2.0));
    quote
}
