//! The names of all metrics, in one place: what users scrape, draw and alert on. Each crate declares its own; `numbers`
//! compares what the whole pipeline shows with this list, and alerts, dashboard and runbook are compared here.

/// Every name, as in `/metrics`.
pub(crate) const ALL: &[&str] = &[
    "coinpipe_build_info",
    // Every stage that consumes: crate stage.
    "coinpipe_messages_received_total",
    "coinpipe_messages_settled_total",
    "coinpipe_dead_letters_total",
    "coinpipe_messages_published_total",
    "coinpipe_queue_reconnects_total",
    "coinpipe_handle_seconds",
    "coinpipe_consuming",
    "coinpipe_rows_total",
    // The fetcher.
    "coinpipe_snapshots_total",
    "coinpipe_market_batches_total",
    "coinpipe_slots_missed_total",
    "coinpipe_judge_findings_total",
    "coinpipe_snapshot_timestamp_seconds",
    "coinpipe_leading",
    "coinpipe_credits_left",
    "coinpipe_credits_left_today",
    "coinpipe_credits_spent_total",
    "coinpipe_fetch_waiting_until_timestamp_seconds",
    "coinpipe_planned_credits",
    "coinpipe_snapshot_credits",
    // The alerter.
    "coinpipe_letters_filed_total",
    "coinpipe_mail_attempts_total",
    // Every process: crate service.
    "coinpipe_connected",
    "coinpipe_queue_messages",
    "coinpipe_queue_oldest_timestamp_seconds",
    "coinpipe_newest_fetch_timestamp_seconds",
    "coinpipe_newest_quote_timestamp_seconds",
];

/// An alert on a name that no program shows would never fire.
#[test]
fn alerts_and_dashboard_name_only_what_there_is() {
    let mut found = 0;
    for (file, content) in [
        ("alerts.yml", include_str!("../../deploy/prometheus/alerts.yml")),
        ("dashboard.json", include_str!("../../deploy/grafana/dashboard.json")),
    ] {
        for word in content.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if word.starts_with("coinpipe_") {
                found += 1;
                // A histogram shows its buckets.
                let name = word.strip_suffix("_bucket").unwrap_or(word);
                assert!(ALL.contains(&name), "{file}: there is no {word}");
            }
        }
    }
    assert!(found > 20, "only {found} names were found");
}

#[test]
fn the_runbook_has_an_entry_for_every_alert() {
    let rules = include_str!("../../deploy/prometheus/alerts.yml");
    let runbook = include_str!("../../docs/operating.md");
    let alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10, "only {alerts:?}");
    for alert in alerts {
        assert!(runbook.contains(&format!("**{alert}** –")), "docs/operating.md does not tell of {alert}");
    }
}
