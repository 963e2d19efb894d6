//! What every process tells of its queue and store.

use domain::StageName;
use ports::store::Freshness;
use ports::{Depth, QueueName};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use stage::StageMetrics;
use telemetry::{Level, MetricSet, Metrics, level, seconds, unknown};

/// What a process is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// Where messages are.
    Queue,
    /// Where the tables are.
    Store,
}

impl Server {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Store => "store",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServerLabel {
    to: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabel {
    queue: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    queue: &'static str,
    state: &'static str,
}

/// Whether queue and store answer, and what the queues hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerMetrics {
    connected: Family<ServerLabel, Level>,
    messages: Family<StateLabel, Level>,
    oldest: Family<QueueLabel, Level>,
}

impl MetricSet for ServerMetrics {
    fn register(registry: &mut Registry) -> Self {
        let set = Self::default();
        registry.register(
            "connected",
            "1 when queue or store answered when last asked, 0 when not",
            set.connected.clone(),
        );
        registry.register("queue_messages", "Messages in a queue", set.messages.clone());
        registry.register_with_unit(
            "queue_oldest_timestamp",
            "When the oldest message of a queue was published; absent where the queue cannot tell",
            Unit::Seconds,
            set.oldest.clone(),
        );
        set
    }
}

impl ServerMetrics {
    /// Whether `server` answered when it was last asked.
    pub(crate) fn connected(&self, server: Server, yes: bool) {
        self.connected.get_or_create(&ServerLabel { to: server.as_str() }).set(level(yes));
    }

    /// Whether `server` answered when it was last asked; not before.
    pub(crate) fn is_connected(&self, server: Server) -> bool {
        let label = ServerLabel { to: server.as_str() };
        self.connected.get(&label).is_some_and(|connected| connected.get() > 0.0)
    }

    /// What `queue` holds.
    pub(crate) fn depth(&self, queue: QueueName, depth: Depth) {
        let Depth { ready, delayed, unsettled, oldest_at } = depth;
        for (state, messages) in [("ready", ready), ("delayed", delayed), ("unsettled", unsettled)] {
            #[expect(clippy::cast_precision_loss, reason = "gauges are doubles")]
            self.messages.get_or_create(&StateLabel { queue: queue.as_str(), state }).set(messages as f64);
        }
        let label = QueueLabel { queue: queue.as_str() };
        match oldest_at {
            Some(at) => drop(self.oldest.get_or_create(&label).set(seconds(at))),
            None => drop(self.oldest.remove(&label)),
        }
    }
}

/// How new the tables are.
#[derive(Clone, Debug)]
pub(crate) struct FreshnessMetrics {
    newest_fetch: Level,
    newest_quote: Level,
}

impl MetricSet for FreshnessMetrics {
    fn register(registry: &mut Registry) -> Self {
        let set = Self { newest_fetch: unknown(), newest_quote: unknown() };
        registry.register_with_unit(
            "newest_fetch_timestamp",
            "The newest fetched_at in quotes_latest; NaN when empty",
            Unit::Seconds,
            set.newest_fetch.clone(),
        );
        registry.register_with_unit(
            "newest_quote_timestamp",
            "The newest last_updated in quotes_latest; NaN when empty",
            Unit::Seconds,
            set.newest_quote.clone(),
        );
        set
    }
}

impl FreshnessMetrics {
    /// How new the tables are now.
    pub(crate) fn set(&self, freshness: Freshness) {
        self.newest_fetch.set(freshness.newest_fetch_at.map_or(f64::NAN, seconds));
        self.newest_quote.set(freshness.newest_quote_at.map_or(f64::NAN, seconds));
    }
}

/// Metrics in which the series that are this crate's and the loop's are there from the start, at zero: a process may wait
/// long for its servers.
pub(crate) fn declared(stages: &[StageName]) -> Metrics {
    let metrics = Metrics::default();
    for &stage in stages {
        StageMetrics::new(&metrics, stage);
    }
    metrics.set::<ServerMetrics>();
    if stages.iter().any(|stage| matches!(stage, StageName::Loader | StageName::Alerter)) {
        metrics.set::<FreshnessMetrics>();
    }
    metrics
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use telemetry::Metrics;

    use super::*;

    #[test]
    fn levels_are_what_was_last_seen() {
        let at = DateTime::from_timestamp_millis(1_795_356_000_250).unwrap();
        let metrics = Metrics::default();
        let servers: ServerMetrics = metrics.set();
        assert!(!servers.is_connected(Server::Queue));
        let depth = Depth { ready: 3, delayed: 2, unsettled: 1, oldest_at: Some(at) };
        servers.depth(QueueName::Rows, depth);
        servers.connected(Server::Queue, true);
        servers.connected(Server::Store, false);
        let freshness: FreshnessMetrics = metrics.set();
        let text = metrics.render();
        assert!(text.contains("coinpipe_newest_fetch_timestamp_seconds NaN"), "{text}");
        freshness.set(Freshness { newest_fetch_at: Some(at), newest_quote_at: None });
        let text = metrics.render();
        for line in [
            r#"coinpipe_queue_messages{queue="rows",state="ready"} 3.0"#,
            r#"coinpipe_queue_messages{queue="rows",state="delayed"} 2.0"#,
            r#"coinpipe_queue_messages{queue="rows",state="unsettled"} 1.0"#,
            r#"coinpipe_queue_oldest_timestamp_seconds{queue="rows"} 1795356000.25"#,
            r#"coinpipe_connected{to="queue"} 1.0"#,
            r#"coinpipe_connected{to="store"} 0.0"#,
            "coinpipe_newest_fetch_timestamp_seconds 1795356000.25",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(servers.is_connected(Server::Queue) && !servers.is_connected(Server::Store));
        servers.depth(QueueName::Rows, Depth::default());
        assert!(!metrics.render().contains("queue_oldest_timestamp_seconds{"));
    }
}
