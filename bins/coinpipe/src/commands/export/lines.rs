//! A quote as a line of CSV or of JSON, with the columns of `quotes_history`.

use std::borrow::Cow;

use domain::{Measure, timestamp};
use ports::store::PastQuote;
use serde_json::{Map, Value};

use crate::numbers;

/// What the lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    Csv,
    Json,
}

impl Lines {
    /// What stands before the first quote.
    pub(super) fn head(self) -> String {
        match self {
            Self::Csv => format!("{}\n", columns().collect::<Vec<_>>().join(",")),
            Self::Json => String::new(),
        }
    }

    /// A quote.
    pub(super) fn line(self, quote: &PastQuote) -> anyhow::Result<String> {
        let fields = columns().zip(values(quote));
        Ok(match self {
            Self::Csv => {
                let fields: Vec<_> = fields.map(|(_, value)| csv(&value).into_owned()).collect();
                format!("{}\n", fields.join(","))
            }
            Self::Json => {
                let object: Map<_, _> = fields.map(|(name, value)| (name.to_owned(), value)).collect();
                format!("{}\n", serde_json::to_string(&object)?)
            }
        })
    }
}

fn columns() -> impl Iterator<Item = &'static str> {
    let measures = Measure::HISTORY.into_iter().map(Measure::column);
    let last = ["missing_fields", "last_updated", "fetched_at", "batch_id"];
    ["coin_id", "currency"].into_iter().chain(measures).chain(last)
}

fn values(PastQuote { coin_id, quote, fetched_at, batch }: &PastQuote) -> impl Iterator<Item = Value> {
    let measures = Measure::HISTORY.into_iter().map(|measure| numbers::json(measure, quote.get(measure)));
    let last = [
        quote.missing.to_column_list().into(),
        timestamp::to_text(quote.last_updated).into(),
        timestamp::to_text(*fetched_at).into(),
        batch.as_str().into(),
    ];
    [(*coin_id).into(), quote.currency.as_str().into()].into_iter().chain(measures).chain(last)
}

/// A field of CSV. A text that a spreadsheet would take for a formula stays what it is: an export is data.
fn csv(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) if text.contains([',', '"', '\n', '\r']) => {
            Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
        }
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::quote;
    use super::*;

    /// As Excel, pandas and SQLite read it.
    fn fields(line: &str) -> Vec<String> {
        let (mut fields, mut is_quoted, mut letters) =
            (vec![String::new()], false, line.trim_end().chars().peekable());
        while let Some(letter) = letters.next() {
            let field = fields.last_mut().unwrap();
            match letter {
                '"' if is_quoted && letters.peek() == Some(&'"') => field.push(letters.next().unwrap()),
                '"' => is_quoted = !is_quoted,
                ',' if !is_quoted => fields.push(String::new()),
                letter => field.push(letter),
            }
        }
        fields
    }

    #[test]
    fn what_is_read_back_is_what_was_written() {
        let quote = quote();
        let (head, line) = (Lines::Csv.head(), Lines::Csv.line(&quote).unwrap());
        let (names, values) = (fields(&head), fields(&line));
        assert_eq!(names.len(), values.len());
        assert_eq!(names.len(), Measure::HISTORY_COUNT + 6);
        let json = Lines::Json.line(&quote).unwrap();
        assert_eq!(json.lines().count(), 1);
        let json: Value = serde_json::from_str(&json).unwrap();
        for (name, value) in names.iter().zip(&values) {
            let number = Measure::HISTORY.into_iter().find(|measure| measure.column() == name);
            if let Some(number) = number.map(|measure| quote.quote.get(measure)) {
                let read = value.parse::<f64>().ok();
                assert_eq!(read.map(f64::to_bits), number.map(f64::to_bits), "{name} {value}");
                assert_eq!(json[name].as_f64().map(f64::to_bits), number.map(f64::to_bits), "{name}");
            } else {
                assert_eq!(json[name].as_str().map_or(json[name].to_string(), str::to_owned), *value);
            }
        }
        assert_eq!((&values[0][..], &values[1][..]), ("1", "a\"b,\nc"));
        assert!(
            line.contains(",4294967295,\"max_supply,num_market_pairs\",2026-11-22T14:00:00.123Z,"),
            "{line}"
        );
    }
}
