//! A batch: one snapshot of the market, named by the slot it was scheduled for.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Datelike, SecondsFormat, Utc};

use crate::message::{Headers, MessageId, header};
use crate::page::{ApiVersion, Origin, PageMeta};
use crate::quote::CoinRow;
use crate::replay::ReplayId;

/// A moment at which a snapshot is due: a whole multiple of the schedule's interval since the Unix epoch.
///
/// Two schedulers, or a retry, compute the same slot, so they produce the same ids and their work merges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(DateTime<Utc>);

impl Slot {
    /// The newest slot at or before `now` for a schedule that runs every `interval` (at least one second;
    /// fractions of a second are ignored).
    pub fn current(now: DateTime<Utc>, interval: Duration) -> Self {
        let step = i64::try_from(interval.as_secs()).unwrap_or(i64::MAX).max(1);
        let seconds = now.timestamp().div_euclid(step).saturating_mul(step);
        Self(DateTime::from_timestamp(seconds, 0).unwrap_or(now))
    }

    /// The slot that begins at `at`.
    pub fn at(at: DateTime<Utc>) -> Self {
        Self(at)
    }

    /// When the slot begins.
    pub fn starts_at(self) -> DateTime<Utc> {
        self.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

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
            let checksum = crate::wire::crc32c(currencies.as_bytes());
            let cut: String = currencies.chars().take(Self::CONVERT_CHARS - 9).collect();
            currencies = format!("{cut}~{checksum:08x}");
        }
        Self(format!("{slot}/{endpoint}/{currencies}"))
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

/// The most pages of a batch, and chunks of a page. What says more was not made by us, and would have the ledger
/// look for that many.
const MOST_PARTS: u32 = 10_000;

/// The most currencies of a batch; the API takes 120.
const MOST_CURRENCIES: usize = 200;

/// What a page or an announcement says about where it belongs.
pub(crate) struct Provenance<'a> {
    pub(crate) batch: &'a BatchId,
    pub(crate) slot: Slot,
    pub(crate) endpoint: &'a str,
    pub(crate) convert: &'a [String],
    pub(crate) fetched_at: DateTime<Utc>,
    /// Pages of the batch, or chunks of the page, whichever is more.
    pub(crate) parts: u32,
}

impl Provenance<'_> {
    /// Fails with the reason when a table, a log or a person could not take it. Batches of ours are far from all
    /// limits.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let is_plain = |text: &str, most: usize| {
            !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
        };
        let is_datable = |at: DateTime<Utc>| (1000..=9999).contains(&at.year());
        let currencies = self.convert.iter().map(|currency| currency.len() + 1).sum::<usize>();
        if !is_plain(self.batch.as_str(), 250) {
            Err("the batch id is empty, too long, or has control characters")
        } else if !is_plain(self.endpoint, 100) {
            Err("the endpoint is empty, too long, or has control characters")
        } else if currencies > 10_000
            || self.convert.len() > MOST_CURRENCIES
            || self.convert.iter().any(|currency| currency.chars().any(char::is_control))
        {
            Err("the currencies are too many, too long, or have control characters")
        } else if self.parts > MOST_PARTS {
            Err("there are more than 10000 pages, or chunks")
        } else if !is_datable(self.slot.starts_at()) || !is_datable(self.fetched_at) {
            Err("the slot or the fetch time is not in the years 1000 to 9999")
        } else {
            Ok(())
        }
    }
}

/// "This batch was fetched": announced on the rows queue, so that the ledger knows what to expect even
/// when a page never becomes rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The batch.
    pub batch: BatchId,
    /// The slot it was scheduled for.
    pub slot: Slot,
    /// What was fetched: `listings`.
    pub endpoint: String,
    /// The API version that answered.
    pub api_version: ApiVersion,
    /// The currencies asked for.
    pub convert: Vec<String>,
    /// When the last page arrived.
    pub fetched_at: DateTime<Utc>,
    /// How many pages the snapshot has. More than were published when the slot ended before all came.
    pub pages: u32,
    /// API credits that the pages cost, as the API said.
    pub credits: u32,
    /// Whether the data was made up by a simulator.
    pub simulated: bool,
}

