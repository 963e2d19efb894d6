//! A collector of traces, in memory.

use std::sync::{Arc, Mutex};

use domain::{Headers, header};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Keeps the spans that ended on this thread while it lives.
#[derive(Clone, Debug, Default)]
pub struct Collected(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Collected {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().append(&mut batch);
        Ok(())
    }
}

impl Collected {
    /// Keeps them from now on, on this thread, until the guard is dropped.
    pub fn start() -> (Self, DefaultGuard) {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let collected = Self::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(collected.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        (collected, tracing_subscriber::registry().with(layer).set_default())
    }

    /// The spans that ended so far.
    pub fn spans(&self) -> Vec<SpanData> {
        self.0.lock().unwrap().clone()
    }
}

/// The id of the trace that [`traced`] names.
pub const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
/// The id of the span that [`traced`] names.
pub const PARENT: &str = "b7ad6b7169203331";

/// Headers of a message that belongs to a trace.
pub fn traced() -> Headers {
    Headers::new()
        .with(header::TRACEPARENT, format!("00-{TRACE}-{PARENT}-01"))
        .with(header::TRACESTATE, "vendor=it")
}
