//! The figures that are to be reached, each with how it follows from what was measured.

use super::growth;
use super::numbers::{median, percentile};
use super::results::Results;

/// One figure.
pub(super) struct Target {
    pub(super) what: &'static str,
    /// `None`: not measured this time.
    pub(super) value: Option<f64>,
    pub(super) goal: Goal,
}

/// What it should be.
#[derive(Clone, Copy)]
pub(super) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    /// Whether it is reached; `None` when it was not measured.
    pub(super) fn is_reached(&self) -> Option<bool> {
        self.value.map(|value| match self.goal {
            Goal::AtLeast(goal) => value >= goal,
            Goal::AtMost(goal) => value <= goal,
        })
    }
}

/// All of them.
pub(super) fn targets(results: &Results) -> Vec<Target> {
    const PAGES: &str = "LOAD DATA, both tables page by page";
    let at_least = |what, value, goal| Target { what, value, goal: Goal::AtLeast(goal) };
    let at_most = |what, value, goal| Target { what, value, goal: Goal::AtMost(goal) };
    let faster = |ours: &str, other: &str| results.ratio((ours, "rows/s"), (other, "rows/s"));
    let live = |percent| percentile(results.values("live page", "ms until loaded"), percent);
    let grown = |way| faster(&growth::name(way, "10 million"), &growth::name(way, "0.1 million"));
    let a_row = |way| results.cpu_a_row(way, "database").into_iter();
    let charged = median(a_row("replay").zip(a_row(PAGES)).map(|(ours, limit)| ours / limit));
    let bytes = results.median(&growth::name("forwards", "1 million"), "bytes a quote");
    let peaks = ["MiB transformer", "MiB loader"].map(|name| results.values("replay", name)).concat();
    vec![
        at_least("whole replay / LOAD DATA of both tables page by page", faster("replay", PAGES), 1.2),
        at_least("whole replay / LOAD DATA, latest once", faster("replay", "LOAD DATA, latest once"), 0.7),
        at_least("whole replay / executemany", faster("replay", "executemany, both tables"), 5.0),
        at_least(
            "whole replay / the Python script's way",
            faster("replay", "the Python script's way, latest only"),
            12.0,
        ),
        at_least(
            "embedded replay / sqlite3 bulk upsert",
            faster("embedded replay", "sqlite3 bulk upsert, both tables"),
            1.0,
        ),
        at_least("parse + clean, rows/s a core", results.median("clean", "rows/s a core"), 250_000.0),
        at_most("the database's CPU a row / LOAD DATA's, page by page", charged, 0.8),
        at_most(
            "history: bytes a quote, indexes included",
            bytes.or_else(|| results.median("replay", "bytes a quote")),
            230.0,
        ),
        at_least("rows/s at 10 million quotes / at 0.1 million, forwards", grown("forwards"), 0.9),
        at_least("rows/s at 10 million quotes / at 0.1 million, backwards", grown("backwards"), 0.8),
        at_most("live page: p50, ms", live(50), 300.0),
        at_most("live page: p99, ms", live(99), 1000.0),
        at_most("peak memory of a worker in the replay, MiB", peaks.into_iter().reduce(f64::max), 100.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::results::Sample;
    use super::*;

    #[test]
    fn a_target_is_reached_missed_or_not_measured() {
        let mut results = Results::default();
        results
            .add("replay", Sample::of(1000.0, 1.0).with("MiB loader", 70.0).with("MiB transformer", 120.0));
        results.add("LOAD DATA, latest once", Sample::of(1000.0, 0.9));
        let targets = targets(&results);
        let of = |what: &str| targets.iter().find(|target| target.what.contains(what)).unwrap();
        assert_eq!(of("latest once").is_reached(), Some(true));
        assert_eq!(of("executemany").is_reached(), None);
        assert_eq!(of("peak memory").is_reached(), Some(false));
    }
}
