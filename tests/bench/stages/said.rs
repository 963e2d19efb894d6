//! What is measured, as a line of JSON on stdout.

use std::io::Write;

use anyhow::Context;
use serde_json::Value;

/// Prints `line`.
pub(crate) fn say(line: &Value) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").context("cannot print")
}
