//! What programs measured: lines such as `encode rows=100 seconds=0.5 cpu=0.4`.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};

use super::results::Sample;

/// One such line.
pub(super) struct Line {
    pub(super) name: String,
    values: BTreeMap<String, f64>,
}

/// All lines of `stdout`.
pub(super) fn read(stdout: &str) -> anyhow::Result<Vec<Line>> {
    let lines = stdout.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| parse(line).with_context(|| format!("{line:?} is no measurement"))).collect()
}

fn parse(line: &str) -> anyhow::Result<Line> {
    let mut words = line.split_whitespace();
    let name = words.next().context("it has no name")?.to_owned();
    let values = words.map(|word| {
        let (name, value) = word.split_once('=').context("a value has no name")?;
        Ok((name.to_owned(), value.parse()?))
    });
    let values: BTreeMap<_, _> = values.collect::<anyhow::Result<_>>()?;
    ensure!(!values.is_empty(), "it has no values");
    Ok(Line { name, values })
}

impl Line {
    /// Its value `name`.
    pub(super) fn value(&self, name: &str) -> anyhow::Result<f64> {
        self.values.get(name).copied().with_context(|| format!("{} has no {name}", self.name))
    }

    /// Rows, and either seconds, which `process` used CPU in, or bytes.
    pub(super) fn sample(&self, process: &str) -> anyhow::Result<Sample> {
        let rows = self.value("rows")?;
        if let Some(bytes) = self.values.get("bytes") {
            return Ok(Sample::default().with("bytes a row", bytes / rows));
        }
        let cpu = self.value("cpu")?;
        let sample = Sample::of(rows, self.value("seconds")?).with(format!("cpu {process}"), cpu);
        Ok(if cpu > 0.0 { sample.with("rows/s a core", rows / cpu) } else { sample })
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::Results;
    use super::*;

    #[test]
    fn lines_become_samples() {
        let lines = read("encode rows=100 seconds=2.0 cpu=0.5\n\nwire rows=4 bytes=10\n").unwrap();
        let mut results = Results::default();
        for line in &lines {
            results.add(&line.name, line.sample("stage").unwrap());
        }
        assert_eq!(results.median("encode", "rows/s"), Some(50.0));
        assert_eq!(results.median("encode", "rows/s a core"), Some(200.0));
        assert_eq!(results.cpu_a_row("encode", "stage"), [0.005]);
        assert_eq!(results.median("wire", "bytes a row"), Some(2.5));
        for wrong in ["warning: something", "name", "name rows=many"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
