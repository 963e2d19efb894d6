//! A whole replay in one process: `coinpipe replay --files` with queue and store in one SQLite file, which is new.

use anyhow::ensure;

use super::input::Input;
use super::results::Sample;
use super::{Bench, child};

pub(super) fn measure(bench: &Bench<'_>, input: &Input) -> anyhow::Result<Sample> {
    bench.now("the whole replay in one process, with SQLite")?;
    let folder = bench.folder.join("embedded");
    std::fs::create_dir_all(&folder)?;
    let mut replay = bench.programs.command("coinpipe");
    replay.args(["replay", "--files", &input.pattern()]).current_dir(&folder);
    replay.env("COINPIPE__HTTP__LISTEN", "off");
    let ran = child::run(&mut replay, &bench.interrupt)?;
    let pages = input.pages().len();
    ensure!(ran.stdout.contains(&format!("Replayed {pages} page")), "it said {:?}", ran.stdout);
    let bytes: u64 = std::fs::read_dir(&folder)?
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .map(|file| file.len())
        .sum();
    std::fs::remove_dir_all(&folder)?;
    let mib = u32::try_from(bytes >> 20)?;
    let sample = Sample::of(input.rows(), ran.seconds);
    let sample = sample.with("cpu coinpipe", ran.cpu).with("MiB coinpipe", ran.peak_mib);
    Ok(sample.with("file bytes a row", f64::from(mib) * 1_048_576.0 / input.rows()))
}
