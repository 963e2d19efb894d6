//! The rules of rows: what cannot be true is rejected, and numbers are rounded as those of quotes.

use chrono::{DateTime, Utc};
use domain::{Field, Form, MarketKind, Record, Value, timestamp};

use super::fault::RowFault;
use crate::rules::{FIRST_BLOCK_DAY_MILLIS, round_amount, round_percentage};

/// The row as it is kept; nothing in its key may be later than `latest`.
pub(super) fn apply(kind: MarketKind, mut record: Record, latest: DateTime<Utc>) -> Result<Record, RowFault> {
    for (field, value) in kind.description().fields.iter().zip(&mut record.values) {
        match value {
            Some(Value::Number(number)) => *number = self::number(field, *number)?,
            Some(Value::Instant(at)) if field.is_key => instant(field, *at, latest)?,
            _ => {}
        }
    }
    Ok(record)
}

fn number(field: &Field, number: f64) -> Result<f64, RowFault> {
    let column = field.column;
    match field.form {
        Form::Count(most) if !field.accepts(&Value::Number(number)) => {
            Err(RowFault::BadCount { field: column, number, most })
        }
        Form::Money | Form::Number if number < 0.0 => Err(RowFault::Negative { field: column, number }),
        Form::Money => Ok(round_amount(number)?),
        Form::Percent => Ok(round_percentage(number)?),
        // Zero has no sign.
        _ => Ok(number + 0.0),
    }
}

/// The instant orders the rows, so a wrong one does lasting harm.
fn instant(field: &Field, at: DateTime<Utc>, latest: DateTime<Utc>) -> Result<(), RowFault> {
    let (column, found) = (field.column, timestamp::to_text(at));
    if at > latest {
        Err(RowFault::InTheFuture { field: column, found })
    } else if at.timestamp_millis() < FIRST_BLOCK_DAY_MILLIS {
        Err(RowFault::BeforeBitcoin { field: column, found })
    } else {
        Ok(())
    }
}
