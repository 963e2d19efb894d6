//! The ids of messages.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checksum::crc32c;

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
        let checksum = crc32c(text.as_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_ids_are_cut_to_what_amqp_can_carry_and_stay_different() {
        let (one, other) = (MessageId::new("ü".repeat(200)), MessageId::new("ü".repeat(201)));
        assert!(one.as_str().len() <= MessageId::MAX_BYTES);
        assert_ne!(one, other);
    }
}
