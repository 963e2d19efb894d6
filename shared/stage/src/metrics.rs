//! What the loop counts, and what stages say became of rows.

use domain::{Class, StageName};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use telemetry::{Level, MetricSet, Metrics, level};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabel {
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    stage: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabel {
    stage: &'static str,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    stage: &'static str,
    result: &'static str,
}

/// How a delivery was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
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

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retry => "retry",
            Self::Outage => "outage",
            Self::Dead => "dead",
        }
    }
}

/// The series of all stages of a process.
#[derive(Clone, Debug)]
struct StageSet {
    received: Family<StageLabel, Counter>,
    settled: Family<OutcomeLabel, Counter>,
    dead: Family<ClassLabel, Counter>,
    published: Family<StageLabel, Counter>,
    reconnects: Family<StageLabel, Counter>,
    seconds: Family<StageLabel, Histogram, fn() -> Histogram>,
    consuming: Family<StageLabel, Level>,
    rows: Family<ResultLabel, Counter>,
    /// All rows of a stage, whatever became of them. Not exported: who scrapes adds `rows` up.
    all_rows: Family<StageLabel, Counter>,
}

/// From 1 ms to a minute.
fn handle_seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.5, 13))
}

impl MetricSet for StageSet {
    fn register(registry: &mut Registry) -> Self {
        let set = Self {
            received: Family::default(),
            settled: Family::default(),
            dead: Family::default(),
            published: Family::default(),
            reconnects: Family::default(),
            seconds: Family::new_with_constructor(handle_seconds),
            consuming: Family::default(),
            rows: Family::default(),
            all_rows: Family::default(),
        };
        registry.register("messages_received", "Messages taken from the stage's queue", set.received.clone());
        registry.register("messages_settled", "Messages settled, by outcome", set.settled.clone());
        registry.register(
            "dead_letters",
            "Messages that this stage sent to the dead letters whole, by class",
            set.dead.clone(),
        );
        registry.register("messages_published", "Messages published and confirmed", set.published.clone());
        registry.register("queue_reconnects", "Times the queue session was rebuilt", set.reconnects.clone());
        registry.register("handle_seconds", "Time to handle one message", set.seconds.clone());
        registry.register("consuming", "1 while the stage consumes, 0 while it waits", set.consuming.clone());
        registry.register(
            "rows",
            "Coins that a transformer cleaned or rejected, quotes that a loader wrote, found unchanged, found older than \
             the table, or was refused by the database",
            set.rows.clone(),
        );
        set
    }
}

/// What one stage of this process counts. Clones share it. `get_or_create` makes a series; what it returns is a lock
/// guard, of no use where only the series is wanted.
#[derive(Clone, Debug)]
pub struct StageMetrics {
    stage: StageName,
    set: StageSet,
}

impl StageMetrics {
    /// Of `stage`: all its series are there, at zero.
    pub fn new(metrics: &Metrics, stage: StageName) -> Self {
        let this = Self { stage, set: metrics.set() };
        let (set, label) = (&this.set, this.label());
        drop(set.published.get_or_create(&label));
        if stage == StageName::Fetcher {
            // It consumes nothing.
            return this;
        }
        drop(set.received.get_or_create(&label));
        drop(set.reconnects.get_or_create(&label));
        drop(set.seconds.get_or_create(&label));
        drop(set.consuming.get_or_create(&label));
        for outcome in Outcome::ALL {
            drop(set.settled.get_or_create(&this.outcome(outcome)));
        }
        for class in Class::ALL {
            drop(set.dead.get_or_create(&this.class(class)));
        }
        this
    }

    /// Messages that it published and that were confirmed.
    pub fn published(&self, count: u64) {
        self.set.published.get_or_create(&self.label()).inc_by(count);
    }

    /// Whether it consumes now, as opposed to waiting for its queue or for what it writes to.
    pub fn is_consuming(&self) -> bool {
        self.set.consuming.get_or_create(&self.label()).get() > 0.0
    }

    /// Messages that it published, so far.
    pub fn count_published(&self) -> u64 {
        self.set.published.get_or_create(&self.label()).get()
    }

