//! Each stage alone: parse and clean, encode and decode, publish and consume, load. The example `stages` of the package
//! `bench` measures them, through the ports that the stages themselves use.

use std::process::Command;

use anyhow::Context;
use serde_json::Value;

use super::input::Input;
use super::results::{Results, Sample};
use super::servers::Servers;
use super::{Bench, child};

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
    let samples = lines(&ran.stdout)?.into_iter().map(|line| {
        let name = line["name"].as_str().context("a line has no name")?.to_owned();
        Ok((name, sample(&line)?.with("MiB stage", ran.peak_mib)))
    });
    samples.collect()
}

/// The lines of JSON that a program printed.
pub(super) fn lines(stdout: &str) -> anyhow::Result<Vec<Value>> {
    let lines = stdout.lines().filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_str(line).with_context(|| format!("{line} is no JSON"))).collect()
}

/// A number of such a line.
pub(super) fn number(line: &Value, name: &str) -> anyhow::Result<f64> {
    line[name].as_f64().with_context(|| format!("{line} has no number {name}"))
}

/// Rows, and either seconds or bytes.
pub(super) fn sample(line: &Value) -> anyhow::Result<Sample> {
    let rows = number(line, "rows")?;
    if line["bytes"].is_number() {
        return Ok(Sample::default().with("bytes a row", number(line, "bytes")? / rows));
    }
    let cpu = number(line, "cpu")?;
    let sample = Sample::of(rows, number(line, "seconds")?).with("cpu stage", cpu);
    Ok(if cpu > 0.0 { sample.with("rows/s a core", rows / cpu) } else { sample })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_json_become_samples() {
        let said = "{\"name\":\"encode\",\"rows\":100,\"seconds\":2.0,\"cpu\":0.5}\n\n{\"name\":\"wire\",\"rows\":4,\"bytes\":10}\n";
        let lines = lines(said).unwrap();
        let mut results = Results::default();
        for line in &lines {
            results.add(line["name"].as_str().unwrap(), sample(line).unwrap());
        }
        assert_eq!(results.median("encode", "rows/s"), Some(50.0));
        assert_eq!(results.median("encode", "rows/s a core"), Some(200.0));
        assert_eq!(results.median("wire", "bytes a row"), Some(2.5));
        assert!(super::lines("warning: x").is_err());
    }
}
