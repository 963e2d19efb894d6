//! A program that runs to its end, measured.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::interrupt::Interrupt;

use super::numbers::Stopwatch;
use super::processes::{self, LOOK};

/// How a program ran.
pub(super) struct Ran {
    pub(super) seconds: f64,
    pub(super) cpu: f64,
    pub(super) peak_mib: f64,
    /// What it wrote to stdout.
    pub(super) stdout: String,
}

/// Runs `command` to its end, which has to be a good one.
pub(super) fn run(command: &mut Command, interrupt: &Interrupt) -> anyhow::Result<Ran> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let watch = Stopwatch::start();
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
    let mut peak_mib: f64 = 0.0;
    while !has_ended(&child)? {
        peak_mib = processes::peak_mib(child.id()).unwrap_or(0.0).max(peak_mib);
        if let Err(interrupted) = interrupt.check() {
            let _ = kill_process(Pid::from_child(&child), Signal::TERM);
            child.wait()?;
            return Err(interrupted);
        }
        processes::pause(LOOK);
    }
    let seconds = watch.seconds();
    // It is still there until it is waited for.
    let cpu = processes::cpu(child.id())?;
    let status = child.wait()?;
    let (stdout, stderr) = (joined(stdout), joined(stderr));
    check(&name, status, &stderr)?;
    Ok(Ran { seconds, cpu, peak_mib, stdout })
}

fn has_ended(child: &Child) -> anyhow::Result<bool> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Ok(waitid(WaitId::Pid(Pid::from_child(child)), options)?.is_some())
}

fn read(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error tells what it can.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn joined(reader: JoinHandle<String>) -> String {
    reader.join().unwrap_or_default()
}

fn check(name: &str, status: ExitStatus, stderr: &str) -> anyhow::Result<()> {
    if !status.success() {
        let lines: Vec<_> = stderr.lines().collect();
        bail!("{name} failed with {status}:\n{}", lines[lines.len().saturating_sub(20)..].join("\n"));
    }
    Ok(())
}
