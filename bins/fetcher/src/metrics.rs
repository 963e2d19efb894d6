//! What a fetcher counts.

use chrono::{DateTime, Utc};
use domain::{Doubt, MarketKind, StageName, Verdict};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use stage::StageMetrics;
use telemetry::{Level, MetricSet, Metrics, level, seconds, unknown};

use crate::judge::Check;
use crate::subject::Subject;
/// How a snapshot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SnapshotEnd {
    /// All of it was fetched, and nothing is wrong with it.
    Complete,
    /// All pages were fetched, and coins are missing.
    Incomplete,
    /// All of it was fetched, and some of it is hardly true.
    Suspect,
    /// The fetcher gave it up.
    GaveUp,
}

impl SnapshotEnd {
    const ALL: [Self; 4] = [Self::Complete, Self::Incomplete, Self::Suspect, Self::GaveUp];

    /// How a snapshot ended all of whose pages were fetched.
    pub(crate) fn of(verdict: Option<&Verdict>) -> Self {
        match verdict.map(|verdict| verdict.doubt) {
            None => Self::Complete,
            Some(Doubt::Incomplete) => Self::Incomplete,
            Some(Doubt::Suspect) => Self::Suspect,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Suspect => "suspect",
            Self::GaveUp => "gave_up",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndingLabel {
    ending: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    endpoint: &'static str,
    ending: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CheckLabel {
    check: &'static str,
}

#[derive(Clone, Debug)]
struct FetchSet {
    snapshots: Family<EndingLabel, Counter>,
    market_batches: Family<KindLabels, Counter>,
    slots_missed: Counter,
    findings: Family<CheckLabel, Counter>,
    snapshot_at: Level,
    leading: Level,
    credits_left: Level,
    credits_left_today: Level,
    credits_spent: Counter,
    snapshot_credits: Level,
    month_credits: Level,
    waiting_until: Level,
}

impl MetricSet for FetchSet {
    fn register(registry: &mut Registry) -> Self {
        let set = Self {
            snapshots: Family::default(),
            market_batches: Family::default(),
            slots_missed: Counter::default(),
            findings: Family::default(),
            snapshot_at: unknown(),
            leading: Level::default(),
            credits_left: unknown(),
            credits_left_today: unknown(),
            credits_spent: Counter::default(),
            snapshot_credits: unknown(),
            month_credits: unknown(),
            waiting_until: unknown(),
        };
        for ending in SnapshotEnd::ALL {
            // The series is what is wanted; what is returned is a lock.
            drop(set.snapshots.get_or_create(&EndingLabel { ending: ending.as_str() }));
        }
        for kind in MarketKind::ALL {
            for ending in SnapshotEnd::ALL {
                let labels = KindLabels { endpoint: kind.description().endpoint, ending: ending.as_str() };
                drop(set.market_batches.get_or_create(&labels));
            }
        }
        for check in Check::ALL {
            drop(set.findings.get_or_create(&CheckLabel { check: check.name() }));
        }
        registry.register(
            "slots_missed",
            "Slots of the schedule of which no page was kept, for whatever reason",
            set.slots_missed.clone(),
        );
        registry.register(
            "judge_findings",
            "Snapshots in which a check found something, by check; also when asking again helped",
            set.findings.clone(),
        );
        registry.register("snapshots", "Snapshots that ended, by how", set.snapshots.clone());
        registry.register(
            "market_batches",
            "Batches of kinds of the market that ended, by kind and how",
            set.market_batches.clone(),
        );
        registry.register_with_unit(
            "snapshot_timestamp",
            "When this fetcher last had all pages of a snapshot; NaN before",
            Unit::Seconds,
            set.snapshot_at.clone(),
        );
        registry.register("leading", "1 while this fetcher schedules", set.leading.clone());
        registry.register(
            "credits_left",
            "Credits of the API key left this month; NaN while not known",
            set.credits_left.clone(),
        );
        registry.register(
            "credits_left_today",
            "Credits of the API key left this UTC day; NaN while not known, or without such a limit",
            set.credits_left_today.clone(),
        );
        registry.register(
            "credits_spent",
            "Credits that pages cost, as the API said",
            set.credits_spent.clone(),
        );
        registry.register(
            "snapshot_credits",
            "Credits that one snapshot of the schedule costs; NaN where none is planned",
            set.snapshot_credits.clone(),
        );
        registry.register(
            "planned_credits",
            "Credits that 30 days of the schedule cost; NaN where none is planned",
            set.month_credits.clone(),
        );
        registry.register_with_unit(
            "fetch_waiting_until_timestamp",
            "Until when the fetcher leaves the API alone; NaN while it does not wait",
            Unit::Seconds,
            set.waiting_until.clone(),
        );
        set
    }
}

/// Makes the fetcher's metrics show, at zero or, where nothing is known, NaN.
pub fn declare_metrics(metrics: &Metrics) {
    FetchMetrics::new(metrics);
}

/// What the fetcher of this process counts. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct FetchMetrics {
    stage: StageMetrics,
    set: FetchSet,
}

impl FetchMetrics {
    /// All series are there, at zero or, where nothing is known, NaN.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self { stage: StageMetrics::new(metrics, StageName::Fetcher), set: metrics.set() }
    }

    /// `count` messages were published and confirmed.
    pub(crate) fn published(&self, count: u64) {
        self.stage.published(count);
    }

    /// A batch of `subject` ended at `at`.
    pub(crate) fn ended(&self, subject: Subject, ending: SnapshotEnd, at: DateTime<Utc>) {
        if let Subject::Market(kind) = subject {
            let (endpoint, ending) = (kind.description().endpoint, ending.as_str());
            self.set.market_batches.get_or_create(&KindLabels { endpoint, ending }).inc();
            return;
        }
        self.set.snapshots.get_or_create(&EndingLabel { ending: ending.as_str() }).inc();
        if ending != SnapshotEnd::GaveUp {
            self.set.snapshot_at.set(seconds(at));
        }
    }

    /// `count` slots will have no snapshot.
    pub(crate) fn missed(&self, count: u64) {
        self.set.slots_missed.inc_by(count);
    }

    /// A check found something in a snapshot.
    pub(crate) fn found(&self, check: Check) {
        self.set.findings.get_or_create(&CheckLabel { check: check.name() }).inc();
    }

    /// Whether it schedules.
    pub(crate) fn leading(&self, yes: bool) {
        self.set.leading.set(level(yes));
    }

    /// Until when it waits for the API, while it does.
    pub(crate) fn waiting_until(&self, until: Option<DateTime<Utc>>) {
        self.set.waiting_until.set(until.map_or(f64::NAN, seconds));
    }

    /// Credits that the API key has left this month and today, when known.
    pub(crate) fn credits_left(&self, month: Option<u64>, today: Option<u64>) {
        self.set.credits_left.set(month.map_or(f64::NAN, gauge));
        self.set.credits_left_today.set(today.map_or(f64::NAN, gauge));
    }

    /// Credits that one snapshot and a month of them cost.
    pub(crate) fn planned_credits(&self, snapshot: u64, month: u64) {
        self.set.snapshot_credits.set(gauge(snapshot));
        self.set.month_credits.set(gauge(month));
    }

    /// A page cost `credits`.
    pub(crate) fn spent(&self, credits: u64) {
        self.set.credits_spent.inc_by(credits);
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges are doubles")]
fn gauge(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_there_before_anything_happens_and_then_shows_what_did() {
        let metrics = Metrics::default();
        let fetching = FetchMetrics::new(&metrics);
        let contains = |lines: &[&str]| {
            let text = metrics.render();
            for line in lines {
                assert!(text.lines().any(|found| found == *line), "{line} is not in\n{text}");
            }
        };
        contains(&[
            r#"coinpipe_snapshots_total{ending="gave_up"} 0"#,
            "coinpipe_slots_missed_total 0",
            r#"coinpipe_judge_findings_total{check="empty_listing"} 0"#,
            r#"coinpipe_judge_findings_total{check="price_jump"} 0"#,
            "coinpipe_snapshot_timestamp_seconds NaN",
            "coinpipe_credits_left NaN",
            "coinpipe_fetch_waiting_until_timestamp_seconds NaN",
            "coinpipe_leading 0.0",
            r#"coinpipe_messages_published_total{stage="fetcher"} 0"#,
        ]);
        let at = DateTime::from_timestamp_millis(1_795_356_000_250).unwrap();
        fetching.ended(Subject::Listings, SnapshotEnd::Complete, at);
        fetching.ended(Subject::Market(MarketKind::Map), SnapshotEnd::GaveUp, at);
        fetching.credits_left(Some(9500), Some(23));
        fetching.planned_credits(20, 14_400);
        fetching.spent(25);
        fetching.missed(3);
        fetching.found(Check::Clock);
        fetching.leading(true);
        fetching.published(3);
        contains(&[
            r#"coinpipe_snapshots_total{ending="complete"} 1"#,
            "coinpipe_snapshot_timestamp_seconds 1795356000.25",
            r#"coinpipe_market_batches_total{endpoint="map",ending="gave_up"} 1"#,
            "coinpipe_credits_left 9500.0",
            "coinpipe_credits_left_today 23.0",
            "coinpipe_snapshot_credits 20.0",
            "coinpipe_planned_credits 14400.0",
            "coinpipe_credits_spent_total 25",
            "coinpipe_slots_missed_total 3",
            r#"coinpipe_judge_findings_total{check="clock"} 1"#,
            "coinpipe_leading 1.0",
            r#"coinpipe_messages_published_total{stage="fetcher"} 3"#,
        ]);
        assert!(!metrics.render().contains("messages_received_total"), "it consumes nothing");
    }
}
