//! The fetcher's part of a batch's trace: the fetch, its requests, and the publishing, which may be another process's.
//!
//! Names follow the OpenTelemetry conventions, as in [`telemetry::trace`].

use domain::Headers;
use ports::QueueName;
use telemetry::trace::TARGET;
use tracing::{Span, info_span};

use crate::spool::Manifest;

/// The span of fetching the batch `order`, which begins a trace that `order` names from now on.
pub(crate) fn fetching(order: &mut Manifest) -> Span {
    let span = info_span!(
        target: TARGET,
        "fetch",
        otel.name = format!("fetch {}", order.endpoint),
        coinpipe.batch = order.batch.as_str(),
    );
    telemetry::trace::pass_on(&span, &Headers::new(), &mut order.trace);
    span
}

/// The span of asking `host` for page `number`, within the one of the fetch.
pub(crate) fn asking(host: &str, number: u32) -> Span {
    info_span!(
        target: TARGET,
        "request",
        otel.name = "GET",
        otel.kind = "client",
        http.request.method = "GET",
        server.address = host,
        coinpipe.page = number,
    )
}

/// The span of publishing what was fetched for `order`, in the trace of the fetch.
pub(crate) fn publishing(order: &Manifest) -> Span {
    let span = info_span!(
        target: TARGET,
        "publish",
        otel.name = format!("publish {}", QueueName::Raw),
        otel.kind = "producer",
        messaging.operation.name = "publish",
        messaging.operation.r#type = "send",
        messaging.destination.name = %QueueName::Raw,
        coinpipe.batch = order.batch.as_str(),
    );
    telemetry::trace::follow(&span, &order.trace);
    span
}
