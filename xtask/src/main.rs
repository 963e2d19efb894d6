//! Developer commands, run as `cargo xtask NAME`.

mod bench;
mod cargo;
mod chaos;
mod deny;
mod install;
mod interrupt;
mod licenses;
mod promtool;
mod screenshots;
mod services;
mod test;

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
        /// Start and use no server; tests that need one are skipped
        #[arg(long)]
        no_services: bool,
    },
    /// Kill workers and servers under load, on servers started for it, and say how that went
    Chaos {
        /// Only scenarios whose name contains this
        filter: Option<String>,
        /// Snapshots that are loaded while a worker is killed every second
        #[arg(long, default_value_t = 50)]
        batches: u32,
        /// Coins in each of them, below 10,000
        #[arg(long, default_value_t = 5000)]
        coins: u32,
    },
    /// The RabbitMQ and MariaDB (or MySQL) that tests use
    #[command(subcommand)]
    Services(Services),
    /// Check formatting, lints, documentation and the alert rules, as .ci/run does
    Lint,
    /// Check what comes from outside: licences, sources, versions, advisories; builds cargo-deny where there is none
    Deny,
    /// Write THIRD-PARTY.md, the list of what the programs are made of, with the licence texts
    Licenses,
    /// Take the README's screenshots of the site, into docs/images
    Screenshots,
    /// Measure how fast the pipeline is, beside what the databases can do and what scripts do
    Bench(bench::BenchArgs),
}

#[derive(Subcommand)]
enum Services {
    /// Start what does not run yet (installing it on Debian and Ubuntu, as root) and print where it is
    Up,
    /// Stop what `up` started and remove its data
    Down,
    /// Say what runs
    Status,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Test { filter, no_services } => test::run(filter.as_deref(), no_services),
        Command::Chaos { filter, batches, coins } => chaos::run(filter.as_deref(), batches, coins),
        Command::Services(Services::Up) => services::up(),
        Command::Services(Services::Down) => services::down(),
        Command::Services(Services::Status) => services::status(),
        Command::Lint => lint(),
        Command::Deny => deny::run(),
        Command::Licenses => licenses::write(),
        Command::Screenshots => screenshots::take(),
        Command::Bench(args) => bench::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cargo::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn lint() -> anyhow::Result<()> {
    Cargo::new(&["fmt", "--all", "--check"]).run()?;
    Cargo::new(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()?;
    Cargo::new(&["doc", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    promtool::try_alert_rules()
}
