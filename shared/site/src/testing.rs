//! The site over a store in memory, for tests.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use config::Config;
use service::{Queues, Stores};
use telemetry::Metrics;
use testkit::clock::ManualClock;
use testkit::memory::{MemoryQueue, MemoryStore};
use tower::ServiceExt;

use crate::{Context, Parts, router};

/// The site over a store in memory.
pub(crate) struct Site {
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
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let queue = Arc::new(MemoryQueue::new(clock.clone()));
        let context = Context::new(Parts {
            stores: Stores::of(store),
            queues: Queues { queue: queue.clone(), archive: queue.clone(), leadership: queue },
            clock,
            config: Config::defaults(),
            metrics: Metrics::default(),
        });
        Self { router: router(&context), context }
    }

    /// Asks for `path`.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    /// Asks.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
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
