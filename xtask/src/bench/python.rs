//! What is compared with that is written in Python: the scripts in `tests/bench`, in an environment of their own.

pub(super) mod embedded;
pub(super) mod server;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::cargo::{root, say, target};

use super::child::{self, Ran};
use super::results::Sample;
use super::{Bench, lines};

/// A Python with what the scripts import.
pub(super) struct Python(PathBuf);

impl Python {
    /// Makes it in the target folder. `None`, and said so, where there is no Python or what it needs cannot be had.
    pub(super) fn prepare(bench: &Bench<'_>) -> anyhow::Result<Option<Self>> {
        let folder = target().join("bench").join("python");
        let program = folder.join("bin").join("python3");
        let scripts = scripts();
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&folder);
        let mut install = Command::new(&program);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        install.arg(scripts.join("requirements.txt"));
        bench.now("a Python with PyMySQL, pandas and Polars")?;
        for command in [&mut make, &mut install] {
            if let Err(error) = child::run(command, &bench.interrupt) {
                bench.interrupt.check()?;
                say(&format!("skipped: what is written in Python: {error:#}"));
                return Ok(None);
            }
        }
        Ok(Some(Self(program)))
    }

    /// Runs one of the scripts.
    fn run(&self, bench: &Bench<'_>, script: &str, set: impl FnOnce(&mut Command)) -> anyhow::Result<Ran> {
        let mut command = Command::new(&self.0);
        command.arg(scripts().join(script));
        set(&mut command);
        child::run(&mut command, &bench.interrupt)
    }
}

fn scripts() -> PathBuf {
    root().join("tests").join("bench").components().collect::<PathBuf>()
}

/// What a script measured: the last line that it printed.
fn measured(ran: &Ran) -> anyhow::Result<Sample> {
    let line = lines::read(&ran.stdout)?.pop().context("the script said nothing")?;
    Ok(line.sample("python")?.with("MiB python", ran.peak_mib))
}

/// `path` as an argument.
fn text(path: &Path) -> String {
    path.display().to_string()
}
