//! `/livez`, `/readyz` and `/metrics` of every process, and the site of those that have one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use domain::StageName;
use stage::StageMetrics;
use telemetry::Metrics;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::metrics::{Server, ServerMetrics};
use crate::site::Site;

/// Enough for probes, scrapes and browsers, which open six at most to one server. A client that opens more connections must not use up the file handles that stages need.
const LIMITS: web::Limits =
    web::Limits { connections: 64, head: Duration::from_secs(5), whole: Duration::from_secs(15) };

#[derive(Clone)]
struct Health {
    stages: Arc<[StageName]>,
    metrics: Metrics,
    stop: CancellationToken,
}

/// Serves until the process ends. A taken port is an error when it was `chosen` by the operator;
/// otherwise a free one is used, so that several workers start on one machine without settings.
pub(crate) async fn serve(
    listen: &str,
    chosen: bool,
    stages: &[StageName],
    metrics: Metrics,
    site: Site,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let address: SocketAddr = listen.parse().context("http.listen is not an address")?;
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(_) if !chosen => {
            TcpListener::bind(SocketAddr::new(address.ip(), 0)).await.context("no free port")?
        }
        Err(error) => return Err(error).with_context(|| format!("cannot listen on http.listen {address}")),
    };
    info!(address = %listener.local_addr()?, "serving /livez, /readyz and /metrics");
    let router = Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .with_state(Health { stages: stages.into(), metrics, stop })
        .fallback(async move |request: Request| site.answer(request).await);
    // While a process drains, too: until its runtime ends.
    tokio::spawn(web::serve(listener, router, LIMITS, CancellationToken::new()));
    Ok(())
}

/// Ready: every consuming stage has its queue and what it writes to, a fetcher its queue, and nobody asked to stop. A
/// source that is away is no reason: waiting for it is what a fetcher is for.
async fn readyz(State(health): State<Health>) -> impl IntoResponse {
    if health.stop.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned());
    }
    let waiting: Vec<_> = health
        .stages
        .iter()
        .filter(|&&stage| match stage {
            StageName::Fetcher => !health.metrics.set::<ServerMetrics>().is_connected(Server::Queue),
            stage => !StageMetrics::new(&health.metrics, stage).is_consuming(),
        })
        .map(|stage| stage.as_str())
        .collect();
    if waiting.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("waiting: {}\n", waiting.join(", ")))
    }
}

async fn metrics_text(State(health): State<Health>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], health.metrics.render())
}
