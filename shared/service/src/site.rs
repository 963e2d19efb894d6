//! The place of the site in a process: what answers all but health and metrics, once it was handed over.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::StageName;
use tower::ServiceExt;

/// The site of a process, if it has one.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    is_expected: bool,
    routes: Arc<OnceLock<Router>>,
    address: Arc<OnceLock<SocketAddr>>,
}

impl Site {
    /// The site of a process of `stages`. One without an alerter has none: it may have no store.
    pub(crate) fn of(stages: &[StageName]) -> Self {
        Self {
            is_expected: stages.contains(&StageName::Alerter),
            routes: Arc::default(),
            address: Arc::default(),
        }
    }

    /// Answers with `routes` from now on. `false` when something else was handed over before, which stays.
    pub(crate) fn hand_over(&self, routes: Router) -> bool {
        self.routes.set(routes).is_ok()
    }

    /// Notes where the process listens.
    pub(crate) fn is_served_at(&self, address: SocketAddr) {
        // A process listens once.
        let _ = self.address.set(address);
    }

    /// Where the process listens, if it does.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address.get().copied()
    }

    /// Answers `request`.
    pub(crate) async fn answer(&self, request: Request) -> Response {
        match self.routes.get() {
            Some(routes) => routes.clone().oneshot(request).await.into_response(),
            None if self.is_expected => {
                // A browser looks again by itself.
                let again = [(header::REFRESH, "3"), (header::RETRY_AFTER, "3")];
                (StatusCode::SERVICE_UNAVAILABLE, again, "starting: waiting for the store\n").into_response()
            }
            None => {
                let text = "this process serves /livez, /readyz and /metrics; the site is served by coinpipe and alerter\n";
                (StatusCode::NOT_FOUND, text).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::routing::get;

    use super::*;

    async fn ask(site: &Site) -> (StatusCode, String) {
        let answer = site.answer(Request::get("/").body(Body::empty()).unwrap()).await;
        let status = answer.status();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn it_starts_before_it_has_its_store() {
        let site = Site::of(&StageName::ALL);
        let (status, text) = ask(&site).await;
        assert_eq!(
            (status, text.as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "starting: waiting for the store\n")
        );
        assert!(site.hand_over(Router::new().route("/", get(async || "the market"))));
        assert_eq!(ask(&site).await, (StatusCode::OK, "the market".to_owned()));
        assert!(!site.hand_over(Router::new()));
    }

    #[tokio::test]
    async fn a_process_without_a_store_has_none() {
        assert_eq!(ask(&Site::of(&[StageName::Fetcher])).await.0, StatusCode::NOT_FOUND);
    }
}
