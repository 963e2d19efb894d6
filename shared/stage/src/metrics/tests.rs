use chrono::DateTime;

use super::*;

fn contains(metrics: &Metrics, lines: &[&str]) {
    let text = metrics.render();
    for line in lines {
        assert!(text.lines().any(|found| found == *line), "{line} is not in\n{text}");
    }
}

#[test]
fn every_series_of_a_stage_exists_at_zero_before_anything_happens() {
    let loader = Metrics::new(&[StageName::Loader]);
    contains(
        &loader,
        &[
            r#"coinpipe_messages_received_total{stage="loader"} 0"#,
            r#"coinpipe_messages_settled_total{stage="loader",outcome="outage"} 0"#,
            r#"coinpipe_dead_letters_total{stage="loader",class="poison"} 0"#,
            r#"coinpipe_consuming{stage="loader"} 0.0"#,
            r#"coinpipe_rows_total{stage="loader",result="stale"} 0"#,
            "coinpipe_newest_fetch_timestamp_seconds NaN",
            concat!("coinpipe_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        ],
    );
    let text = loader.render();
    for other in ["cleaned", "credits", "snapshots", "leading"] {
        let series = text.lines().find(|line| !line.starts_with('#') && line.contains(other));
        assert_eq!(series, None, "of a loader");
    }
    contains(
        &Metrics::new(&[StageName::Fetcher]),
        &[
            r#"coinpipe_snapshots_total{ending="gave_up"} 0"#,
            "coinpipe_snapshot_timestamp_seconds NaN",
            "coinpipe_credits_left NaN",
            "coinpipe_leading 0.0",
        ],
    );
}

#[test]
fn levels_are_what_was_last_seen() {
    let at = DateTime::from_timestamp_millis(1_795_356_000_250).unwrap();
    let metrics = Metrics::new(&StageName::ALL);
    assert!(!metrics.is_connected(To::Queue));
    let depth = Depth { ready: 3, delayed: 2, unsettled: 1, oldest_at: Some(at) };
    metrics.depth(QueueName::Rows, depth);
    metrics.connected(To::Queue, true);
    metrics.connected(To::Store, false);
    metrics.credits_left(Some(9500));
    metrics.snapshot(Snapshot::Complete, at);
    metrics.freshness(Freshness { newest_fetch_at: Some(at), newest_quote_at: None });
    contains(
        &metrics,
        &[
            r#"coinpipe_queue_messages{queue="rows",state="ready"} 3.0"#,
            r#"coinpipe_queue_messages{queue="rows",state="delayed"} 2.0"#,
            r#"coinpipe_queue_messages{queue="rows",state="unsettled"} 1.0"#,
            r#"coinpipe_queue_oldest_timestamp_seconds{queue="rows"} 1795356000.25"#,
            r#"coinpipe_connected{to="queue"} 1.0"#,
            r#"coinpipe_connected{to="store"} 0.0"#,
            "coinpipe_credits_left 9500.0",
            r#"coinpipe_snapshots_total{ending="complete"} 1"#,
            "coinpipe_snapshot_timestamp_seconds 1795356000.25",
            "coinpipe_newest_fetch_timestamp_seconds 1795356000.25",
        ],
    );
    assert!(metrics.is_connected(To::Queue) && !metrics.is_connected(To::Store));
    metrics.depth(QueueName::Rows, Depth::default());
    assert!(!metrics.render().contains("queue_oldest_timestamp_seconds{"));
}

/// An alert on a name that nobody writes would never ring.
#[test]
fn alerts_and_dashboard_name_only_what_there_is() {
    let metrics = Metrics::new(&StageName::ALL);
    metrics.connected(To::Queue, true);
    metrics.depth(QueueName::Raw, Depth::default());
    let text = metrics.render();
    let mut names = 0;
    for (file, content) in [
        ("alerts.yml", include_str!("../../../../deploy/prometheus/alerts.yml")),
        ("dashboard.json", include_str!("../../../../deploy/grafana/dashboard.json")),
    ] {
        for word in content.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if word.starts_with("coinpipe_") {
                names += 1;
                let is_there = text
                    .lines()
                    .any(|line| line.strip_prefix(word).is_some_and(|rest| rest.starts_with(['{', ' '])));
                assert!(is_there, "{file}: there is no {word}");
            }
        }
    }
    assert!(names > 20, "only {names} names were found");
}

#[test]
fn the_runbook_has_an_entry_for_every_alert() {
    let rules = include_str!("../../../../deploy/prometheus/alerts.yml");
    let runbook = include_str!("../../../../docs/operating.md");
    let alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10, "only {alerts:?}");
    for alert in alerts {
        assert!(runbook.contains(&format!("**{alert}** –")), "docs/operating.md does not tell of {alert}");
    }
}
