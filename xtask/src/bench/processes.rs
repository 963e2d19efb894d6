//! What Linux says about processes: their CPU time and their memory.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;

/// Linux counts processes' CPU time in these (`USER_HZ`), on every architecture that has RabbitMQ.
const TICKS_A_SECOND: f64 = 100.0;

/// One process.
struct Process {
    parent: u32,
    /// Its own, and that of children that it has waited for.
    cpu: f64,
}

/// CPU seconds of `root` and all that it started, those that ended included.
pub(super) fn cpu_of_all(root: u32) -> anyhow::Result<f64> {
    let all = all()?;
    let is_below = |mut id: u32| {
        while id != root {
            match all.get(&id) {
                Some(process) if process.parent != 0 => id = process.parent,
                _ => return false,
            }
        }
        true
    };
    Ok(all.iter().filter(|&(&id, _)| is_below(id)).map(|(_, process)| process.cpu).sum())
}

/// CPU seconds of one process, also of one that ended and was not waited for.
pub(super) fn cpu(id: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).context("this needs Linux's /proc")?;
    Ok(parse(&stat).context("a line of /proc cannot be read")?.cpu)
}

/// The most memory that a process ever had, in MiB, as the kernel keeps it.
pub(super) fn peak_mib(id: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// How many processes want a core, on average over the last minute.
pub(super) fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn all() -> anyhow::Result<BTreeMap<u32, Process>> {
    let entries = std::fs::read_dir("/proc").context("this needs Linux's /proc")?;
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // One that ended meanwhile is none.
    Ok(ids
        .filter_map(|id: u32| {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            Some((id, parse(&stat)?))
        })
        .collect())
}

fn parse(stat: &str) -> Option<Process> {
    // The name of the program stands in brackets, and may hold any character.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let parent = fields.get(1)?.parse().ok()?;
    let ticks = fields.get(11..15)?.iter().map(|ticks| ticks.parse::<f64>().ok());
    Some(Process { parent, cpu: ticks.sum::<Option<f64>>()? / TICKS_A_SECOND })
}

/// How often something is looked at that takes some time.
pub(super) const LOOK: Duration = Duration::from_millis(5);

/// Waits a moment.
pub(super) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_proc_is_read_whatever_the_program_is_called() {
        let line = "42 (a) b (c)) S 7 42 42 0 -1 4194560 100 0 0 0 150 50 25 25 20 0 1 0 1 1 1 1";
        let process = parse(line).unwrap();
        assert_eq!(process.parent, 7);
        assert!((process.cpu - 2.5).abs() < 1e-9);
        assert!(parse("42 (a) S").is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_process_started_counts_as_well() {
        let own = cpu(std::process::id()).unwrap();
        assert!(cpu_of_all(std::process::id()).unwrap() >= own);
        assert!(cpu_of_all(1).unwrap() > 0.0);
        assert!(peak_mib(std::process::id()).unwrap() > 0.5);
    }
}
