//! Installing what tests need on a fresh Debian or Ubuntu machine, without starting any server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::cargo::say;
use crate::interrupt::Interrupt;

/// Asked by the packages' scripts before they start anything: 101 means no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Says that the file is ours, should we have been killed before we could remove it.
const POLICY_TEXT: &str =
    "#!/bin/sh\n# Written by `cargo xtask services`, which removes it again.\nexit 101\n";

/// The ports that the installed services would listen on.
const SYSTEM_PORTS: &[u16] = &[5672, 3306];

/// Installs `packages` with apt. An error where that is impossible, not root or no apt, which ends with `hint`.
pub(crate) fn install(packages: &[&str], hint: &str, interrupt: &Interrupt) -> anyhow::Result<()> {
    let list = packages.join(" and ");
    if !rustix::process::geteuid().is_root() {
        bail!("{list} not installed, and only root may install: {hint}");
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("{list} not installed, and there is no apt-get here: {hint}");
    }
    say(&format!("{list} not installed: installing with apt-get. No system service is started."));
    let taken_before = taken();
    // Whatever the packages' scripts start, against the policy or beside it (`epmd`), carries this mark.
    let mark = lab::services_folder().join("install");
    let policy = Policy::deny()?;
    let installed = apt(packages, &mark, interrupt);
    drop(policy);
    lab::remove(&mark);
    installed.with_context(|| format!("could not install {list}; {hint}"))?;
    for port in taken().iter().filter(|port| !taken_before.contains(port)) {
        say(&format!("warning: a system service now listens on port {port}; nothing here needs it"));
    }
    Ok(())
}

fn apt(packages: &[&str], mark: &Path, interrupt: &Interrupt) -> anyhow::Result<()> {
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(packages);
    // Package lists may be missing or too old to find the files: fetch them, then try again.
    if apt_get(&install, mark, interrupt).is_ok() {
        return Ok(());
    }
    interrupt.check()?;
    apt_get(&["update"], mark, interrupt)?;
    apt_get(&install, mark, interrupt)
}

fn apt_get(args: &[&str], mark: &Path, interrupt: &Interrupt) -> anyhow::Result<()> {
    say(&format!("$ apt-get {}", args.join(" ")));
    let mut command = Command::new("apt-get");
    command
        .args(["--option=DPkg::Lock::Timeout=300", "--option=Dpkg::Use-Pty=0", "--quiet"])
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        // Our own stdout is for the `export` lines.
        .stdout(std::io::stderr());
    lab::marked_for(mark, &mut command);
    let status = interrupt.wait(command.spawn().context("cannot start apt-get")?)?;
    if !status.success() {
        bail!("apt-get {} failed with {status}", args.join(" "));
    }
    Ok(())
}

fn taken() -> Vec<u16> {
    let answers = |port: &u16| std::net::TcpStream::connect(("127.0.0.1", *port)).is_ok();
    SYSTEM_PORTS.iter().copied().filter(answers).collect()
}

/// While it lives no package may start its service. A policy that the machine has already is left alone.
struct Policy {
    ours: bool,
}

impl Policy {
    fn deny() -> anyhow::Result<Self> {
        let ours = match fs::read_to_string(POLICY) {
            Ok(text) => text == POLICY_TEXT,
            Err(_) => !Path::new(POLICY).exists(),
        };
        let policy = Self { ours };
        if ours {
            fs::write(POLICY, POLICY_TEXT).with_context(|| format!("cannot write {POLICY}"))?;
            fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
        }
        Ok(policy)
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = fs::remove_file(POLICY)
        {
            say(&format!("cannot remove {POLICY}: {error}"));
        }
    }
}
