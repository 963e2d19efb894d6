//! `coinpipe --once` in an empty folder: what the README and the decisions quote.

use super::results::Sample;
use super::{Bench, child};

/// Coins of the snapshot, as `[fetch] limit` says when nobody set it.
const COINS: f64 = 5000.0;

pub(super) fn measure(bench: &Bench<'_>) -> anyhow::Result<Sample> {
    bench.interrupt.check()?;
    let folder = bench.folder.join("once");
    std::fs::create_dir_all(&folder)?;
    let mut once = bench.programs.command("coinpipe");
    let ran = child::run(once.arg("--once").current_dir(&folder), &bench.interrupt);
    std::fs::remove_dir_all(&folder)?;
    let ran = ran?;
    let sample = Sample::of(COINS, ran.seconds);
    Ok(sample.with("cpu coinpipe", ran.cpu).with("MiB coinpipe", ran.peak_mib))
}
