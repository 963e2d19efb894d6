//! A batch: one snapshot of the market, named by the slot it was scheduled for.

mod details;

use std::fmt;

use chrono::{DateTime, Utc};

pub(crate) use self::details::BatchDetails;
use crate::checksum::crc32c;
use crate::message::MessageId;
use crate::slot::Slot;
use crate::timestamp;

/// The name of a batch, derived from what was asked for: `2026-11-22T14:00:00Z/listings/USD`.
///
/// At most 120 characters long, so that every message id built from it fits an AMQP short string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(String);

impl BatchId {
    /// The longest list of currencies that is spelled out; a longer one is cut and ends in its checksum.
    const CONVERT_CHARS: usize = 48;

    /// The id of the snapshot of `endpoint` (`listings`) for `slot` in the currencies `convert`.
    pub fn new(slot: Slot, endpoint: &str, convert: &[String]) -> Self {
        let mut currencies = convert.join(",");
        if currencies.chars().count() > Self::CONVERT_CHARS {
            let checksum = crc32c(currencies.as_bytes());
            let cut: String = currencies.chars().take(Self::CONVERT_CHARS - 9).collect();
            currencies = format!("{cut}~{checksum:08x}");
        }
        Self(format!("{slot}/{endpoint}/{currencies}"))
    }

    /// The id of what was asked for of some coins by their `ids`, and not of all: that of [`new`](Self::new), how many they are, and
    /// their checksum.
    pub fn of_coins(slot: Slot, endpoint: &str, convert: &[String], ids: &[u32]) -> Self {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_be_bytes()).collect();
        Self(format!("{}/{}-{:08x}", Self::new(slot, endpoint, convert), ids.len(), crc32c(&bytes)))
    }

    /// How many coins it was asked for, when it is of [some](Self::of_coins).
    pub fn coins_named(&self) -> Option<u32> {
        let (count, _) = self.0.split('/').nth(3)?.split_once('-')?;
        count.parse().ok()
    }

    /// What it is of: `listings`. Nothing when it is no id of ours.
    pub fn endpoint(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }

    /// When its slot begins. `None` when it is no id of ours.
    pub fn slot(&self) -> Option<DateTime<Utc>> {
        self.0.split('/').next().and_then(timestamp::from_text)
    }

    /// The id of the message that carries its page `page`.
    pub fn page_id(&self, page: u32) -> MessageId {
        MessageId::new(format!("{self}/p{page}"))
    }

    /// The id of the message that carries chunk `chunk` of its page `page`.
    pub fn chunk_id(&self, page: u32, chunk: u32) -> MessageId {
        MessageId::new(format!("{self}/p{page}/c{chunk}"))
    }

    /// An id read back from where it was stored.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        timestamp::from_text(text).unwrap()
    }

    #[test]
    fn two_schedulers_in_the_same_slot_agree_on_the_batch() {
        let convert = ["USD".to_owned()];
        let hour = Duration::from_hours(1);
        let ids = ["2026-11-22T14:00:00Z", "2026-11-22T14:59:59.999Z"]
            .map(|now| BatchId::new(Slot::current(instant(now), hour), "listings", &convert));
        assert_eq!(ids[0], ids[1]);
        assert_eq!(ids[0].as_str(), "2026-11-22T14:00:00Z/listings/USD");
        assert_eq!(ids[0].slot(), Some(instant("2026-11-22T14:00:00Z")));
        assert_eq!(BatchId::from_stored("odd").slot(), None);
        assert_eq!((ids[0].endpoint(), BatchId::from_stored("odd").endpoint()), ("listings", ""));
    }

    #[test]
    fn what_was_asked_for_of_some_coins_has_a_name_of_its_own() {
        let slot = Slot::at(instant("2026-11-22T14:00:00Z"));
        let convert = ["USD".to_owned()];
        let all = BatchId::new(slot, "history", &convert);
        let of = |ids: &[u32]| BatchId::of_coins(slot, "history", &convert, ids);
        assert!(of(&[1, 1027]).as_str().starts_with("2026-11-22T14:00:00Z/history/USD/2-"));
        assert_eq!((of(&[1, 1027]).coins_named(), all.coins_named()), (Some(2), None));
        assert_eq!(of(&[1027, 1]), of(&[1, 1027]));
        assert_ne!(of(&[1, 1028]), of(&[1, 1027]));
        assert_eq!(of(&[1]).endpoint(), "history");
    }

    #[test]
    fn many_currencies_give_a_short_id_that_still_tells_them_apart() {
        let slot = Slot::at(instant("2026-11-22T14:00:00Z"));
        let mut convert: Vec<String> = (0..120).map(|n| format!("CUR{n:03}")).collect();
        let one = BatchId::new(slot, "listings", &convert);
        convert.pop();
        let other = BatchId::new(slot, "listings", &convert);
        assert_ne!(one, other);
        assert!(one.as_str().chars().count() <= 120, "{one}");
    }
}
