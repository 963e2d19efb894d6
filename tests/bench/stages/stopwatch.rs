//! Wall time and CPU time of this process.

use anyhow::Context;
use tokio::time::Instant;

use crate::said::say;

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

    /// Says what has passed for `rows` rows.
    pub(crate) fn say(&self, name: &str, rows: usize) -> anyhow::Result<()> {
        let seconds = self.started.elapsed().as_secs_f64();
        let rows = u32::try_from(rows).context("these are too many rows")?;
        say(name, &[("rows", rows.into()), ("seconds", seconds), ("cpu", cpu_seconds()? - self.cpu)])
    }
}

/// CPU seconds that all threads of this process have used.
pub(crate) fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("this needs Linux's /proc")?;
    // The name of the program stands in brackets, and may hold any character.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    let ticks: Vec<_> = ticks.collect::<Result<_, _>>().context("/proc/self/stat cannot be read")?;
    Ok(ticks.into_iter().map(f64::from).sum::<f64>() / TICKS_A_SECOND)
}
