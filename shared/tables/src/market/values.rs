//! Rows of a kind as values of statements, and back.

use chrono::{DateTime, Utc};
use domain::{Field, Form, MarketChunk, MarketKind, Record, Value};

use crate::row::{Row, Unreadable};
use crate::write::Parameter::{self, Flag, Instant, Number, Text, Whole};

/// What a table holds of a key.
#[derive(Debug)]
pub struct Held {
    pub(super) record: Record,
    pub(super) fetched_at: DateTime<Utc>,
}

/// The values of a row, in the order of [`columns`](super::table::columns).
pub(super) fn row<'a>(chunk: &'a MarketChunk, record: &'a Record) -> Vec<Parameter<'a>> {
    let page = &chunk.head.page;
    let mut values: Vec<_> =
        record.by_field(chunk.kind).map(|(field, value)| parameter(field, value)).collect();
    if chunk.kind.is_list() {
        let slot = page.slot.starts_at();
        values.extend([slot.into(), slot.into()]);
    }
    values.extend([page.batch.as_str().into(), page.fetched_at.into()]);
    values
}

/// The values of the key of a row.
pub(super) fn key(kind: MarketKind, record: &Record) -> impl Iterator<Item = Parameter<'_>> {
    record.by_field(kind).filter(|(field, _)| field.is_key).map(|(field, value)| parameter(field, value))
}

/// The row that a table holds.
pub fn held(kind: MarketKind, row: &dyn Row) -> Result<Held, Unreadable> {
    let values = kind.description().fields.iter().map(|field| value(field, row)).collect::<Result<_, _>>()?;
    Ok(Held { record: Record { values }, fetched_at: row.get("fetched_at")? })
}

/// Whether two rows say the same. JSON may be written in another way by a database.
pub(super) fn says_the_same(kind: MarketKind, one: &Record, other: &Record) -> bool {
    one.by_field(kind).zip(&other.values).all(|((field, one), other)| match (one, other) {
        (Some(Value::Text(one)), Some(Value::Text(other))) if field.form == Form::Json => {
            let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
            one == other || parsed(one).is_some_and(|one| Some(one) == parsed(other))
        }
        (one, other) => one == other.as_ref(),
    })
}

fn parameter<'a>(field: &Field, value: Option<&'a Value>) -> Parameter<'a> {
    let number = || match value {
        // Zero has no sign: some tables drop it.
        Some(Value::Number(number)) => Some(number + 0.0),
        _ => None,
    };
    let text = || match value {
        Some(Value::Text(text)) => Some(text.as_str().into()),
        _ => None,
    };
    match field.form {
        Form::Id | Form::Count(_) => Whole(number()),
        Form::Money | Form::Percent | Form::Number => Number(number()),
        Form::Text | Form::Json => Text(text()),
        Form::Instant => Instant(if let Some(Value::Instant(at)) = value { Some(*at) } else { None }),
        Form::Flag => Flag(if let Some(Value::Flag(flag)) = value { Some(*flag) } else { None }),
    }
}

fn value(field: &Field, row: &dyn Row) -> Result<Option<Value>, Unreadable> {
    let column = field.column;
    Ok(match field.form {
        Form::Id | Form::Count(_) | Form::Money | Form::Percent | Form::Number => {
            row.nullable(column)?.map(Value::Number)
        }
        Form::Text => row.nullable(column)?.map(Value::Text),
        Form::Json => row.json_text(column)?.map(Value::Text),
        Form::Instant => row.nullable(column)?.map(Value::Instant),
        Form::Flag => row.nullable(column)?.map(Value::Flag),
    })
}

/// The id in the key of `record`; 0 where rows are not of coins.
pub(super) fn coin_id(kind: MarketKind, record: &Record) -> u32 {
    let mut ids = record.by_field(kind).filter(|(field, _)| field.form == Form::Id);
    match ids.next() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ids are whole and fit")]
        Some((_, Some(Value::Number(id)))) => *id as u32,
        _ => 0,
    }
}
