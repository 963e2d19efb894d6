//! Instructions of the hot functions for a row: a figure that a busy machine does not change, compared with the one that was
//! accepted last. Valgrind counts them.
//!
//! Each function is done once and three times; half of the difference is its own, without what the program does before.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::cargo::{root, say};

use super::stages::{lines, number};
use super::{Bench, child};

/// What is counted.
const FUNCTIONS: [&str; 3] = ["clean", "encode", "decode"];
/// Coins of the page: enough that what is done once a page does not count for much.
const COINS: u32 = 500;
/// More than so much above what was accepted is a failure; that much below, and it is time to accept the new figure.
/// Compilers and libraries move them by a few hundredths.
const MARGIN: f64 = 0.10;

/// Accepted counts, by profile and function.
type Accepted = BTreeMap<String, BTreeMap<String, f64>>;

/// Counts, and compares; or keeps what was counted.
pub(super) fn check(bench: &Bench<'_>, accept: bool) -> anyhow::Result<()> {
    if !has_valgrind() {
        say("skipped: counts of instructions: there is no valgrind");
        return Ok(());
    }
    let page = make_page(bench)?;
    let file = root().join("tests/bench/instructions.json");
    let text = std::fs::read_to_string(&file).context("cannot read the accepted counts")?;
    let mut accepted: Accepted = serde_json::from_str(&text).context("cannot read the accepted counts")?;
    let profile = accepted.entry(bench.programs.profile().to_owned()).or_default();
    say("\nInstructions a row          now     accepted");
    let mut worse = Vec::new();
    for function in FUNCTIONS {
        let now = count(bench, &page, function)?;
        let before = profile.get(function).copied();
        let shown = before.map_or_else(|| "none".to_owned(), |before| format!("{before:.0}"));
        say(&format!("  {function:<16} {now:>12.0} {shown:>12}"));
        match before {
            Some(before) if now > before * (1.0 + MARGIN) => worse.push(function),
            Some(before) if now < before * (1.0 - MARGIN) => say("    much fewer: --accept keeps that"),
            _ => {}
        }
        profile.insert(function.to_owned(), now.round());
    }
    if accept {
        let text = serde_json::to_string_pretty(&accepted)? + "\n";
        return std::fs::write(&file, text).context("cannot write the accepted counts");
    }
    if !worse.is_empty() {
        bail!("{} took more instructions than accepted (--accept accepts them)", worse.join(", "));
    }
    Ok(())
}

fn has_valgrind() -> bool {
    let output = Command::new("valgrind").arg("--version").output();
    output.is_ok_and(|output| output.status.success())
}

fn make_page(bench: &Bench<'_>) -> anyhow::Result<PathBuf> {
    let folder = bench.folder.join("counted");
    let mut making = bench.programs.stages(["pages", "--pages=1", "--first=2026-01-01T00:00:00Z"]);
    child::run(making.arg(&folder).arg(format!("--coins={COINS}")), &bench.interrupt)?;
    Ok(folder.join("page-0001.json.zst"))
}

/// Instructions of `function` for a row.
fn count(bench: &Bench<'_>, page: &std::path::Path, function: &str) -> anyhow::Result<f64> {
    let (once, _) = run(bench, page, function, 1)?;
    let (thrice, rows) = run(bench, page, function, 3)?;
    Ok((thrice - once) / 2.0 / rows)
}

/// Instructions of the whole program, and the rows of the page.
fn run(bench: &Bench<'_>, page: &std::path::Path, function: &str, times: u32) -> anyhow::Result<(f64, f64)> {
    bench.interrupt.check()?;
    let log = bench.folder.join("valgrind.log");
    let mut valgrind = Command::new("valgrind");
    // No cache is simulated: it would take twice as long, and depends on the machine.
    valgrind.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    valgrind.arg(format!("--log-file={}", log.display())).arg(bench.programs.stages_path());
    valgrind.args(["count", function]).arg(page).arg(format!("--times={times}"));
    // One thread of Polars: others would wait for work, and how long is chance.
    valgrind.env("POLARS_MAX_THREADS", "1");
    let ran = child::run(&mut valgrind, &bench.interrupt)?;
    let line = lines(&ran.stdout)?.pop().context("it said nothing")?;
    let log = std::fs::read_to_string(log)?;
    Ok((instructions(&log).context("valgrind counted nothing")?, number(&line, "rows")?))
}

/// The count in valgrind's log: `==7== I refs: 1,234`.
fn instructions(log: &str) -> Option<f64> {
    let line = log.lines().find(|line| line.contains("I ") && line.contains("refs:"))?;
    line.rsplit_once(':')?.1.trim().replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_the_log() {
        let log = "==7== Cachegrind, a profiler\n==7== Command: stages count\n==7== \n==7== I   refs:      1,234,567\n";
        assert_eq!(instructions(log), Some(1_234_567.0));
        assert_eq!(instructions("==7== Command: stages"), None);
    }
}
