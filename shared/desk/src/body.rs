//! The body of a letter, for people: decoded as far as it can be, with every digit that was sent.

use domain::wire::{self, RowsMessage};
use domain::{DeadLetter, decompress_body, header};
use serde_json::value::RawValue;

use crate::rows_json;

/// What a body holds.
pub enum Body {
    /// Nothing: an incident.
    Empty,
    /// JSON, as its text.
    Json(String),
    /// Another text.
    Text(String),
    /// Bytes that are no text and cannot be decoded.
    Unreadable,
}

/// The body of `letter`.
pub fn body_of(letter: &DeadLetter) -> Body {
    if letter.body.is_empty() {
        return Body::Empty;
    }
    if letter.headers.get(header::CONTENT_ENCODING) == Some("zstd")
        && let Ok(page) = decompress_body(&letter.body)
    {
        return of_text(page);
    }
    if let Ok(RowsMessage::Chunk(chunk)) = wire::decode(&letter.body) {
        return Body::Json(rows_json::to_text(&chunk.with_headers(&letter.headers)));
    }
    of_text(letter.body.to_vec())
}

fn of_text(bytes: Vec<u8>) -> Body {
    match String::from_utf8(bytes) {
        Ok(text) if serde_json::from_str::<&RawValue>(&text).is_ok() => Body::Json(text),
        Ok(text) => Body::Text(text),
        Err(_) => Body::Unreadable,
    }
}
