//! Sending traces to a collector: OTLP over HTTP, from a thread of its own.
//!
//! Traces are for looking, not for keeping: when the collector is away or slow they are dropped, and nothing waits.

use std::fmt;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use outage::AwayOnce;
use tracing::level_filters::LevelFilter;
use tracing::{Subscriber, info, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::settings::BadSetting;
use crate::{error_chain, trace};

/// The path of traces below a collector's base URL
/// ([OTLP](https://opentelemetry.io/docs/specs/otlp/#otlphttp-request)).
const PATH: &str = "/v1/traces";
/// How long the collector may take to accept spans.
const TIMEOUT: Duration = Duration::from_secs(5);

fn wrong(error: impl std::error::Error) -> BadSetting {
    BadSetting::Collector(error_chain(&error))
}

/// Where the traces of this process go. What is left is sent by [`end`](Self::end).
pub struct Traces {
    provider: Option<SdkTracerProvider>,
}

impl Traces {
    /// To the collector at the base URL `url`, in the name of the process `name`; to nobody when it is empty. Must not
    /// be called in an async runtime.
    pub(crate) fn to(url: &str, name: &str) -> Result<Self, BadSetting> {
        if url.is_empty() {
            return Ok(Self { provider: None });
        }
        let base = url.trim_end_matches('/');
        let mut client = reqwest::blocking::Client::builder()
            .user_agent(concat!("coinpipe/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT);
        if base.starts_with("http:") {
            // Usable on machines without CA certificates.
            client = client.tls_certs_only([]);
        }
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client.build().map_err(wrong)?)
            .with_endpoint(format!("{base}{PATH}"))
            .with_timeout(TIMEOUT)
            .build()
            .map_err(wrong)?;
        let exporter = Reporting { exporter, url: base.to_owned(), away: AwayOnce::default() };
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource(name)).build();
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        Ok(Self { provider: Some(provider) })
    }

    /// What hands the spans of traces over, and no other.
    pub(crate) fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer: SdkTracer = self.provider.as_ref()?.tracer("coinpipe");
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false);
        Some(layer.with_filter(Targets::new().with_target(trace::TARGET, LevelFilter::INFO)))
    }

    /// Sends what is left; gives up after `limit`. Must not be called in an async runtime.
    pub fn end(self, limit: Duration) {
        // What could not be sent was said.
        let _ = self.provider.map(|provider| provider.shutdown_with_timeout(limit));
    }
}

/// Whose traces these are. The variables of the OpenTelemetry SDK have the last word.
fn resource(name: &str) -> Resource {
    let ours = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_service_name(name.to_owned())
        .with_attribute(KeyValue::new("service.namespace", "coinpipe"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", instance()))
        .with_detector(Box::new(EnvResourceDetector::new()));
    match std::env::var("OTEL_SERVICE_NAME") {
        Ok(name) if !name.is_empty() => ours.with_service_name(name),
        _ => ours,
    }
    .build()
}

/// Tells the processes of one stage apart.
fn instance() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", host.trim(), std::process::id())
}

/// Says once that the collector is away, and once that it is back.
struct Reporting<E> {
    exporter: E,
    url: String,
    away: AwayOnce,
}

impl<E> fmt::Debug for Reporting<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporting").field("url", &self.url).finish_non_exhaustive()
    }
}

impl<E: SpanExporter> SpanExporter for Reporting<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.exporter.export(batch).await;
        match &result {
            Err(error) if self.away.failed() => {
                warn!(url = self.url, %error, "traces cannot be sent and are dropped meanwhile (telemetry.otlp_url)");
            }
            Ok(()) if self.away.worked() => info!(url = self.url, "traces are sent again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
