//! What every process counts. All names in one place, every series created at zero, labels bounded.

mod labels;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use chrono::{DateTime, Utc};
use domain::{Class, StageName};
use ports::store::Freshness;
use ports::{Depth, QueueName};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use labels::{
    BuildLabel, ClassLabel, EndingLabel, FiledLabel, OutcomeLabel, QueueLabel, QueueStateLabel, RowsLabel,
    StageLabel, ToLabel,
};
pub use labels::{Outcome, Rows, Snapshot, To};

type Histograms = Family<StageLabel, Histogram, fn() -> Histogram>;
type Level = Gauge<f64, AtomicU64>;

/// The series of this process. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    received: Family<StageLabel, Counter>,
    settled: Family<OutcomeLabel, Counter>,
    dead: Family<ClassLabel, Counter>,
    filed: Family<FiledLabel, Counter>,
    published: Family<StageLabel, Counter>,
    reconnects: Family<StageLabel, Counter>,
    seconds: Histograms,
    consuming: Family<StageLabel, Level>,
    rows: Family<RowsLabel, Counter>,
    snapshots: Family<EndingLabel, Counter>,
    snapshot_at: Level,
    leading: Level,
    credits_left: Level,
    connected: Family<ToLabel, Level>,
    messages: Family<QueueStateLabel, Level>,
    oldest: Family<QueueLabel, Level>,
    newest_fetch: Level,
    newest_quote: Level,
    registry: Arc<Registry>,
}

/// From 1 ms to a minute.
fn handle_seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.5, 13))
}

impl Metrics {
    /// The series of a process of `stages`, all at zero. What only some processes know (the fetcher its credits,
    /// whoever has a store its freshness) is there with the first value.
    pub fn new(stages: &[StageName]) -> Self {
        let metrics = Self {
            received: Family::default(),
            settled: Family::default(),
            dead: Family::default(),
            filed: Family::default(),
            published: Family::default(),
            reconnects: Family::default(),
            seconds: Histograms::new_with_constructor(handle_seconds),
            consuming: Family::default(),
            rows: Family::default(),
            snapshots: Family::default(),
            snapshot_at: unknown(),
            leading: Level::default(),
            credits_left: unknown(),
            connected: Family::default(),
            messages: Family::default(),
            oldest: Family::default(),
            newest_fetch: unknown(),
            newest_quote: unknown(),
            registry: Arc::default(),
        };
        for &stage in stages {
            metrics.create(stage);
        }
        let registry = Arc::new(metrics.registry(stages));
        Self { registry, ..metrics }
    }

    fn registry(&self, stages: &[StageName]) -> Registry {
        let mut registry = Registry::with_prefix("coinpipe");
        let build = BuildLabel { version: env!("CARGO_PKG_VERSION") };
        registry.register("build", "The program", Info::new(build));
        registry.register(
            "messages_received",
            "Messages taken from the stage's queue",
            self.received.clone(),
        );
        registry.register("messages_settled", "Messages settled, by outcome", self.settled.clone());
        registry.register(
            "dead_letters",
            "Messages that this stage sent to the dead letters whole, by class",
            self.dead.clone(),
        );
        registry.register("messages_published", "Messages published and confirmed", self.published.clone());
        registry.register("queue_reconnects", "Times the queue session was rebuilt", self.reconnects.clone());
        registry.register("handle_seconds", "Time to handle one message", self.seconds.clone());
        registry.register(
            "consuming",
            "1 while the stage consumes, 0 while it waits",
            self.consuming.clone(),
        );
        registry.register(
            "rows",
            "Coins that a transformer cleaned or rejected, quotes that a loader wrote, found unchanged, found older than \
             the table, or was refused by the database",
            self.rows.clone(),
        );
        registry.register(
            "connected",
            "1 when queue or store answered when last asked, 0 when not",
            self.connected.clone(),
        );
        registry.register("queue_messages", "Messages in a queue", self.messages.clone());
        registry.register_with_unit(
            "queue_oldest_timestamp",
            "When the oldest message of a queue was published; absent where the queue cannot tell",
            Unit::Seconds,
            self.oldest.clone(),
        );
        if stages.contains(&StageName::Alerter) {
            registry.register(
                "letters_filed",
                "Dead letters filed, by class: of all stages, rejected rows and incidents included",
                self.filed.clone(),
            );
        }
        if stages.contains(&StageName::Fetcher) {
            registry.register("snapshots", "Snapshots that ended, by how", self.snapshots.clone());
            registry.register_with_unit(
                "snapshot_timestamp",
                "When this fetcher last fetched a whole snapshot; NaN before",
                Unit::Seconds,
                self.snapshot_at.clone(),
            );
            registry.register("leading", "1 while this fetcher schedules", self.leading.clone());
            registry.register(
                "credits_left",
                "Credits of the API key left this month; NaN while not known",
                self.credits_left.clone(),
            );
        }
        if stages.iter().any(|stage| matches!(stage, StageName::Loader | StageName::Alerter)) {
            registry.register_with_unit(
                "newest_fetch_timestamp",
                "The newest fetched_at in quotes_latest; NaN when empty",
                Unit::Seconds,
                self.newest_fetch.clone(),
            );
            registry.register_with_unit(
                "newest_quote_timestamp",
                "The newest last_updated in quotes_latest; NaN when empty",
                Unit::Seconds,
                self.newest_quote.clone(),
            );
        }
        registry
    }

