//! Wall time and CPU time of this process.

use anyhow::Context;
use serde_json::{Value, json};
use tokio::time::Instant;

/// Linux counts processes' CPU time in these (`USER_HZ`), on every architecture that has RabbitMQ.
const TICKS_A_SECOND: f64 = 100.0;

/// What has passed since it was started.
pub(crate) struct Stopwatch {
    started: Instant,
    cpu: f64,
}

impl Stopwatch {
    pub(crate) fn start() -> anyhow::Result<Self> {
        Ok(Self { started: Instant::now(), cpu: cpu_seconds()? })
    }

    /// A measurement of `rows` rows, by this name.
    pub(crate) fn stop(&self, name: &str, rows: usize) -> anyhow::Result<Value> {
        let seconds = self.started.elapsed().as_secs_f64();
        Ok(json!({ "name": name, "rows": rows, "seconds": seconds, "cpu": cpu_seconds()? - self.cpu }))
    }
}

/// CPU seconds that all threads of this process have used.
fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("this needs Linux's /proc")?;
    // The name of the program stands in brackets, and may hold any character.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    let ticks: Vec<_> = ticks.collect::<Result<_, _>>().context("/proc/self/stat cannot be read")?;
    Ok(ticks.into_iter().map(f64::from).sum::<f64>() / TICKS_A_SECOND)
}
