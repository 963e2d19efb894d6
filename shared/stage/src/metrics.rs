//! What every stage counts. All names in one place, every series created at zero, labels bounded.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use domain::{Class, StageName};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Labels of a stage's series.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StageLabel {
    stage: &'static str,
}

/// Labels of settled messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OutcomeLabel {
    stage: &'static str,
    outcome: &'static str,
}

/// Labels of dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ClassLabel {
    stage: &'static str,
    class: &'static str,
}

/// How a delivery was settled, as a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Handled.
    Done,
    /// To be tried again.
    Retry,
    /// Given back because something else was away.
    Outage,
    /// To the dead letters.
    Dead,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Done, Self::Retry, Self::Outage, Self::Dead];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retry => "retry",
            Self::Outage => "outage",
            Self::Dead => "dead",
        }
    }
}

type Histograms = Family<StageLabel, Histogram, fn() -> Histogram>;

/// The series of the stages in this process. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    received: Family<StageLabel, Counter>,
    settled: Family<OutcomeLabel, Counter>,
    dead: Family<ClassLabel, Counter>,
    published: Family<StageLabel, Counter>,
    reconnects: Family<StageLabel, Counter>,
    seconds: Histograms,
    consuming: Family<StageLabel, Gauge<f64, AtomicU64>>,
    registry: Arc<Registry>,
}

fn handle_seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.5, 12))
}

impl Metrics {
    /// The series of `stages`, all at zero.
    pub fn new(stages: &[StageName]) -> Self {
        let mut registry = Registry::with_prefix("coinpipe");
        let received = Family::default();
        let settled = Family::default();
        let dead = Family::default();
        let published = Family::default();
        let reconnects = Family::default();
        let seconds = Histograms::new_with_constructor(handle_seconds);
        let consuming = Family::default();
        registry.register("messages_received", "Messages taken from the stage's queue", received.clone());
        registry.register("messages_settled", "Messages settled, by outcome", settled.clone());
        registry.register("dead_letters", "Messages that went to the dead letters, by class", dead.clone());
        registry.register("messages_published", "Messages published and confirmed", published.clone());
        registry.register("queue_reconnects", "Times the queue session was rebuilt", reconnects.clone());
        registry.register("handle_seconds", "Time to handle one message", seconds.clone());
        registry.register("consuming", "1 while the stage consumes, 0 while it waits", consuming.clone());
        let metrics = Self {
            received,
            settled,
            dead,
            published,
            reconnects,
            seconds,
            consuming,
            registry: Arc::new(registry),
        };
        for &stage in stages {
            metrics.create(stage);
        }
        metrics
    }

    /// `get_or_create` makes a series; what it returns is a lock guard, of no use here.
    fn create(&self, stage: StageName) {
        let label = label(stage);
        drop(self.received.get_or_create(&label));
        drop(self.published.get_or_create(&label));
        drop(self.reconnects.get_or_create(&label));
        drop(self.seconds.get_or_create(&label));
        drop(self.consuming.get_or_create(&label));
        for outcome in Outcome::ALL {
            let label = OutcomeLabel { stage: stage.as_str(), outcome: outcome.as_str() };
            drop(self.settled.get_or_create(&label));
        }
        for class in Class::ALL {
            drop(self.dead.get_or_create(&ClassLabel { stage: stage.as_str(), class: class.as_str() }));
        }
    }

    /// The text of `/metrics` (`OpenMetrics` 1.0).
    pub fn render(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)
            .expect("a String takes all text");
        text
    }

    pub(crate) fn received(&self, stage: StageName) {
        self.received.get_or_create(&label(stage)).inc();
    }

    pub(crate) fn settled(&self, stage: StageName, outcome: Outcome) {
        let label = OutcomeLabel { stage: stage.as_str(), outcome: outcome.as_str() };
        self.settled.get_or_create(&label).inc();
    }

    pub(crate) fn dead(&self, stage: StageName, class: Class) {
        self.dead.get_or_create(&ClassLabel { stage: stage.as_str(), class: class.as_str() }).inc();
    }

    pub(crate) fn published(&self, stage: StageName, count: usize) {
        self.published.get_or_create(&label(stage)).inc_by(count as u64);
    }

    pub(crate) fn reconnected(&self, stage: StageName) {
        self.reconnects.get_or_create(&label(stage)).inc();
    }

    pub(crate) fn handled(&self, stage: StageName, seconds: f64) {
        self.seconds.get_or_create(&label(stage)).observe(seconds);
    }

    pub(crate) fn consuming(&self, stage: StageName, yes: bool) {
        self.consuming.get_or_create(&label(stage)).set(if yes { 1.0 } else { 0.0 });
    }

    /// Whether `stage` consumes now, as opposed to waiting for its queue or for what it writes to.
    pub fn is_consuming(&self, stage: StageName) -> bool {
        self.consuming.get_or_create(&label(stage)).get() > 0.0
    }
}

fn label(stage: StageName) -> StageLabel {
    StageLabel { stage: stage.as_str() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_exists_at_zero_before_anything_happens() {
        let text = Metrics::new(&[StageName::Loader]).render();
        for line in [
            r#"coinpipe_messages_received_total{stage="loader"} 0"#,
            r#"coinpipe_messages_settled_total{stage="loader",outcome="outage"} 0"#,
            r#"coinpipe_dead_letters_total{stage="loader",class="poison"} 0"#,
            r#"coinpipe_consuming{stage="loader"} 0"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
