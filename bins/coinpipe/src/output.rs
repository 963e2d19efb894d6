//! How things are written for people: tables, amounts, ages. What commands print on stdout goes through
//! here; everything else goes to stderr.

use std::io::Write;

use chrono::{DateTime, Utc};
use comfy_table::{CellAlignment, ColumnConstraint, Table, presets};

/// Prints to stdout. A closed pipe (`coinpipe batches | head`) is no error of ours.
pub(crate) fn print(text: impl std::fmt::Display) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Says something on stderr.
pub(crate) fn say(text: impl std::fmt::Display) {
    // Nobody is left to tell when stderr is closed.
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

/// Text from outside, safe for a terminal: without control characters, at most `most` characters.
pub(crate) fn plain(text: &str, most: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.chars().count() <= most {
        return clean;
    }
    clean.chars().take(most.saturating_sub(1)).chain(['…']).collect()
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

/// A price: two decimals and thousands from 1 up, four significant digits below.
pub(crate) fn price(amount: Option<f64>) -> String {
    match amount {
        None => "–".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(amount) if amount >= 1.0 => thousands(amount, 2),
        Some(amount) if amount >= 1e-4 => {
            // As many decimals as leave four significant digits.
            let decimals = if amount >= 0.1 {
                4
            } else if amount >= 0.01 {
                5
            } else if amount >= 0.001 {
                6
            } else {
                7
            };
            format!("{amount:.decimals$}")
        }
        Some(amount) => format!("{amount:.3e}"),
    }
}

/// An amount of money in a short form: `1.27 T`, `35.1 M`.
pub(crate) fn money(amount: Option<f64>) -> String {
    let Some(amount) = amount else { return "–".to_owned() };
    for (unit, name) in [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")] {
        if amount >= unit {
            return format!("{:.2} {name}", amount / unit);
        }
    }
    format!("{amount:.2}")
}

/// A percentage with its sign.
pub(crate) fn percent(amount: Option<f64>) -> String {
    amount.map_or_else(|| "–".to_owned(), |amount| format!("{amount:+.2} %"))
}

/// How long ago `at` was: `42 s`, `5 min`, `3 h`, `2 d`. The future, which a stepped clock can show, is `0 s`.
pub(crate) fn age(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    let seconds = (now - at).num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A count with thousands separated: `5,000`.
pub(crate) fn count(number: u64) -> String {
    group(&number.to_string())
}

/// A number of things: `1 message`, `5,000 messages`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(number))
}

fn thousands(amount: f64, decimals: usize) -> String {
    let text = format!("{amount:.decimals$}");
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{}.{fraction}", group(whole)),
        None => group(&text),
    }
}

fn group(digits: &str) -> String {
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well_at_every_size() {
        for (amount, written) in [
            (63_120.955_116_672_26, "63,120.96"),
            (1.0, "1.00"),
            (0.998_972_2, "0.9990"),
            (0.061_234_5, "0.06123"),
            (0.000_123_46, "0.0001235"),
            (5e-18, "5.000e-18"),
            (0.0, "0"),
        ] {
            assert_eq!(price(Some(amount)), written);
        }
        assert_eq!(price(None), "–");
        assert_eq!(money(Some(1.265_258e12)), "1.27 T");
        assert_eq!(percent(Some(-1.2)), "-1.20 %");
        assert_eq!(count(1_234_567), "1,234,567");
    }

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

    #[test]
    fn ages_are_short_and_never_negative() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        for (seconds, written) in
            [(-5, "0 s"), (42, "42 s"), (300, "5 min"), (10_000, "2 h"), (200_000, "2 d")]
        {
            assert_eq!(age(now, now - chrono::TimeDelta::seconds(seconds)), written);
        }
    }

    #[test]
    fn text_from_outside_cannot_drive_the_terminal() {
        assert_eq!(plain("a\u{1b}[31m\r\nb", 20), "a [31m  b");
        assert_eq!(plain("🚀🚀🚀🚀", 3), "🚀🚀…");
    }
}
