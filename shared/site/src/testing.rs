//! The site over a store in memory, for tests.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use config::Config;
use service::{Queues, Stores};
use telemetry::Metrics;
use testkit::clock::ManualClock;
use testkit::memory::{MemoryQueue, MemoryStore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{Context, Parts, router};

/// The site over a store in memory.
pub(crate) struct Site {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) context: Context,
    router: Router,
}

/// What the site answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Site {
    /// A site with an empty store.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A site with an empty store, and with the defaults that `change` changed.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::defaults();
        change(&mut config);
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let queue = Arc::new(MemoryQueue::new(clock.clone()));
        let context = Context::new(Parts {
            stores: Stores::of(store),
            queues: Queues { queue: queue.clone(), archive: queue.clone(), leadership: queue },
            clock: clock.clone(),
            config,
            metrics: Metrics::default(),
            trial: None,
            stop: CancellationToken::new(),
        });
        Self { clock, router: router(&context), context }
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
        let body = to_bytes(body, usize::MAX).await.expect("a whole body");
        Answer {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(body.to_vec()).expect("text"),
        }
    }
}