    /// Messages that it has done with, so far: handled, or sent to the dead letters. What is tried again is not among them.
    pub fn count_finished(&self) -> u64 {
        let settled = |outcome| self.set.settled.get_or_create(&self.outcome(outcome)).get();
        settled(Outcome::Done) + settled(Outcome::Dead)
    }

    /// Rows that it handled, so far.
    pub fn count_rows(&self) -> u64 {
        self.set.all_rows.get_or_create(&self.label()).get()
    }

    pub(crate) fn received(&self) {
        self.set.received.get_or_create(&self.label()).inc();
    }

    pub(crate) fn settled(&self, outcome: Outcome) {
        self.set.settled.get_or_create(&self.outcome(outcome)).inc();
    }

    pub(crate) fn dead(&self, class: Class) {
        self.set.dead.get_or_create(&self.class(class)).inc();
    }

    pub(crate) fn reconnected(&self) {
        self.set.reconnects.get_or_create(&self.label()).inc();
    }

    pub(crate) fn handled(&self, seconds: f64) {
        self.set.seconds.get_or_create(&self.label()).observe(seconds);
    }

    pub(crate) fn consuming(&self, yes: bool) {
        self.set.consuming.get_or_create(&self.label()).set(level(yes));
    }

    fn label(&self) -> StageLabel {
        StageLabel { stage: self.stage.as_str() }
    }

    fn outcome(&self, outcome: Outcome) -> OutcomeLabel {
        OutcomeLabel { stage: self.stage.as_str(), outcome: outcome.as_str() }
    }

    fn class(&self, class: Class) -> ClassLabel {
        ClassLabel { stage: self.stage.as_str(), class: class.as_str() }
    }
}

/// What became of the rows that a stage handled. The stage names the results it can have.
#[derive(Clone, Debug)]
pub struct RowMetrics {
    stage: StageName,
    set: StageSet,
}

impl RowMetrics {
    /// Of `stage`: a series for each of its `results`, at zero.
    pub fn new(metrics: &Metrics, stage: StageName, results: &[&'static str]) -> Self {
        let this = Self { stage, set: metrics.set() };
        for result in results {
            this.add(result, 0);
        }
        this
    }

    /// `count` more rows had this `result`.
    pub fn add(&self, result: &'static str, count: u64) {
        let label = ResultLabel { stage: self.stage.as_str(), result };
        self.set.rows.get_or_create(&label).inc_by(count);
        self.set.all_rows.get_or_create(&StageLabel { stage: label.stage }).inc_by(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_of_a_stage_exists_at_zero_before_anything_happens() {
        let metrics = Metrics::default();
        let loader = StageMetrics::new(&metrics, StageName::Loader);
        RowMetrics::new(&metrics, StageName::Loader, &["stale"]);
        assert!(!loader.is_consuming());
        let text = metrics.render();
        for line in [
            r#"coinpipe_messages_received_total{stage="loader"} 0"#,
            r#"coinpipe_messages_settled_total{stage="loader",outcome="outage"} 0"#,
            r#"coinpipe_dead_letters_total{stage="loader",class="poison"} 0"#,
            r#"coinpipe_consuming{stage="loader"} 0.0"#,
            r#"coinpipe_rows_total{stage="loader",result="stale"} 0"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }

    /// A stage in which everything dies is not idle.
    #[test]
    fn a_message_that_died_is_finished_and_one_that_is_tried_again_is_not() {
        let loader = StageMetrics::new(&Metrics::default(), StageName::Loader);
        for outcome in [Outcome::Done, Outcome::Dead, Outcome::Dead, Outcome::Retry, Outcome::Outage] {
            loader.settled(outcome);
        }
        assert_eq!(loader.count_finished(), 3);
    }

    #[test]
    fn stages_of_one_process_share_the_families() {
        let metrics = Metrics::default();
        let (one, other) = (
            StageMetrics::new(&metrics, StageName::Loader),
            StageMetrics::new(&metrics, StageName::Transformer),
        );
        one.published(2);
        other.published(3);
        let text = metrics.render();
        assert_eq!(text.matches("# TYPE coinpipe_messages_published ").count(), 1, "{text}");
        assert!(text.contains(r#"published_total{stage="loader"} 2"#), "{text}");
        assert!(text.contains(r#"published_total{stage="transformer"} 3"#), "{text}");
    }
}
