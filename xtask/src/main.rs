//! Developer commands, run as `cargo xtask NAME`.

mod bench;
mod cargo;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use cargo::Cargo;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer commands of coinpipe")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything and run every test
    Test {
        /// Only tests whose name contains this
        filter: Option<String>,
    },
    /// Check formatting, lints and documentation, as .ci/run does
    Lint,
    /// Measure `coinpipe --once` in an empty folder: wall time and peak memory
    Bench {
        /// How many runs
        #[arg(long, default_value_t = 5)]
        runs: u32,
        /// Measure the release build
        #[arg(long)]
        release: bool,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Test { filter } => test(filter.as_deref()),
        Command::Lint => lint(),
        Command::Bench { runs, release } => bench::run(runs, release),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cargo::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The embedded suite needs nothing but the workspace: cargo-nextest runs it faster where installed.
/// The binaries are built first, because the process tests run them.
fn test(filter: Option<&str>) -> anyhow::Result<()> {
    Cargo::new(&["build", "--workspace", "--bins"]).run()?;
    let runner: &[&str] =
        if Cargo::new(&["nextest", "--version"]).succeeds() { &["nextest", "run"] } else { &["test"] };
    let mut tests = Cargo::new(runner).args(&["--workspace", "--all-targets"]);
    if let Some(filter) = filter {
        tests = tests.args(&[filter]);
    }
    tests.run()
}

fn lint() -> anyhow::Result<()> {
    Cargo::new(&["fmt", "--all", "--check"]).run()?;
    Cargo::new(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()?;
    Cargo::new(&["doc", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}
