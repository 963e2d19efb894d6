//! `cargo xtask chaos`: the scenarios that kill workers and servers, at full size, and what they measured.

use crate::cargo::Cargo;
use crate::interrupt::Interrupt;
use crate::services;

/// Those on servers of their own whose name contains `filter`, one after the other.
pub(crate) fn run(filter: Option<&str>, batches: u32, coins: u32) -> anyhow::Result<()> {
    let interrupt = Interrupt::watch()?;
    services::install_missing(&services::ALL, &interrupt)?;
    Cargo::new(&["build", "--workspace", "--bins"]).run()?;
    Cargo::new(&["test", "--package", "scenarios", "--test", "scenarios", "--"])
        .args(&["--nocapture", "--test-threads=1"])
        .args(&[filter.unwrap_or("private_servers")])
        .env("COINPIPE_CHAOS_BATCHES", &batches.to_string())
        .env("COINPIPE_CHAOS_COINS", &coins.to_string())
        .env("COINPIPE_CHAOS_OUTAGE_SECONDS", "600")
        .run_until(&interrupt)
}
