//! Prometheus's own tool tries the alert rules on made-up series.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::cargo::{self, say};

/// Tries the rules, or says that it could not: nobody should need a package of Debian's to change a line of Rust.
pub(crate) fn try_alert_rules() -> anyhow::Result<()> {
    let program = match program() {
        Ok(program) => program,
        Err(error) => {
            say(&format!(
                "warning: the alert rules were NOT tested: promtool is not installed, and {error:#}"
            ));
            return Ok(());
        }
    };
    let rules = cargo::root().join("deploy/prometheus");
    let status =
        Command::new(program).args(["test", "rules", "alerts_test.yml"]).current_dir(rules).status()?;
    ensure!(status.success(), "the alert rules do not do what alerts_test.yml says");
    Ok(())
}

/// The machine's promtool, or one of our own below the target folder.
fn program() -> anyhow::Result<OsString> {
    let tools = lab::services_folder().with_file_name("tools");
    let own = tools.join("bin/promtool");
    for program in [OsString::from("promtool"), own.clone().into_os_string()] {
        let version =
            Command::new(&program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if version.is_ok_and(|status| status.success()) {
            return Ok(program);
        }
    }
    say(&format!(
        "promtool is not installed: taking it out of Debian's package prometheus into {}. The package is not installed.",
        own.display()
    ));
    let folder = tools.join("prometheus");
    let taken = take(&folder, &own);
    let _ = fs::remove_dir_all(folder);
    taken?;
    Ok(own.into_os_string())
}

/// Downloads and unpacks the package in `folder`, and moves the program to `own`.
fn take(folder: &Path, own: &Path) -> anyhow::Result<()> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)?;
    let download =
        || run(Command::new("apt-get").args(["--quiet", "download", "prometheus"]).current_dir(folder));
    if download().is_err() {
        // Package lists may be missing; only root may fetch them.
        run(Command::new("apt-get").args(["--quiet", "update"]))?;
        download()?;
    }
    let package = packages(folder)?.pop().context("apt-get left no package")?;
    run(Command::new("dpkg-deb").arg("--extract").arg(package).arg(folder))?;
    fs::create_dir_all(own.parent().context("it has a folder")?)?;
    fs::rename(folder.join("usr/bin/promtool"), own).context("the package has no usr/bin/promtool")
}

fn packages(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut packages = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            packages.push(path);
        }
    }
    Ok(packages)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {name}"))?;
    ensure!(status.success(), "{name} failed with {status}");
    Ok(())
}
