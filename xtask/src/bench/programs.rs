//! The programs that are measured: built for release, as users have them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::cargo::{Cargo, target};

/// Where the programs are.
pub(super) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds them: for release, or with the dev profile.
    pub(super) fn build(for_release: bool) -> anyhow::Result<Self> {
        let packages = ["coinpipe", "fetcher", "transformer", "loader", "alerter", "bench"];
        let mut build = Cargo::new(&["build", "--bins", "--examples"]);
        for package in packages {
            build = build.args(&["--package", package]);
        }
        if for_release {
            build = build.args(&["--release"]);
        }
        build.run()?;
        Self::found_in(&target().join(if for_release { "release" } else { "debug" }))
    }

    /// Those that are in `folder`.
    pub(super) fn found_in(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.canonicalize().with_context(|| format!("there is no {}", folder.display()))?;
        for program in ["coinpipe", "transformer", "loader", "examples/stages"] {
            ensure!(folder.join(program).exists(), "there is no {program} in {}", folder.display());
        }
        Ok(Self { folder })
    }

    /// The program `name`, which gets no setting of coinpipe's but those that are put into its environment.
    pub(super) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        for (variable, _) in std::env::vars_os() {
            if variable.to_str().is_some_and(is_setting) {
                command.env_remove(variable);
            }
        }
        command
    }

    /// What measures stages alone.
    pub(super) fn stages(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = self.command("examples/stages");
        command.args(args);
        command
    }

    /// The profile that they were built with, as far as the name of their folder tells.
    pub(super) fn profile(&self) -> &str {
        self.folder.file_name().and_then(OsStr::to_str).unwrap_or_default()
    }

    /// Its path, for a program that starts it.
    pub(super) fn stages_path(&self) -> PathBuf {
        self.folder.join("examples/stages")
    }
}

fn is_setting(variable: &str) -> bool {
    variable.starts_with("COINPIPE_") || variable == "CMC_API_KEY"
}
