//! A field of a kind: where an answer has it, what it must be, and the column it becomes.

use chrono::Datelike;

use super::value::Value;

/// What a field holds; cleaning rules and column types follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A whole number from 1, held exactly: the id of a coin.
    Id,
    /// A whole number from 0 up to this, held exactly.
    Count(u32),
    /// An amount of money, not below zero.
    Money,
    /// A percentage: `1.5` means 1.5 %.
    Percent,
    /// Any other number, not below zero, kept as sent.
    Number,
    /// A text of at most 255 characters, without NUL.
    Text,
    /// An instant.
    Instant,
    /// Yes or no, sent as 1 or 0, or as `true` or `false`.
    Flag,
    /// JSON of any shape, of at most [`MOST_JSON_BYTES`](super::Value::MOST_JSON_BYTES).
    Json,
}

/// Where an answer has a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the object itself.
    Own(&'static str),
    /// In the object that this field is: `platform`, `name`.
    Within(&'static str, &'static str),
    /// In the quote of the currency.
    Quote(&'static str),
    /// Nowhere: it is the currency of the quote.
    Currency,
    /// Nowhere: it is always this.
    Always(&'static str),
}

/// A column of a kind's table.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the table.
    pub column: &'static str,
    /// Where an answer has it.
    pub place: Place,
    /// What it holds.
    pub form: Form,
    /// Whether it is part of the table's key.
    pub is_key: bool,
    /// Whether a row without it is none.
    pub is_required: bool,
}

/// The longest text in bytes, several times what any table holds.
const MOST_TEXT_BYTES: usize = 1024;

impl Field {
    /// Whether a table can hold `value` in this column.
    pub fn accepts(&self, value: &Value) -> bool {
        let is_whole = |number: f64, least: u32, most: u32| {
            number.fract() == 0.0 && (f64::from(least)..=f64::from(most)).contains(&number)
        };
        match (self.form, value) {
            (Form::Id, Value::Number(number)) => is_whole(*number, 1, u32::MAX),
            (Form::Count(most), Value::Number(number)) => is_whole(*number, 0, most),
            (Form::Money | Form::Percent | Form::Number, Value::Number(number)) => number.is_finite(),
            (Form::Text, Value::Text(text)) => text.len() <= MOST_TEXT_BYTES,
            (Form::Json, Value::Text(text)) => text.len() <= Value::MOST_JSON_BYTES,
            (Form::Instant, Value::Instant(at)) => (1000..=9999).contains(&at.year()),
            (Form::Flag, Value::Flag(_)) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_takes_values_of_its_form_alone() {
        let accepts = |form, value| {
            let (column, place) = ("x", Place::Own("x"));
            Field { column, place, form, is_key: false, is_required: false }.accepts(&value)
        };
        for (form, number, expected) in [
            (Form::Id, 1.0, true),
            (Form::Id, 0.0, false),
            (Form::Count(100), 100.0, true),
            (Form::Count(100), 101.0, false),
            (Form::Count(100), 1.5, false),
            (Form::Count(100), -1.0, false),
            (Form::Money, 1.5, true),
            (Form::Number, f64::NAN, false),
            (Form::Text, 1.0, false),
        ] {
            assert_eq!(accepts(form, Value::Number(number)), expected, "{form:?} {number}");
        }
        assert!(!accepts(Form::Text, Value::Text("x".repeat(1025))));
        assert!(accepts(Form::Json, Value::Text("x".repeat(1025))));
        assert!(!accepts(Form::Instant, Value::Instant(chrono::DateTime::<chrono::Utc>::MAX_UTC)));
    }
}
