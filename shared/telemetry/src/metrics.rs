//! The numbers of a process, for `/metrics`. Each crate declares its own as a [`MetricSet`].

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// A number that goes up and down.
pub type Level = Gauge<f64, AtomicU64>;

/// Metrics that belong together, declared by the crate that sets them. Clones share the values.
pub trait MetricSet: Clone + Send + Sync + 'static {
    /// Makes them, and makes `registry` show them. Names get the prefix `coinpipe_`, counters the ending `_total`.
    fn register(registry: &mut Registry) -> Self;
}

/// The metrics of this process. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    registry: Registry,
    sets: HashMap<TypeId, Box<dyn Any + Send>>,
}

/// The program.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabel {
    version: &'static str,
}

impl Default for Metrics {
    /// Only what every process tells: its version.
    fn default() -> Self {
        let mut registry = Registry::with_prefix("coinpipe");
        registry.register(
            "build",
            "The program",
            Info::new(BuildLabel { version: env!("CARGO_PKG_VERSION") }),
        );
        Self { inner: Arc::new(Mutex::new(Inner { registry, sets: HashMap::new() })) }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// This process's one set of its kind, which is shown from the first time it is asked for.
    pub fn set<S: MetricSet>(&self) -> S {
        let mut inner = self.lock();
        if let Some(set) = inner.sets.get(&TypeId::of::<S>()).and_then(|set| set.downcast_ref::<S>()) {
            return set.clone();
        }
        let set = S::register(&mut inner.registry);
        inner.sets.insert(TypeId::of::<S>(), Box::new(set.clone()));
        set
    }

    /// The text of `/metrics` (`OpenMetrics` 1.0).
    pub fn render(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.lock().registry)
            .expect("a String takes all text");
        text
    }

    /// What a panic interrupted was one set being made.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A level that is not known yet.
pub fn unknown() -> Level {
    let level = Level::default();
    level.set(f64::NAN);
    level
}

/// 1 for yes, 0 for no.
pub fn level(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

/// Prometheus's instants: seconds since 1970.
#[expect(clippy::cast_precision_loss, reason = "exact for milliseconds in any year that matters")]
pub fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    #[derive(Clone)]
    struct Calls(Counter);

    impl MetricSet for Calls {
        fn register(registry: &mut Registry) -> Self {
            let calls = Counter::default();
            registry.register("calls", "Calls", calls.clone());
            Self(calls)
        }
    }

    #[test]
    fn a_set_is_shown_once_from_the_first_time_it_is_asked_for() {
        let metrics = Metrics::default();
        assert!(metrics.render().contains(concat!(
            "coinpipe_build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\"} 1"
        )));
        assert!(!metrics.render().contains("calls"));
        metrics.set::<Calls>().0.inc();
        metrics.clone().set::<Calls>().0.inc();
        let text = metrics.render();
        assert_eq!(text.matches("coinpipe_calls_total").count(), 1, "{text}");
        assert!(text.contains("coinpipe_calls_total 2"), "{text}");
    }
}
