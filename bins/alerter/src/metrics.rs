//! What the desk counts.

use domain::Class;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use telemetry::{MetricSet, Metrics};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabel {
    class: &'static str,
}

/// Makes the alerter's metrics show, at zero.
pub fn declare_metrics(metrics: &Metrics) {
    metrics.set::<LetterMetrics>();
}

/// Letters that were filed. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct LetterMetrics {
    filed: Family<ClassLabel, Counter>,
}

impl MetricSet for LetterMetrics {
    fn register(registry: &mut Registry) -> Self {
        let filed = Family::<ClassLabel, Counter>::default();
        for class in Class::ALL {
            // The series is what is wanted; what is returned is a lock.
            drop(filed.get_or_create(&ClassLabel { class: class.as_str() }));
        }
        registry.register(
            "letters_filed",
            "Dead letters filed, by class: of all stages, rejected rows and incidents included",
            filed.clone(),
        );
        Self { filed }
    }
}

impl LetterMetrics {
    /// A letter of `class` was filed.
    pub(crate) fn filed(&self, class: Class) {
        self.filed.get_or_create(&ClassLabel { class: class.as_str() }).inc();
    }
}
