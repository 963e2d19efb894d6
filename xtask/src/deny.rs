//! `cargo xtask deny`: what comes into the programs from outside is what `deny.toml` allows, and is listed.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::cargo::{self, Cargo, say};
use crate::licenses;

/// The cargo-deny that is installed where there is none. Its settings change between versions of this kind.
const VERSION: &str = "0.20.2";
const FITS: &str = "cargo-deny 0.20.";

/// Licences, bans and sources need nothing but the crates. Advisories change without a commit and come from GitHub: where it
/// cannot be reached they are checked against the copy that is there, or are said to be not checked.
pub(crate) fn run() -> anyhow::Result<()> {
    licenses::check()?;
    for reminder in overdue(&std::fs::read_to_string(cargo::root().join("deny.toml"))?, &today()?) {
        say(&format!("warning: deny.toml: to be reviewed: {reminder}"));
    }
    let program = program()?;
    let check = ["--locked", "check", "--hide-inclusion-graph"];
    Cargo::of(&program, "cargo-deny", &check).args(&["bans", "licenses", "sources"]).run()?;
    if let Err(error) = fetch(&program) {
        // The outermost text is what git said; the last line of it says why.
        let said = error.to_string();
        let reason = said.lines().next_back().unwrap_or_default();
        let Some(copy) = copy() else {
            say(&format!("warning: advisories NOT checked: no database of them can be had ({reason})"));
            return Ok(());
        };
        say(&format!(
            "warning: the advisories are those of {}: no newer ones can be had ({reason})",
            as_of(&copy)
        ));
    }
    Cargo::of(&program, "cargo-deny", &["--offline"]).args(&check).args(&["advisories"]).run()
}

/// The cargo-deny to use, installed below the target folder when the machine has none that fits.
fn program() -> anyhow::Result<OsString> {
    let folder = lab::services_folder().with_file_name("tools");
    let own = folder.join("bin/cargo-deny").into_os_string();
    for program in [OsString::from("cargo-deny"), own.clone()] {
        if version(&program).is_some_and(|version| version.starts_with(FITS)) {
            return Ok(program);
        }
    }
    say(&format!(
        "cargo-deny 0.20 is not installed: building it in {}, which takes minutes.",
        folder.display()
    ));
    let build = folder.join("build");
    Cargo::new(&["install", "--locked", "--debug", "cargo-deny", "--version", VERSION])
        .args(&["--root", &folder.display().to_string(), "--target-dir", &build.display().to_string()])
        // Half a gigabyte less, and quicker.
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .run()
        .context("cannot install cargo-deny, which needs the crate registry")?;
    // What it was made of is never needed again.
    let _ = std::fs::remove_dir_all(build);
    Ok(own)
}

fn version(program: &OsStr) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    String::from_utf8(output.stdout).ok()
}

/// Fetches the advisory database.
fn fetch(program: &OsStr) -> anyhow::Result<()> {
    // A proxy that wants a password must not stop everything with a question.
    Cargo::of(program, "cargo-deny", &["fetch", "db"]).env("GIT_TERMINAL_PROMPT", "0").stdout().map(drop)
}

/// Where cargo-deny keeps the database of an earlier fetch, if there was one.
fn copy() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")))?;
    let mut folders = std::fs::read_dir(home.join("advisory-dbs")).ok()?.flatten().map(|entry| entry.path());
    folders.find(|folder| folder.join("crates").is_dir())
}

/// The day of the newest advisory of a copy.
fn as_of(copy: &Path) -> String {
    let log = Command::new("git").arg("-C").arg(copy).args(["log", "-1", "--format=%cs"]).output();
    let day = log.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    if day.trim().is_empty() { "an unknown day".to_owned() } else { day.trim().to_owned() }
}

/// The lines of exceptions whose day has come. They do not fail: what passed yesterday passes today.
fn overdue<'text>(settings: &'text str, today: &str) -> Vec<&'text str> {
    let is_overdue = |line: &&str| review_day(line).is_some_and(|day| day <= today);
    settings.lines().map(str::trim).filter(is_overdue).collect()
}

fn review_day(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("Review by ")?;
    rest.get(.."2027-05-01".len())
}

/// As 2026-11-23.
fn today() -> anyhow::Result<String> {
    let output = Command::new("date").args(["-u", "+%F"]).output().context("cannot start date")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_due_on_its_day_and_after_it() {
        let settings = "a = 1\n  # Reason. Review by 2027-05-01.\n{ reason = \"r. Review by 2028-01-31.\" }";
        assert!(overdue(settings, "2027-04-30").is_empty());
        assert_eq!(overdue(settings, "2027-05-01"), ["# Reason. Review by 2027-05-01."]);
        assert_eq!(overdue(settings, "2030-01-01").len(), 2);
    }

    #[test]
    fn every_exception_says_when_it_is_reviewed() {
        let settings = std::fs::read_to_string(cargo::root().join("deny.toml")).expect("deny.toml is there");
        let lines: Vec<_> = settings.lines().collect();
        let mut exceptions = 0;
        for (number, line) in lines.iter().enumerate() {
            let is_advisory = line.contains("id = \"RUSTSEC-");
            let is_license = line.contains("crate = ") && line.contains("allow = [");
            if is_advisory || is_license {
                exceptions += 1;
                // In its own text, or in the comment above it.
                let day = review_day(line).or_else(|| review_day(lines[number.saturating_sub(1)]));
                let day = day.unwrap_or_else(|| panic!("no `Review by` for {line}"));
                assert!(day.len() == 10 && day.split('-').count() == 3, "{day} is not a day");
            }
        }
        assert!(exceptions > 0, "none was found: is deny.toml written in another way now?");
    }
}
