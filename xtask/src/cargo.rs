//! Running cargo, visibly, and as if nobody stood between it and the developer's shell.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, bail};

use crate::interrupt::Interrupt;

/// What cargo tells the program it runs about *its* package. Passed on, it would be the environment of build
/// scripts that watch it (`ring` does): going back and forth between `cargo build` and `cargo xtask` would
/// rebuild what depends on them. The developer's own settings (`CARGO_TARGET_DIR` …) are passed on.
const ABOUT_US: &[&str] =
    &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The folder that cargo builds into.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Whether this is the run that decides about a change: nothing may be skipped.
pub(crate) fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// A cargo command to run at the root of the workspace.
pub(crate) struct Cargo {
    command: Command,
    shown: String,
}

impl Cargo {
    pub(crate) fn new(args: &[&str]) -> Self {
        // The cargo that runs us, so that a chosen toolchain stays chosen.
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::of(&cargo, "cargo", args)
    }

    /// A command of cargo's that is a program of its own, shown as `name`.
    pub(crate) fn of(program: &OsStr, name: &str, args: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.current_dir(root());
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(is_about_us) {
                command.env_remove(name);
            }
        }
        Self { command, shown: name.to_owned() }.args(args)
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        for arg in args {
            self.shown.push(' ');
            self.shown.push_str(arg);
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs it with its output shown; an exit code other than 0 is an error.
    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        say(&format!("$ {}", self.shown));
        let status = self.command.status().with_context(|| format!("cannot start `{}`", self.shown))?;
        ended(&self.shown, status)
    }

    /// [`Cargo::run`] that also comes back when the developer interrupts it.
    pub(crate) fn run_until(mut self, interrupt: &Interrupt) -> anyhow::Result<()> {
        say(&format!("$ {}", self.shown));
        let child = self.command.spawn().with_context(|| format!("cannot start `{}`", self.shown))?;
        ended(&self.shown, interrupt.wait(child)?)
    }

    /// Runs it silently and returns what it wrote to stdout. The error of an exit code other than 0 holds what it wrote
    /// to stderr.
    pub(crate) fn stdout(mut self) -> anyhow::Result<String> {
        let output = self.command.stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("cannot start `{}`", self.shown))?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ended(&self.shown, output.status).context(said)?;
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs it silently and tells whether it went well.
    pub(crate) fn succeeds(mut self) -> bool {
        let status = self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }
}

fn ended(shown: &str, status: ExitStatus) -> anyhow::Result<()> {
    if !status.success() {
        bail!("`{shown}` failed with {status}");
    }
    Ok(())
}

fn is_about_us(variable: &str) -> bool {
    ABOUT_US.iter().any(|start| variable.starts_with(start))
}

/// Says something on stderr.
pub(crate) fn say(text: &str) {
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::is_about_us;

    #[test]
    fn only_what_cargo_says_about_its_package_is_kept_back() {
        for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_VERSION", "CARGO_BIN_NAME"] {
            assert!(is_about_us(name), "{name}");
        }
        for name in
            ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_INCREMENTAL", "CARGO_TERM_COLOR", "PATH"]
        {
            assert!(!is_about_us(name), "{name}");
        }
    }
}
