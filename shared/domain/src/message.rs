//! A message: an id, headers, and bytes. What every queue carries, whatever the broker.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::page::Origin;
use crate::timestamp;

/// Names of the headers that coinpipe writes.
pub mod header {
    /// [`BatchId`](crate::BatchId) that the message belongs to.
    pub const BATCH: &str = "x-batch";
    /// Slot of the batch, RFC 3339.
    pub const SLOT: &str = "x-slot";
    /// Number of the page, from 1.
    pub const PAGE: &str = "x-page";
    /// How many pages the batch has.
    pub const PAGES: &str = "x-pages";
    /// When the page arrived, RFC 3339.
    pub const FETCHED_AT: &str = "x-fetched-at";
    /// What was fetched (`listings`).
    pub const ENDPOINT: &str = "x-endpoint";
    /// `v1` or `v3`.
    pub const API_VERSION: &str = "x-api-version";
    /// Currencies asked for, joined by commas.
    pub const CONVERT: &str = "x-convert";
    /// `true` when a simulator made the data up.
    pub const SIMULATED: &str = "x-simulated";
    /// `live` or `replay`.
    pub const ORIGIN: &str = "x-origin";
    /// Which sending of the message into the pipeline it comes from, when not the first: a text of its own for each
    /// replay. What is made of a message inherits it, so that what dies again is told from a letter that came twice.
    pub const LIFE: &str = "x-life";
    /// How many coins each chunk of the page has, but the last, which may have fewer: chunks of one size fit together.
    pub const CHUNK_COINS: &str = "x-chunk-coins";
    /// How the body is encoded (`zstd`), as in HTTP.
    pub const CONTENT_ENCODING: &str = "content-encoding";
    /// How often the message was tried, counting this time; absent means 1.
    pub const ATTEMPT: &str = "x-attempt";
    /// When the first attempt failed, RFC 3339.
    pub const FIRST_FAILED_AT: &str = "x-first-failed-at";
    /// The trace and the span that the message comes from, as the
    /// [W3C Trace Context](https://www.w3.org/TR/trace-context/#traceparent-header) says.
    pub const TRACEPARENT: &str = "traceparent";
    /// What tracing systems add to it
    /// ([W3C Trace Context](https://www.w3.org/TR/trace-context/#tracestate-header)).
    pub const TRACESTATE: &str = "tracestate";
    /// Headers and properties that the queue could not read, as text. The loop of a stage rejects such a message with
    /// all that is known; what else could be read is in the other headers.
    pub const UNREADABLE: &str = "x-unreadable-headers";
    /// Prefix of the headers that a dead letter adds; see [`DeadLetter`](crate::DeadLetter).
    pub const DEAD_PREFIX: &str = "x-dead-";
}

/// The id of a message: the same whenever the same work is done again, so that repeats are recognised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(String);

impl MessageId {
    /// The longest id in bytes: an AMQP short string holds 255.
    pub const MAX_BYTES: usize = 255;

    /// An id; longer text is cut and ends in its checksum, so that different texts stay different.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.len() <= Self::MAX_BYTES {
            return Self(text);
        }
        let checksum = crate::wire::crc32c(text.as_bytes());
        let mut end = Self::MAX_BYTES - 9;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self(format!("{}~{checksum:08x}", &text[..end]))
    }

    /// The id as text, at most [`MAX_BYTES`](Self::MAX_BYTES) long.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Headers: short texts by name. Numbers and instants are written as text, so that every queue can
/// carry them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Headers(BTreeMap<String, String>);

/// A header that the reader needs is absent or makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The header is not there.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// The header cannot be read as what it should be.
    #[error("header {name} is {text:?}, not {expected}")]
    Invalid {
        /// Which header.
        name: &'static str,
        /// What it holds.
        text: String,
        /// What it should hold.
        expected: &'static str,
    },
}

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `name` to `value`.
    pub fn set(&mut self, name: impl Into<String>, value: impl fmt::Display) {
        self.0.insert(name.into(), value.to_string());
    }

    /// The same headers with `name` set to `value`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.set(name, value);
        self
    }

    /// Removes `name` and returns what it held.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// The text of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The text of `name`, which must be there.
    pub fn require(&self, name: &'static str) -> Result<&str, HeaderError> {
        self.get(name).ok_or(HeaderError::Missing(name))
    }

    /// The value of `name`, which must be there and parse; `expected` completes "is … , not".
    pub fn parse<T: FromStr>(&self, name: &'static str, expected: &'static str) -> Result<T, HeaderError> {
        let text = self.require(name)?;
        text.parse().map_err(|_| HeaderError::Invalid { name, text: text.to_owned(), expected })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All headers, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A message on a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Deterministic id.
    pub id: MessageId,
    /// Headers.
    pub headers: Headers,
    /// Body; what it holds depends on the queue. Clones of a message share it: a body may have 100 MiB.
    pub body: Bytes,
}

impl Message {
    /// How often this message was tried, counting this time; 1 when the header is absent or senseless.
    pub fn attempt(&self) -> u32 {
        self.headers.parse(header::ATTEMPT, "a number").unwrap_or(1).max(1)
    }

    /// Whether its headers call it [live](Origin::Live).
    pub fn is_live(&self) -> bool {
        self.headers.get(header::ORIGIN).and_then(|text| text.parse().ok()) == Some(Origin::Live)
    }

    /// About how many bytes it takes where it is kept: what counts for the size of the archive.
    pub fn size(&self) -> u64 {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        let bytes = self.id.as_str().len() + headers.sum::<usize>() + self.body.len();
        bytes as u64
    }

    /// The message as it is delivered again for its `attempt`. When that attempt is a new one, the time of the first
    /// failure is noted, once; a message that goes back unchanged did not fail.
    #[must_use]
    pub fn retried(mut self, attempt: u32, now: DateTime<Utc>) -> Self {
        if attempt > self.attempt() && self.headers.get(header::FIRST_FAILED_AT).is_none() {
            self.headers.set(header::FIRST_FAILED_AT, timestamp::to_text(now));
        }
        self.headers.set(header::ATTEMPT, attempt);
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn long_ids_are_cut_to_what_amqp_can_carry_and_stay_different() {
        let (one, other) = (MessageId::new("ü".repeat(200)), MessageId::new("ü".repeat(201)));
        assert!(one.as_str().len() <= MessageId::MAX_BYTES);
        assert_ne!(one, other);
    }

    #[test]
    fn the_first_failure_is_noted_once_and_only_when_the_message_failed() {
        let now = timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        let message = Message { id: MessageId::new("m"), headers: Headers::new(), body: Bytes::new() };
        let unharmed = message.retried(1, now);
        assert_eq!(unharmed.headers.get(header::FIRST_FAILED_AT), None);
        let second = unharmed.retried(2, now);
        let third = second.retried(3, timestamp::later(now, Duration::from_mins(1)));
        assert_eq!(third.headers.get(header::FIRST_FAILED_AT), Some("2026-11-22T14:00:00.000Z"));
        assert_eq!(third.attempt(), 3);
    }

    #[test]
    fn a_missing_or_senseless_header_is_named() {
        let headers = Headers::new().with(header::PAGE, "two");
        assert_eq!(
            headers.parse::<u32>(header::PAGE, "a number").unwrap_err().to_string(),
            r#"header x-page is "two", not a number"#
        );
        assert_eq!(headers.require(header::PAGES).unwrap_err().to_string(), "header x-pages is missing");
    }
}
