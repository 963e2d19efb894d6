//! `/livez`, `/readyz` and `/metrics` of every process, and the site of those that have one.

use std::io;
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
use tracing::{info, warn};

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
/// otherwise a free one is used, so that several workers start on one machine without settings, and a warning says which: at the usual
/// one people see the other process.
pub(crate) async fn serve(
    listen: &str,
    chosen: bool,
    stages: &[StageName],
    metrics: Metrics,
    site: Site,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let address: SocketAddr = listen.parse().context("http.listen is not an address")?;
    let (listener, refused) = bind(address, chosen).await?;
    let served_at = listener.local_addr()?;
    if let Some(error) = refused {
        warn!(address = %served_at, asked_for = %address, "{}", elsewhere(address, served_at, &error));
    }
    info!(address = %served_at, "serving /livez, /readyz and /metrics");
    site.is_served_at(served_at);
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

/// Listens at `address`; where that cannot be and was not `chosen`, at a free port, with why.
async fn bind(address: SocketAddr, chosen: bool) -> anyhow::Result<(TcpListener, Option<io::Error>)> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok((listener, None)),
        Err(error) if chosen => Err(error).with_context(|| format!("cannot listen on http.listen {address}")),
        Err(error) => {
            let free = SocketAddr::new(address.ip(), 0);
            Ok((TcpListener::bind(free).await.context("no free port")?, Some(error)))
        }
    }
}

/// Why this process is not where everybody looks for it, and where it is.
fn elsewhere(address: SocketAddr, served_at: SocketAddr, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => "is taken by another process".to_owned(),
        _ => format!("cannot be used ({error})"),
    };
    format!("{address} {why}; health, metrics and the site of this one are at {served_at}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_finds_the_usual_port_taken_is_told_where_else_it_is() {
        let there = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let taken = there.local_addr().unwrap();
        let (listener, refused) = bind(taken, false).await.unwrap();
        let served_at = listener.local_addr().unwrap();
        assert_ne!(served_at, taken);
        assert_eq!(
            elsewhere(taken, served_at, &refused.unwrap()),
            format!(
                "{taken} is taken by another process; health, metrics and the site of this one are at {served_at}"
            )
        );
        // Whoever chose it wants no other.
        assert!(bind(taken, true).await.is_err());
        drop(there);
        let (again, refused) = bind(taken, false).await.unwrap();
        assert!(refused.is_none() && again.local_addr().unwrap() == taken);
    }
}
