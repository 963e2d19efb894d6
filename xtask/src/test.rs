//! `cargo xtask test`: everything, with the servers it needs, and at the end what could not run.

use std::path::PathBuf;

use anyhow::bail;

use crate::cargo::{Cargo, is_ci, say};
use crate::interrupt::Interrupt;
use crate::services::{self, Held, Service};

/// Builds first, because the process tests run the programs. cargo-nextest runs tests faster where installed.
pub(crate) fn run(filter: Option<&str>, no_services: bool) -> anyhow::Result<()> {
    let ci = is_ci();
    if ci && no_services {
        bail!("CI=true means that nothing may be skipped, and --no-services skips");
    }
    Cargo::new(&["build", "--workspace", "--bins"]).run()?;
    let interrupt = Interrupt::watch()?;
    let runner: &[&str] =
        if Cargo::new(&["nextest", "--version"]).succeeds() { &["nextest", "run"] } else { &["test"] };
    let skipped = Skipped::new()?;
    let mut tests = Cargo::new(runner)
        .args(&["--workspace", "--all-targets"])
        .env("COINPIPE_TEST_SKIPPED", &skipped.0.display().to_string());
    if let Some(filter) = filter {
        tests = tests.args(&[filter]);
    }
    // They end, and their data goes, when this returns; also when this process is killed.
    let mut held = Vec::new();
    if no_services {
        tests = tests.env("COINPIPE_TEST_NO_SERVERS", "1");
        for service in services::ALL {
            tests = tests.env_remove(service.variable());
        }
    } else {
        install(ci, &interrupt)?;
        for service in services::ALL {
            if let Some(url) = url(service, &mut held)? {
                tests = tests.env(service.variable(), &url);
            }
            interrupt.check()?;
        }
    }
    let result = tests.run_until(&interrupt);
    skipped.tell();
    result
}

/// Installs what is missing. Where that is impossible the rest is tested all the same, unless this is CI.
fn install(ci: bool, interrupt: &Interrupt) -> anyhow::Result<()> {
    services::install_mail_server(interrupt);
    services::install_browser(interrupt);
    // Also when the environment gives URLs: some tests need a server that they may kill.
    match services::install_missing(&services::ALL, interrupt) {
        Err(error) if !ci => {
            interrupt.check()?;
            say(&format!("warning: {error:#}. Tests that need them are skipped."));
            Ok(())
        }
        result => result,
    }
}

/// Where `service` is for this run; starts one if need be. None where it is not installed.
fn url(service: Service, held: &mut Vec<Held>) -> anyhow::Result<Option<String>> {
    if let Some(url) = service.given().or_else(|| service.found()) {
        return Ok(Some(url));
    }
    if !service.is_installed() {
        return Ok(None);
    }
    say(&format!("starting {service} for this run"));
    let server = service.start()?;
    let url = server.url();
    held.push(server);
    Ok(Some(url))
}

/// The file that skipped tests write a line to.
struct Skipped(PathBuf);

impl Skipped {
    fn new() -> anyhow::Result<Self> {
        let folder = lab::services_folder();
        std::fs::create_dir_all(&folder)?;
        let file = Self(folder.join(format!("skipped-{}", std::process::id())));
        let _ = std::fs::remove_file(&file.0);
        Ok(file)
    }

    fn tell(&self) {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        let mut lines: Vec<_> = text.lines().map(|line| line.trim_start_matches("skipped: ")).collect();
        lines.sort_unstable();
        lines.dedup();
        if lines.is_empty() {
            say("No test was skipped.");
        } else {
            say(&format!("{} skipped:\n  {}", lines.len(), lines.join("\n  ")));
        }
    }
}

impl Drop for Skipped {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
