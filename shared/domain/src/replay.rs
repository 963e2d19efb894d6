//! The name of a replay: each sending of old pages into the pipeline has its own.

use std::fmt;

use crate::headers::{Headers, header};

/// Which replay a page, and each chunk of it, comes from. It tells a second replay from a message of the first that was
/// delivered twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplayId(String);

impl ReplayId {
    /// The longest id; as long as its column.
    const MOST_CHARS: usize = 64;

    /// All replays that do not say which they are: an older version sent them. They cannot be told apart.
    pub const fn unnamed() -> Self {
        Self(String::new())
    }

    /// The id `text`, which has 1 to 64 printable ASCII characters; `None` when it has not.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let is_plain = text.chars().all(|c| c.is_ascii_graphic());
        (is_plain && (1..=Self::MOST_CHARS).contains(&text.len())).then_some(Self(text))
    }

    /// The replay that a message with these headers comes from. One that makes no sense is none.
    pub fn from_headers(headers: &Headers) -> Option<Self> {
        headers.get(header::REPLAY_ID).and_then(Self::new)
    }

    /// An id read back from where it was stored.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as text; empty when it is [`unnamed`](Self::unnamed).
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReplayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_no_column_takes_is_none() {
        let long = "x".repeat(65);
        for text in ["", " ", "a b", "line\nbreak", "ü", &long] {
            let headers = Headers::new().with(header::REPLAY_ID, text);
            assert_eq!(ReplayId::from_headers(&headers), None, "{text:?}");
        }
        assert_eq!(ReplayId::from_headers(&Headers::new()), None);
        let headers = Headers::new().with(header::REPLAY_ID, &long[1..]);
        assert_eq!(ReplayId::from_headers(&headers), ReplayId::new(&long[1..]));
    }
}
