//! A row as the API would have sent its coin.

use ports::source::SourceRow;
use ports::store::ListedCoin;
use serde_json::{Map, Number, Value, json};

use super::mapping::{Field, Mapping};
use super::row_time::RowTime;

/// `row` as the API would have sent it (v1).
pub(super) fn coin_as_sent(
    mapping: &Mapping,
    row: &SourceRow,
    coin: &ListedCoin,
    time: &RowTime,
    currency: &str,
) -> Value {
    let mut fields = Map::new();
    let mut quote = Map::new();
    for measure in mapping.measures() {
        let number = mapping.text(row, Field::Measure(measure)).map_or(Value::Null, number);
        let fields = if measure.is_per_coin() { &mut fields } else { &mut quote };
        fields.insert(measure.column().to_owned(), number);
    }
    quote.insert("last_updated".to_owned(), time.text.as_str().into());
    fields.insert("id".to_owned(), coin.id.into());
    for (name, text) in [("name", &coin.name), ("symbol", &coin.symbol), ("slug", &coin.slug)] {
        fields.insert(name.to_owned(), text.as_str().into());
    }
    fields.insert("quote".to_owned(), json!({ currency: quote }));
    Value::Object(fields)
}

/// A number as such; any other text as text, which the transformer rejects with its reason.
fn number(text: &str) -> Value {
    let number = text.parse().ok().and_then(Number::from_f64);
    number.map_or_else(|| text.into(), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_stays_text() {
        for text in ["inf", "NaN", "-", "1e999"] {
            assert_eq!(number(text), json!(text));
        }
        assert_eq!(number("63857.73078756311"), json!(63_857.730_787_563_11));
    }
}
