//! Reading the tables of the kinds of the market as values.

use domain::{BatchId, Form, MarketKind, Record, Value};
use testkit::tables::{MarketEntry, Vanished};

use crate::contents::{Dialect, Values};

/// The statement that reads the table of `kind`, by its key.
pub(super) fn rows_sql(kind: MarketKind, Dialect { instant, whole, json, .. }: &Dialect) -> String {
    let description = kind.description();
    let column = |column: &str, form| match form {
        Form::Id | Form::Count(_) | Form::Flag => whole(column),
        Form::Instant => instant(column),
        Form::Json => json(column),
        Form::Money | Form::Percent | Form::Number | Form::Text => column.to_owned(),
    };
    let mut columns: Vec<_> =
        description.fields.iter().map(|field| column(field.column, field.form)).collect();
    if kind.is_list() {
        columns.extend(["first_seen_at", "last_seen_at"].map(instant));
    }
    columns.extend([instant("fetched_at"), "batch_id".to_owned()]);
    let key = description.fields.iter().filter(|field| field.is_key);
    let key: Vec<_> = key.map(|field| format!("t.{}", field.column)).collect();
    format!("SELECT {} FROM {} AS t ORDER BY {}", columns.join(", "), description.table, key.join(", "))
}

/// A row that it finds.
pub(super) fn row(kind: MarketKind, row: &impl Values) -> MarketEntry {
    let values = kind.description().fields.iter().map(|field| match field.form {
        Form::Id | Form::Count(_) => row.count(field.column).map(|count| Value::Number(count.into())),
        Form::Money | Form::Percent | Form::Number => row.number(field.column).map(Value::Number),
        Form::Text => row.text(field.column).map(Value::Text),
        Form::Json => row.text(field.column).map(|json| Value::Text(plain(&json))),
        Form::Instant => row.instant(field.column).map(Value::Instant),
        Form::Flag => row.whole(field.column).map(|whole| Value::Flag(whole == 1)),
    });
    let seen = |column| row.instant(column).expect("an instant");
    MarketEntry {
        record: Record { values: values.collect() },
        fetched_at: seen("fetched_at"),
        batch: BatchId::from_stored(row.some_text("batch_id")),
        seen: kind.is_list().then(|| (seen("first_seen_at"), seen("last_seen_at"))),
    }
}

/// The statement that reads when coins vanished.
pub(super) fn vanished_sql(Dialect { instant, whole, .. }: &Dialect) -> String {
    let (id, vanished) = (whole("coin_id"), instant("vanished_at"));
    format!("SELECT {id}, {vanished} FROM coin_activity AS a ORDER BY a.coin_id")
}

/// A row that it finds.
pub(super) fn vanished(row: &impl Values) -> Vanished {
    (row.count("coin_id").expect("an id"), row.instant("vanished_at"))
}

/// Some databases write JSON in a way of their own.
fn plain(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json).expect("JSON").to_string()
}
