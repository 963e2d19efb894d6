//! Each stage alone: parse and clean, encode and decode, publish and consume, load. The example `stages` of the package
//! `bench` measures them, through the ports that the stages themselves use.

use std::process::Command;

use super::input::Input;
use super::results::{Results, Sample};
use super::servers::Servers;
use super::{Bench, child, lines};

/// The database that chunks are loaded into.
const DATABASE: &str = "stages";
/// How many chunks are loaded in one call, where several wait.
const TOGETHER: &str = "20";

pub(super) fn measure(
    bench: &Bench<'_>,
    servers: &Servers,
    input: &Input,
    results: &mut Results,
) -> anyhow::Result<()> {
    let file = bench.folder.join("stages.db");
    let url = format!("sqlite://{}", file.display());
    let embedded = [("COINPIPE__QUEUE__URL", url.clone()), ("COINPIPE__STORE__URL", url)];
    let settings = servers.settings(DATABASE);
    let steps: [(&str, &[&str], &[_]); 7] = [
        ("", &["clean"], &[]),
        ("", &["wire"], &[]),
        ("", &["queue"], &settings),
        (", SQLite", &["queue"], &embedded),
        ("", &["load"], &settings),
        (", 20 chunks together", &["load", "--together", TOGETHER], &settings),
        (", SQLite", &["load"], &embedded),
    ];
    for (suffix, arguments, settings) in steps {
        bench.now(&format!("alone: {}{suffix}", arguments[0]))?;
        servers.migrate(bench, DATABASE)?;
        servers.settle()?;
        let mut command = bench.programs.stages(arguments);
        command.args(input.pages()).current_dir(&bench.folder);
        command.envs(settings.iter().map(|(name, value)| (name, value)));
        let before = servers.cpu()?;
        for (name, sample) in said(&mut command, bench)? {
            let sample = if arguments[0] == "load" { servers.charge(sample, before)? } else { sample };
            results.add(&format!("{name}{suffix}"), sample);
        }
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{ending}", file.display()));
        }
    }
    Ok(())
}

/// What `command` measured, by the names that it gives.
fn said(command: &mut Command, bench: &Bench<'_>) -> anyhow::Result<Vec<(String, Sample)>> {
    let ran = child::run(command, &bench.interrupt)?;
    let samples = lines::read(&ran.stdout)?.into_iter().map(|line| {
        let sample = line.sample("stage")?.with("MiB stage", ran.peak_mib);
        Ok((line.name, sample))
    });
    samples.collect()
}
