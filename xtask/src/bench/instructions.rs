//! Instructions of the hot functions for a row: a figure that a busy machine does not change, compared with the one that was
//! accepted last. Valgrind counts them; it is installed where it is missing and that is possible.
//!
//! Each function is done once and three times; half of the difference is its own, without what the program does before.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::cargo::{is_ci, root, say};
use crate::install::install;

use super::results::{Results, Sample};
use super::{Bench, child, lines};

/// What is counted.
const FUNCTIONS: [&str; 3] = ["clean", "encode", "decode"];
/// Coins of the page: enough that what is done once a page does not count for much.
const COINS: u32 = 500;
/// More than so much above what was accepted is a failure; that much below, and it is time to accept the new figure.
/// Compilers and libraries move them by a few hundredths.
const MARGIN: f64 = 0.10;

/// Counts, and compares; or keeps what was counted.
pub(super) fn check(bench: &Bench<'_>, accept: bool, results: &mut Results) -> anyhow::Result<()> {
    if !has_valgrind()
        && let Err(error) =
            install(&["valgrind"], "install valgrind, which counts instructions", &bench.interrupt)
    {
        bench.interrupt.check()?;
        if is_ci() {
            return Err(error);
        }
        say(&format!("skipped: counts of instructions: {error:#}"));
        return Ok(());
    }
    bench.now("instructions of the hot functions")?;
    let page = make_page(bench)?;
    let file = root().join("tests/bench/instructions.txt");
    let text = std::fs::read_to_string(&file).context("cannot read the accepted counts")?;
    let mut accepted = parse(&text).context("the accepted counts cannot be read")?;
    let profile = bench.programs.profile();
    let (mut worse, mut counted) = (Vec::new(), Sample::default());
    for function in FUNCTIONS {
        let now = count(bench, &page, function)?;
        let key = format!("{profile} {function}");
        let before = accepted.get(&key).copied();
        let shown =
            before.map_or_else(|| "none accepted".to_owned(), |before| format!("accepted {before:.0}"));
        say(&format!("    {function}: {now:.0} a row, {shown}"));
        match before {
            Some(before) if now > before * (1.0 + MARGIN) => worse.push(function),
            Some(before) if now < before * (1.0 - MARGIN) => say("    that is much fewer; --accept keeps it"),
            _ => {}
        }
        counted = counted.with(format!("{function} a row"), now);
        accepted.insert(key, now.round());
    }
    results.add("instructions", counted);
    if accept {
        let lines: Vec<_> = accepted.iter().map(|(key, count)| format!("{key} {count}\n")).collect();
        return std::fs::write(&file, lines.concat()).context("cannot write the accepted counts");
    }
    if !worse.is_empty() {
        bail!("{} took more instructions than accepted (--accept accepts them)", worse.join(", "));
    }
    Ok(())
}

/// Accepted counts: lines with a profile, a function, and its instructions for a row.
fn parse(text: &str) -> Option<BTreeMap<String, f64>> {
    let lines = text.lines().map(|line| {
        let (key, count) = line.rsplit_once(' ')?;
        Some((key.to_owned(), count.parse().ok()?))
    });
    lines.collect()
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
    let line = lines::read(&ran.stdout)?.pop().context("it said nothing")?;
    let log = std::fs::read_to_string(log)?;
    Ok((instructions(&log).context("valgrind counted nothing")?, line.value("rows")?))
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
    fn accepted_counts_are_read() {
        let accepted = parse("debug clean 120\nrelease clean 12\n").unwrap();
        assert_eq!(accepted.get("release clean"), Some(&12.0));
        assert!(parse("release clean").is_none());
    }

    #[test]
    fn the_count_is_read_from_the_log() {
        let log = "==7== Cachegrind, a profiler\n==7== Command: stages count\n==7== \n==7== I   refs:      1,234,567\n";
        assert_eq!(instructions(log), Some(1_234_567.0));
        assert_eq!(instructions("==7== Command: stages"), None);
    }
}
