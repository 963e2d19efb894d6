//! Traces: one follows a batch from its fetch to the commit of its rows, across processes.
//!
//! A message carries the trace it belongs to in its headers, as the [W3C Trace Context] says. What a stage does with the
//! message is a span of that trace, and what the stage publishes carries the trace on.
//!
//! Spans of traces are apart from the spans that log lines name: they have a [`TARGET`] of their own, so that each side
//! holds what is meant for it and nothing else. Where nothing collects traces these spans cost next to nothing, and
//! headers are passed on as they came.
//!
//! Names follow the [OpenTelemetry conventions] for messages.
//!
//! [W3C Trace Context]: https://www.w3.org/TR/trace-context/
//! [OpenTelemetry conventions]: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/

use domain::{Headers, Message, header};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{Status, TraceContextExt as _};
use ports::QueueName;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The target of the spans that belong to traces.
pub const TARGET: &str = "coinpipe::trace";

/// The span of handling `message` from `queue`, in the trace that the message names.
pub fn handling(queue: QueueName, message: &Message) -> Span {
    let span = info_span!(
        target: TARGET,
        "process",
        otel.name = format!("process {queue}"),
        otel.kind = "consumer",
        messaging.operation.name = "process",
        messaging.operation.r#type = "process",
        messaging.destination.name = %queue,
        messaging.message.id = %message.id,
        messaging.message.body.size = message.body.len(),
        coinpipe.batch = message.headers.get(header::BATCH),
        coinpipe.attempt = message.attempt(),
        coinpipe.outcome = tracing::field::Empty,
    );
    follow(&span, &message.headers);
    span
}

/// The span of a step within what the current one is about.
pub fn step(name: &'static str) -> Span {
    info_span!(target: TARGET, "step", otel.name = name)
}

/// Makes `span`, which was not entered yet, part of the trace that `headers` name. Without one it begins a trace.
pub fn follow(span: &Span, headers: &Headers) {
    let parent =
        opentelemetry::global::get_text_map_propagator(|propagator| propagator.extract(&Extracted(headers)));
    if parent.span().span_context().is_valid() {
        // The only way to fail is that nothing collects traces.
        let _ = span.set_parent(parent);
    }
}

/// Makes `headers` name the trace of `span`; or, where nothing collects traces, what `came` names.
pub fn pass_on(span: &Span, came: &Headers, headers: &mut Headers) {
    let context = span.context();
    if context.span().span_context().is_valid() {
        forget(headers);
        inject(&context, headers);
        return;
    }
    for name in NAMES {
        if let Some(value) = came.get(name) {
            headers.set(name, value);
        }
    }
}

/// Removes the trace from `headers`: a replay begins a new trace.
pub fn forget(headers: &mut Headers) {
    for name in NAMES {
        headers.remove(name);
    }
}

/// Marks the work of `span` as failed for `reason`, one sentence without secrets.
pub fn failed(span: &Span, reason: &str) {
    span.set_status(Status::error(reason.to_owned()));
}

const NAMES: [&str; 2] = [header::TRACEPARENT, header::TRACESTATE];

fn inject(context: &Context, headers: &mut Headers) {
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(context, &mut Injected(headers));
    });
}

struct Extracted<'a>(&'a Headers);

impl Extractor for Extracted<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name).collect()
    }
}

struct Injected<'a>(&'a mut Headers);

impl Injector for Injected<'_> {
    fn set(&mut self, key: &str, value: String) {
        // An empty list of states is no header.
        if !value.is_empty() {
            self.0.set(key, value);
        }
    }
}

#[cfg(test)]
mod tests;
