//! What was measured, for people and for programs: tables on stderr, `bench.json`, `bench.svg`.

use std::fmt::Write;
use std::path::Path;

use crate::cargo::say;
use anyhow::Context;

use super::numbers::{median, plain, thousands};
use super::results::Results;
use super::targets::{Goal, Target, targets};
use super::{BenchArgs, json, plot};

/// Says everything and writes both files into `folder`.
pub(super) fn write(results: &Results, args: &BenchArgs, folder: &Path) -> anyhow::Result<()> {
    if results.ways().next().is_none() {
        return Ok(());
    }
    let targets = targets(results);
    say(&table(results));
    if targets.iter().any(|target| target.value.is_some()) {
        say(&figures(&targets));
    }
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let document = json::object([
        ("rounds", args.rounds.to_string()),
        ("pages", args.pages.to_string()),
        ("coins", args.coins.to_string()),
        ("cores", cores.to_string()),
        ("servers", results.servers().map_or_else(|| "null".to_owned(), json::text)),
        ("ways", json::array(results.ways().map(|way| json::way(results, way)))),
        ("targets", json::array(targets.iter().map(json::target))),
    ]);
    for (name, text) in [("bench.json", document + "\n"), ("bench.svg", plot::draw(results))] {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        say(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// One line for each way: rows/s, what its CPU time went into, memory, and what else there is.
fn table(results: &Results) -> String {
    let mut text = format!(
        "\n{:<38} {:>9}  {:>17}  CPU s for a million rows; MiB; other\n",
        "way (medians)", "rows/s", "least - most"
    );
    for way in results.ways() {
        // A String takes all text; so below.
        let rates = results.values(way, "rows/s");
        let least = rates.iter().copied().reduce(f64::min);
        let most = rates.iter().copied().reduce(f64::max);
        let range = least
            .zip(most)
            .map_or_else(String::new, |(least, most)| format!("{} - {}", thousands(least), thousands(most)));
        let rate = results.median(way, "rows/s").map_or_else(String::new, thousands);
        let _ = writeln!(text, "{way:<38} {rate:>9}  {range:>17}  {}", others(results, way).join(", "));
    }
    text
}

/// The values of `way` besides its rate.
fn others(results: &Results, way: &str) -> Vec<String> {
    let names = results.names(way);
    let values = names.iter().filter(|name| !["rows", "seconds", "rows/s"].contains(name));
    values
        .filter_map(|name| {
            if let Some(process) = name.strip_prefix("cpu ") {
                let cpu = median(results.cpu_a_row(way, process))?;
                return Some(format!("{process} {:.1} s", cpu * 1e6));
            }
            let value = results.median(way, name)?;
            Some(format!("{name} {}", plain(value)))
        })
        .collect()
}

/// The figures that are to be reached, as far as they were measured.
fn figures(targets: &[Target]) -> String {
    let mut text = format!("{:<60} {:>10}  {:>11}\n", "to reach", "measured", "goal");
    for (target, value) in targets.iter().filter_map(|target| Some((target, target.value?))) {
        let goal = match target.goal {
            Goal::AtLeast(goal) => format!(">= {}", plain(goal)),
            Goal::AtMost(goal) => format!("<= {}", plain(goal)),
        };
        let verdict = if target.is_reached() == Some(true) { "reached" } else { "missed" };
        let value = plain(value);
        let _ = writeln!(text, "{:<60} {value:>10}  {goal:>11}  {verdict}", target.what);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::results::Sample;
    use super::*;

    #[test]
    fn a_way_says_its_rate_and_where_its_time_goes() {
        let mut results = Results::default();
        for seconds in [1.0, 2.0, 4.0] {
            results.add(
                "replay",
                Sample::of(10_000.0, seconds).with("cpu loader", 0.2).with("MiB loader", 70.0),
            );
        }
        let text = table(&results);
        let line = text.lines().find(|line| line.starts_with("replay")).unwrap();
        for part in ["5,000", "2,500 - 10,000", "loader 20.0 s", "MiB loader 70"] {
            assert!(line.contains(part), "{line}");
        }
    }
}
