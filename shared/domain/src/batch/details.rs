//! The limits of what a message may say about its batch.

use chrono::{DateTime, Datelike, Utc};

use super::BatchId;
use crate::slot::Slot;

/// The most pages of a batch, and chunks of a page. A message that says more is not ours, and the ledger would
/// wait for that many.
const MOST_PARTS: u32 = 10_000;

/// The most currencies of a batch; the API takes 120.
const MOST_CURRENCIES: usize = 200;

/// What a page, a chunk or an announcement says about its batch.
pub(crate) struct BatchDetails<'a> {
    pub(crate) batch: &'a BatchId,
    pub(crate) slot: Slot,
    pub(crate) endpoint: &'a str,
    pub(crate) convert: &'a [String],
    pub(crate) fetched_at: DateTime<Utc>,
    /// Pages of the batch, or chunks of the page, whichever is more.
    pub(crate) parts: u32,
}

impl BatchDetails<'_> {
    /// Fails with the reason when no table could hold it or no log could show it. Batches of ours are far from all
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
