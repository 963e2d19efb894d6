//! A coin that did not pass, kept with its reason.

use serde::Serialize;

/// A coin that a rule rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// Its place in the page, from 0.
    pub index: usize,
    /// Its id, if that could be read.
    #[serde(rename = "id")]
    pub coin_id: Option<u32>,
    /// The rule's name, a stable word.
    pub rule: &'static str,
    /// What is wrong with it, for people.
    pub reason: String,
    /// The coin as sent, cut to [`MAX_RAW_BYTES`](Self::MAX_RAW_BYTES); the page itself is in the archive.
    pub raw: String,
}

impl Reject {
    /// The most bytes that are kept of a coin; a real one has about 1,200.
    pub const MAX_RAW_BYTES: usize = 4096;

    pub(crate) fn new(
        index: usize,
        coin_id: Option<u32>,
        rule: &'static str,
        reason: String,
        raw: &str,
    ) -> Self {
        let mut end = raw.len().min(Self::MAX_RAW_BYTES);
        while !raw.is_char_boundary(end) {
            end -= 1;
        }
        Self { index, coin_id, rule, reason, raw: raw[..end].to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_coin_is_cut_between_characters() {
        let raw = format!("\"{}\"", "💥".repeat(5000));
        let reject = Reject::new(0, None, "not_a_coin", String::new(), &raw);
        assert_eq!(reject.raw.len(), 4093, "a quote and 1023 characters of four bytes");
    }
}
