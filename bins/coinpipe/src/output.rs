//! What commands write: results on stdout, everything else on stderr.

use std::io::Write;

use comfy_table::{CellAlignment, Table, presets};

/// Prints to stdout. A closed pipe (`coinpipe batches | head`) is no error of ours.
pub(crate) fn print(text: impl std::fmt::Display) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Prints to stderr.
pub(crate) fn say(text: impl std::fmt::Display) {
    // When stderr is closed, there is nowhere to report that.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A table with a head; the columns in `right` (from 0) hold numbers.
pub(crate) fn table(head: &[&str], right: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header(head).add_rows(rows);
    for &index in right {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Lines of text from outside, safe for a terminal: control characters but line breaks and tabs are shown as `\u{1b}`.
pub(crate) fn plain_lines(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && !matches!(c, '\n' | '\t') {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}
