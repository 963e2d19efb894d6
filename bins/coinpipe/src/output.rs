//! What commands write: results on stdout, everything else on stderr.

use std::io::Write;

use comfy_table::{CellAlignment, ColumnConstraint, Table, presets};

/// Prints to stdout, [plainly](domain::plain_lines): names, reasons and bodies come from outside. A closed pipe (`coinpipe batches | head`) is no error of ours.
pub(crate) fn print(text: impl std::fmt::Display) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{}", domain::plain_lines(&text.to_string())) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Prints to stderr, as plainly.
pub(crate) fn say(text: impl std::fmt::Display) {
    // When stderr is closed, there is nowhere to report that.
    let _ = writeln!(std::io::stderr().lock(), "{}", domain::plain_lines(&text.to_string()));
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

/// How many characters stand in a line of the terminal that stdout is; `None` when it is something else.
pub(crate) fn terminal_width() -> Option<usize> {
    console::Term::stdout().size_checked().map(|(_, columns)| columns.into())
}

/// Hides columns of a table that is wider than `width`: those of `least` (from 0), the first one first, until it fits.
pub(crate) fn fit(table: &mut Table, width: Option<usize>, least: &[usize]) {
    let Some(width) = width else { return };
    for &index in least {
        let longest = table.lines().map(|line| line.chars().count()).max().unwrap_or_default();
        if longest <= width {
            return;
        }
        hide(table, index);
    }
}

/// Hides the columns of which every cell is empty.
pub(crate) fn hide_empty(table: &mut Table) {
    for index in 0..table.column_count() {
        let is_empty = table
            .row_iter()
            .all(|row| row.cell_iter().nth(index).is_none_or(|cell| cell.content().is_empty()));
        if is_empty {
            hide(table, index);
        }
    }
}

fn hide(table: &mut Table, index: usize) {
    if let Some(column) = table.column_mut(index) {
        column.set_constraint(ColumnConstraint::Hidden);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_loses_its_least_columns_until_it_fits() {
        let shown = |width, least: &[usize]| {
            let mut table = table(
                &["name", "count", "state"],
                &[1],
                [vec!["a".repeat(20), "5,000".to_owned(), "complete".to_owned()]],
            );
            fit(&mut table, width, least);
            table.to_string()
        };
        let has = |text: &str| ["aaa", "5,000", "complete"].map(|word| text.contains(word));
        for (width, expected) in [
            (None, [true, true, true]),
            (Some(43), [true, true, true]),
            (Some(42), [true, false, true]),
            (Some(34), [false, false, true]),
            (Some(1), [false, false, true]),
        ] {
            let shown = shown(width, &[1, 0]);
            assert_eq!(has(&shown), expected, "{width:?}\n{shown}");
        }
    }

    #[test]
    fn a_column_without_a_text_is_not_shown() {
        let mut table = table(
            &["symbol", "name", "coin"],
            &[],
            [
                vec!["A".to_owned(), String::new(), "1".to_owned()],
                vec!["B".to_owned(), String::new(), String::new()],
            ],
        );
        hide_empty(&mut table);
        let shown = table.to_string();
        assert!(shown.contains("symbol") && shown.contains("coin") && !shown.contains("name"), "{shown}");
    }
}