/// About 1,000 coins of one page after cleaning: what travels on the rows queue, is loaded in one
/// transaction, and is one line of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// Where the page came from. `page.origin` tells live data from a replay.
    pub page: PageMeta,
    /// Number of this chunk in its page, from 1.
    pub chunk: u32,
    /// How many chunks the page has, at least 1: an empty page is one chunk without rows.
    pub chunks: u32,
    /// How many coins each chunk of the page has, but the last; two chunks are parts of one whole only when they were
    /// cut alike. It travels in a [header](header::CHUNK_COINS); `None` when it did not.
    pub size: Option<u32>,
    /// Which replay it comes from; `None` for a live page, and when no [header](header::LIFE) says so.
    pub replay: Option<ReplayId>,
    /// When the transformer made it.
    pub transformed_at: DateTime<Utc>,
    /// Coins that the source sent for this chunk; `rows.len() + rejected`.
    pub coins_in: u32,
    /// Coins of this chunk that a rule rejected; they are in the dead letters.
    pub rejected: u32,
    /// The coins that passed.
    pub rows: Vec<CoinRow>,
}

impl Chunk {
    /// The id of the message that carries this chunk; the same whenever the page is transformed again.
    pub fn message_id(&self) -> MessageId {
        self.page.batch.chunk_id(self.page.page, self.chunk)
    }

    /// The same chunk with what its message's `headers` say about it. Those that say nothing readable are passed over.
    #[must_use]
    pub fn with_headers(mut self, headers: &Headers) -> Self {
        self.size = headers.parse(header::CHUNK_COINS, "a number").ok().filter(|size| *size > 0);
        self.replay = if self.is_replay() { ReplayId::from_headers(headers) } else { None };
        self
    }

    /// The headers of the message that carries this chunk.
    pub fn headers(&self) -> Headers {
        let mut headers =
            Headers::new().with(header::BATCH, &self.page.batch).with(header::ORIGIN, self.page.origin);
        if let Some(size) = self.size {
            headers.set(header::CHUNK_COINS, size);
        }
        if let Some(replay) = &self.replay {
            headers.set(header::LIFE, replay);
        }
        headers
    }

    /// Whether this chunk came from the archive.
    pub fn is_replay(&self) -> bool {
        self.page.origin != Origin::Live
    }

    /// Whether its rows take the place of those that were made of the same page before.
    pub fn is_rebuild(&self) -> bool {
        self.page.origin == Origin::Rebuild
    }
}

impl Fetched {
    /// The id of the message that carries this announcement.
    pub fn message_id(&self) -> MessageId {
        MessageId::new(format!("{}/fetched", self.batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        crate::timestamp::from_text(text).unwrap()
    }

    #[test]
    fn two_schedulers_in_the_same_slot_agree_on_the_batch() {
        let convert = ["USD".to_owned()];
        let hour = Duration::from_hours(1);
        let ids = ["2026-11-22T14:00:00Z", "2026-11-22T14:59:59.999Z"]
            .map(|now| BatchId::new(Slot::current(instant(now), hour), "listings", &convert));
        assert_eq!(ids[0], ids[1]);
        assert_eq!(ids[0].as_str(), "2026-11-22T14:00:00Z/listings/USD");
    }

    #[test]
    fn slots_before_1970_and_absurd_intervals_do_not_panic() {
        let early = instant("1969-12-31T23:30:00Z");
        assert_eq!(Slot::current(early, Duration::from_hours(1)).to_string(), "1969-12-31T23:00:00Z");
        let _ = Slot::current(early, Duration::ZERO);
        let _ = Slot::current(early, Duration::MAX);
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