    /// `get_or_create` makes a series; what it returns is a lock guard, of no use here.
    fn create(&self, stage: StageName) {
        let label = label(stage);
        drop(self.published.get_or_create(&label));
        if stage == StageName::Fetcher {
            for ending in Snapshot::ALL {
                drop(self.snapshots.get_or_create(&EndingLabel { ending: ending.as_str() }));
            }
            // It consumes nothing.
            return;
        }
        drop(self.received.get_or_create(&label));
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
        if stage == StageName::Alerter {
            for class in Class::ALL {
                drop(self.filed.get_or_create(&FiledLabel { class: class.as_str() }));
            }
        }
        for rows in Rows::ALL.into_iter().filter(|rows| rows.stage() == stage) {
            drop(self.rows.get_or_create(&RowsLabel { stage: stage.as_str(), result: rows.as_str() }));
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

    /// A letter of `class` was filed.
    pub fn filed(&self, class: Class) {
        self.filed.get_or_create(&FiledLabel { class: class.as_str() }).inc();
    }

    /// `stage` published `count` messages.
    pub fn published(&self, stage: StageName, count: u64) {
        self.published.get_or_create(&label(stage)).inc_by(count);
    }

    pub(crate) fn reconnected(&self, stage: StageName) {
        self.reconnects.get_or_create(&label(stage)).inc();
    }

    pub(crate) fn handled(&self, stage: StageName, seconds: f64) {
        self.seconds.get_or_create(&label(stage)).observe(seconds);
    }

    pub(crate) fn consuming(&self, stage: StageName, yes: bool) {
        self.consuming.get_or_create(&label(stage)).set(level(yes));
    }

    /// Whether `stage` consumes now, as opposed to waiting for its queue or for what it writes to.
    pub fn is_consuming(&self, stage: StageName) -> bool {
        self.consuming.get_or_create(&label(stage)).get() > 0.0
    }

    /// What became of `count` rows.
    pub fn rows(&self, rows: Rows, count: u64) {
        let label = RowsLabel { stage: rows.stage().as_str(), result: rows.as_str() };
        self.rows.get_or_create(&label).inc_by(count);
    }

    /// A snapshot ended at `at`.
    pub fn snapshot(&self, ending: Snapshot, at: DateTime<Utc>) {
        self.snapshots.get_or_create(&EndingLabel { ending: ending.as_str() }).inc();
        if ending == Snapshot::Complete {
            self.snapshot_at.set(seconds(at));
        }
    }

    /// Whether this process's fetcher schedules.
    pub fn leading(&self, yes: bool) {
        self.leading.set(level(yes));
    }

    /// Credits that the API key has left this month, when known.
    pub fn credits_left(&self, credits: Option<u64>) {
        #[expect(clippy::cast_precision_loss, reason = "gauges are doubles")]
        self.credits_left.set(credits.map_or(f64::NAN, |credits| credits as f64));
    }

    /// Whether `to` answered when it was last asked.
    pub fn connected(&self, to: To, yes: bool) {
        self.connected.get_or_create(&ToLabel { to: to.as_str() }).set(level(yes));
    }

    /// Whether `to` answered when it was last asked; not before.
    pub fn is_connected(&self, to: To) -> bool {
        self.connected.get(&ToLabel { to: to.as_str() }).is_some_and(|connected| connected.get() > 0.0)
    }

    /// What `queue` holds.
    pub fn depth(&self, queue: QueueName, depth: Depth) {
        let Depth { ready, delayed, unsettled, oldest_at } = depth;
        for (state, messages) in [("ready", ready), ("delayed", delayed), ("unsettled", unsettled)] {
            #[expect(clippy::cast_precision_loss, reason = "gauges are doubles")]
            self.messages
                .get_or_create(&QueueStateLabel { queue: queue.as_str(), state })
                .set(messages as f64);
        }
        let label = QueueLabel { queue: queue.as_str() };
        match oldest_at {
            Some(at) => drop(self.oldest.get_or_create(&label).set(seconds(at))),
            None => drop(self.oldest.remove(&label)),
        }
    }

    /// How new the tables are.
    pub fn freshness(&self, freshness: Freshness) {
        self.newest_fetch.set(freshness.newest_fetch_at.map_or(f64::NAN, seconds));
        self.newest_quote.set(freshness.newest_quote_at.map_or(f64::NAN, seconds));
    }
}

fn unknown() -> Level {
    let level = Level::default();
    level.set(f64::NAN);
    level
}

fn level(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

/// Prometheus's instants: seconds since 1970.
#[expect(clippy::cast_precision_loss, reason = "exact for milliseconds in any year that matters")]
fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

fn label(stage: StageName) -> StageLabel {
    StageLabel { stage: stage.as_str() }
}

#[cfg(test)]
mod tests;
