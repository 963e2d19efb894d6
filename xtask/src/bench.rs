//! `cargo xtask bench`: what the README and the decisions quote. Runs the real program in empty folders and
//! prints its wall time and its peak memory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::cargo::{Cargo, say};

/// How often the running program's memory is looked at. Its peak is kept by the kernel, so only
/// what it grows within the last moment could be missed.
const LOOK: Duration = Duration::from_millis(5);

/// Builds `coinpipe` with the dev profile (or `--release`) and runs `coinpipe --once` `runs` times.
pub(crate) fn run(runs: u32, release: bool) -> anyhow::Result<()> {
    let mut build = Cargo::new(&["build", "--package", "coinpipe"]);
    if release {
        build = build.args(&["--release"]);
    }
    build.run()?;
    let profile = if release { "release" } else { "debug" };
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| crate::cargo::root().join("target"), PathBuf::from);
    let program = target.join(profile).join("coinpipe");
    say(&format!("run  seconds  peak MiB   ({} --once, 5,000 simulated coins)", program.display()));
    for run in 1..=runs {
        let folder = target.join("bench").join(format!("{}-{run}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let measured = once(&program, &folder);
        std::fs::remove_dir_all(&folder)?;
        let (seconds, peak) = measured?;
        say(&format!("{run:>3}  {seconds:>7.2}  {:>8}", peak / 1024));
    }
    Ok(())
}

/// Wall time in seconds and peak resident memory in KiB of one run.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
fn once(program: &Path, folder: &Path) -> anyhow::Result<(f64, u64)> {
    let started = std::time::Instant::now();
    let mut child = Command::new(program)
        .arg("--once")
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let mut peak = 0;
    let status = loop {
        peak = peak.max(peak_kib(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(LOOK);
    };
    if !status.success() {
        bail!("it failed with {status}");
    }
    Ok((started.elapsed().as_secs_f64(), peak))
}

/// The kernel's own record of the most memory a process held (Linux).
fn peak_kib(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
