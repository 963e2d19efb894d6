//! Ctrl-C and SIGTERM while something runs that must be cleaned up after: it ends first, then we do.

use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};

/// How often a running program is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// From its making on, signals are noted and no longer end this process.
#[derive(Clone)]
pub(crate) struct Interrupt {
    ctrl_c: Arc<AtomicBool>,
    term: Arc<AtomicBool>,
}

impl Interrupt {
    pub(crate) fn watch() -> anyhow::Result<Self> {
        let interrupt = Self { ctrl_c: Arc::default(), term: Arc::default() };
        for (signal, flag) in [(SIGINT, &interrupt.ctrl_c), (SIGTERM, &interrupt.term)] {
            signal_hook::flag::register(signal, Arc::clone(flag)).context("cannot watch for signals")?;
        }
        Ok(interrupt)
    }

    /// An error when a signal came.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.ctrl_c.load(Ordering::SeqCst) || self.term.load(Ordering::SeqCst) {
            bail!("interrupted");
        }
        Ok(())
    }

    /// Waits for the end of `child`. A terminal sends Ctrl-C to it as well; SIGTERM is passed on.
    pub(crate) fn wait(&self, mut child: Child) -> anyhow::Result<ExitStatus> {
        let mut passed_on = false;
        loop {
            if let Some(status) = child.try_wait().context("cannot wait for a program")? {
                self.check()?;
                return Ok(status);
            }
            if !passed_on && self.term.load(Ordering::SeqCst) {
                passed_on = true;
                let _ = kill_process(Pid::from_child(&child), Signal::TERM);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}
