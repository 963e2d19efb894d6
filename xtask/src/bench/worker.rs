//! A program that works until it is stopped: a transformer or a loader.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::results::Sample;
use super::{Bench, processes};

/// How often it is asked whether it is ready.
const LOOK: Duration = Duration::from_millis(20);
/// How often at most: a minute.
const LOOKS: u32 = 3000;

/// It ends with this handle.
pub(super) struct Worker {
    name: &'static str,
    child: Child,
    cpu_at_start: f64,
}

impl Worker {
    /// Starts the program `name` and waits until it is ready.
    pub(super) fn start(
        bench: &Bench<'_>,
        name: &'static str,
        settings: &[(&'static str, String)],
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let log = bench.folder.join(format!("{name}-{port}.log"));
        let errors = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = bench
            .programs
            .command(name)
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .env("COINPIPE__HTTP__LISTEN", format!("127.0.0.1:{port}"))
            .current_dir(&bench.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let mut worker = Self { name, child, cpu_at_start: 0.0 };
        for _ in 0..LOOKS {
            bench.interrupt.check()?;
            if let Some(status) = worker.child.try_wait()? {
                bail!("{name} ended with {status}: {}", std::fs::read_to_string(log)?);
            }
            if is_ready(port).unwrap_or(false) {
                worker.cpu_at_start = processes::cpu(worker.child.id())?;
                return Ok(worker);
            }
            processes::pause(LOOK);
        }
        bail!("{name} is not ready in time: {}", std::fs::read_to_string(log)?)
    }

    /// `sample` with what it used since it was ready.
    pub(super) fn charge(&self, sample: Sample) -> anyhow::Result<Sample> {
        let (id, name) = (self.child.id(), self.name);
        let cpu = processes::cpu(id)? - self.cpu_at_start;
        let peak = processes::peak_mib(id).with_context(|| format!("{name} ended"))?;
        // The CPU of all of its kind, and the memory of the one that took most.
        let (cpu_of, peak_of) = (format!("cpu {name}"), format!("MiB {name}"));
        let cpu = sample.value(&cpu_of).unwrap_or(0.0) + cpu;
        let peak = sample.value(&peak_of).unwrap_or(0.0).max(peak);
        Ok(sample.with(cpu_of, cpu).with(peak_of, peak))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        for _ in 0..LOOKS {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            processes::pause(LOOK);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

fn is_ready(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer.starts_with(b"HTTP/1.0 200") || answer.starts_with(b"HTTP/1.1 200"))
}
