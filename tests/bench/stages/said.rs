//! What is measured, as a line on stdout: a name, then values as `name=value`.

use std::io::Write;

use anyhow::Context;

/// Prints such a line.
pub(crate) fn say(name: &str, values: &[(&str, f64)]) -> anyhow::Result<()> {
    let values: Vec<_> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    writeln!(std::io::stdout().lock(), "{name} {}", values.join(" ")).context("cannot print")
}
