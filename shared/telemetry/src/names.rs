//! The names of all metrics, in one place: what users scrape, draw and alert on. Each crate declares its own; a scenario
//! compares what the whole pipeline shows with this list.

/// Every name, as in `/metrics`, and what it tells.
pub const ALL: &[(&str, &str)] = &[
    ("coinpipe_build_info", "The program"),
    // Every stage that consumes: crate stage.
    ("coinpipe_messages_received_total", "Messages taken from the stage's queue"),
    ("coinpipe_messages_settled_total", "Messages settled, by outcome"),
    ("coinpipe_dead_letters_total", "Messages that this stage sent to the dead letters whole, by class"),
    ("coinpipe_messages_published_total", "Messages published and confirmed"),
    ("coinpipe_queue_reconnects_total", "Times the queue session was rebuilt"),
    ("coinpipe_handle_seconds", "Time to handle one message"),
    ("coinpipe_consuming", "1 while the stage consumes, 0 while it waits"),
    ("coinpipe_rows_total", "Coins and quotes, by what became of them"),
    // The fetcher.
    ("coinpipe_snapshots_total", "Snapshots that ended, by how"),
    ("coinpipe_snapshot_timestamp_seconds", "When this fetcher last fetched a whole snapshot"),
    ("coinpipe_leading", "1 while this fetcher schedules"),
    ("coinpipe_credits_left", "Credits of the API key left this month"),
    // The alerter.
    ("coinpipe_letters_filed_total", "Dead letters filed, by class"),
    // Every process: crate service.
    ("coinpipe_connected", "1 when queue or store answered when last asked, 0 when not"),
    ("coinpipe_queue_messages", "Messages in a queue"),
    ("coinpipe_queue_oldest_timestamp_seconds", "When the oldest message of a queue was published"),
    ("coinpipe_newest_fetch_timestamp_seconds", "The newest fetched_at in quotes_latest"),
    ("coinpipe_newest_quote_timestamp_seconds", "The newest last_updated in quotes_latest"),
];

#[cfg(test)]
mod tests {
    use super::ALL;

    /// An alert on a name that nobody writes would never ring.
    #[test]
    fn alerts_and_dashboard_name_only_what_there_is() {
        let mut found = 0;
        for (file, content) in [
            ("alerts.yml", include_str!("../../../deploy/prometheus/alerts.yml")),
            ("dashboard.json", include_str!("../../../deploy/grafana/dashboard.json")),
        ] {
            for word in content.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
                if word.starts_with("coinpipe_") {
                    found += 1;
                    // A histogram shows its buckets.
                    let name = word.strip_suffix("_bucket").unwrap_or(word);
                    assert!(ALL.iter().any(|(known, _)| *known == name), "{file}: there is no {word}");
                }
            }
        }
        assert!(found > 20, "only {found} names were found");
    }

    #[test]
    fn the_runbook_has_an_entry_for_every_alert() {
        let rules = include_str!("../../../deploy/prometheus/alerts.yml");
        let runbook = include_str!("../../../docs/operating.md");
        let alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
        assert!(alerts.len() > 10, "only {alerts:?}");
        for alert in alerts {
            assert!(
                runbook.contains(&format!("**{alert}** –")),
                "docs/operating.md does not tell of {alert}"
            );
        }
    }
}
