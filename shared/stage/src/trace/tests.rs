use std::sync::{Arc, Mutex};

use domain::MessageId;
use opentelemetry::trace::{SpanKind, TracerProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::*;

/// Keeps the spans that ended on this thread while it lives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collected(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Collected {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().append(&mut batch);
        Ok(())
    }
}

impl Collected {
    pub(crate) fn start() -> (Self, DefaultGuard) {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let collected = Self::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(collected.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        (collected, tracing_subscriber::registry().with(layer).set_default())
    }

    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.0.lock().unwrap().clone()
    }
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

pub(crate) fn traced() -> Headers {
    Headers::new()
        .with(header::TRACEPARENT, format!("00-{TRACE}-{PARENT}-01"))
        .with(header::TRACESTATE, "vendor=it")
}

fn message(headers: Headers) -> Message {
    Message { id: MessageId::new("m"), headers, body: b"body"[..].into() }
}

#[test]
fn a_message_carries_its_trace_on_through_a_stage() {
    let (collected, _guard) = Collected::start();
    let span = handling(QueueName::Raw, &message(traced()));
    let mut output = Headers::new();
    pass_on(&span, &traced(), &mut output);
    drop(span);
    let spans = collected.spans();
    let [handled] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((handled.name.as_ref(), &handled.span_kind), ("process raw", &SpanKind::Consumer));
    assert_eq!(handled.span_context.trace_id().to_string(), TRACE);
    assert_eq!(handled.parent_span_id.to_string(), PARENT);
    let expected = format!("00-{TRACE}-{}-01", handled.span_context.span_id());
    assert_eq!(output.get(header::TRACEPARENT), Some(expected.as_str()));
    assert_eq!(output.get(header::TRACESTATE), Some("vendor=it"));
}

#[test]
fn a_message_without_a_trace_or_with_a_senseless_one_begins_one() {
    let (collected, _guard) = Collected::start();
    let long = "0".repeat(100_000);
    for senseless in ["", "00", "no trace", "00-0-0-0", &format!("00-{}-{PARENT}-01", "0".repeat(32)), &long]
    {
        let headers = Headers::new().with(header::TRACEPARENT, senseless);
        let span = handling(QueueName::Raw, &message(headers.clone()));
        let mut output = headers.clone();
        pass_on(&span, &headers, &mut output);
        drop(span);
        let handled = collected.spans().pop().unwrap();
        assert_eq!(handled.parent_span_id.to_string(), "0".repeat(16), "{senseless}");
        let expected =
            format!("00-{}-{}-01", handled.span_context.trace_id(), handled.span_context.span_id());
        assert_eq!(output.get(header::TRACEPARENT), Some(expected.as_str()));
        assert_eq!(output.get(header::TRACESTATE), None);
    }
}

/// A fetcher and a loader that send traces, around a transformer that does not.
#[test]
fn where_nothing_collects_traces_headers_are_passed_on_as_they_came() {
    let span = handling(QueueName::Raw, &message(traced()));
    let mut output = Headers::new().with(header::BATCH, "b");
    pass_on(&span, &traced(), &mut output);
    assert_eq!(output, traced().with(header::BATCH, "b"));
}

#[test]
fn what_is_done_again_begins_a_trace_of_its_own() {
    let mut headers = traced().with(header::BATCH, "b");
    forget(&mut headers);
    assert_eq!(headers, Headers::new().with(header::BATCH, "b"));
}
