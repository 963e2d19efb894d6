//! A message as the tables hold it.

use chrono::{DateTime, Utc};
use domain::{Headers, Message, MessageId, header};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::Error;

/// Headers as the tables hold them.
pub(super) fn headers_to_text(headers: &Headers) -> String {
    serde_json::to_string(headers).expect("a map of texts is JSON")
}

/// The message in the columns `id`, `headers` and `body`. Headers that cannot be read become one header: the stage that
/// gets the message rejects it, and the queue goes on.
pub(super) fn message_from(row: &SqliteRow) -> Result<Message, Error> {
    let text: &str = row.try_get("headers")?;
    let headers =
        serde_json::from_str(text).unwrap_or_else(|_| Headers::new().with(header::UNREADABLE, text));
    Ok(Message {
        id: MessageId::new(row.try_get::<String, _>("id")?),
        headers,
        body: row.try_get::<Vec<u8>, _>("body")?.into(),
    })
}

/// An instant as the tables hold it, rounded up to a millisecond: a wait must not end early.
pub(super) fn to_column(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis() + i64::from(!at.timestamp_subsec_nanos().is_multiple_of(1_000_000))
}
