//! Which processes are ours: those whose environment carries the folder of their server.
//!
//! A server's children inherit the mark, wherever they move (`epmd` becomes a daemon), and a process id that was
//! given to somebody else does not carry it. Signals go through a pidfd, opened before the mark is read.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::wait;

/// The variable that holds the folder of the server.
pub(crate) const MARK: &str = "COINPIPE_LAB";

/// Gives `command`, and whatever it starts, the mark of `folder`: [`remove`](crate::remove) ends them.
pub fn marked_for(folder: &Path, command: &mut Command) {
    command.env(MARK, folder);
}

/// Sends `signal` to `pid` if it carries the mark of `folder`; false when there is no such process.
pub(crate) fn signal(folder: &Path, pid: Pid, signal: Signal) -> bool {
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    is_marked(folder, pid) && pidfd_send_signal(process, signal).is_ok()
}

/// Whether `pid` runs and carries the mark of `folder`. What ended and was not waited for has no environment.
pub(crate) fn is_marked(folder: &Path, pid: Pid) -> bool {
    let environment = std::fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
    let mark = mark(folder);
    environment.split(|&byte| byte == 0).any(|variable| variable == mark.as_bytes())
}

/// Every process that carries the mark of `folder`.
pub(crate) fn marked(folder: &Path) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|entry| Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .filter(|&pid| is_marked(folder, pid))
        .collect()
}

/// Kills every process that carries the mark of `folder`; returns when none is left.
pub(crate) fn kill_all(folder: &Path) {
    // Again and again: one of them may just have started another.
    wait::poll(wait::DEADLINE, || {
        let left = marked(folder);
        for &pid in &left {
            signal(folder, pid, Signal::KILL);
        }
        left.is_empty().then_some(())
    });
}

fn mark(folder: &Path) -> OsString {
    let mut mark = format!("{MARK}=").into_bytes();
    mark.extend_from_slice(folder.as_os_str().as_bytes());
    OsString::from_vec(mark)
}
