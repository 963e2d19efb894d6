//! `cargo xtask screenshots`: the README's images of the site, taken by a browser from simulated data.

use std::fs;

use crate::cargo::{self, Cargo};
use crate::interrupt::Interrupt;
use crate::services;

/// Builds the programs, has a browser look at them, and keeps what it saw.
pub(crate) fn take() -> anyhow::Result<()> {
    let interrupt = Interrupt::watch()?;
    services::install_browser(&interrupt);
    Cargo::new(&["build", "--workspace", "--bins"]).run()?;
    let images = cargo::root().join("docs/images");
    fs::create_dir_all(&images)?;
    Cargo::new(&["test", "--package", "browser", "--test", "browser", "--"])
        .args(&["screenshots"])
        .env("COINPIPE_TEST_SCREENSHOTS", &images.display().to_string())
        .run_until(&interrupt)
}
