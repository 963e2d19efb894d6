//! The coins of a page, read one at a time: each is typed, or rejected with its reason. Stops at what is no page.

use domain::{CoinRow, PageMeta};
use serde_json::value::RawValue;

use crate::budget::Budget;
use crate::envelope;
use crate::fault::PageFault;
use crate::read::read_coin;
use crate::reject::Reject;
use crate::split::ReadCoin;

/// The most elements that a page may have. The API sends at most 5,000, and knows about 10,000 coins.
pub(crate) const MAX_COINS: usize = 20_000;

/// An element is garbage when nothing tells which coin it is: it is no object, or has no id. So many are tolerated on any
/// page, and rejected one by one; a page with more, and with more garbage than coins, is a bad page. Coins that have an id
/// are rejected one by one, however many.
pub(crate) const TOLERATED_GARBAGE: usize = 100;

/// The coins of a page, in its order.
pub(crate) struct Coins<'a> {
    /// Those that could be read.
    pub(crate) rows: Vec<CoinRow>,
    /// Where in the page each of them stands.
    pub(crate) read: Vec<ReadCoin<'a>>,
    /// Those that could not.
    pub(crate) rejects: Vec<Reject>,
}

/// Reads the coins of the page `meta` with the decompressed `body`.
pub(crate) fn read<'a>(meta: &PageMeta, body: &'a [u8]) -> Result<Coins<'a>, PageFault> {
    let mut reading = Reading {
        meta,
        budget: Budget::new(body.len()),
        found: Coins { rows: Vec::new(), read: Vec::new(), rejects: Vec::new() },
        elements: 0,
        garbage: 0,
    };
    envelope::each_coin(body, |raw| reading.take(raw))?;
    if reading.garbage > TOLERATED_GARBAGE && reading.garbage > reading.elements / 2 {
        return Err(reading.is_garbage());
    }
    Ok(reading.found)
}

struct Reading<'a, 'm> {
    meta: &'m PageMeta,
    budget: Budget,
    found: Coins<'a>,
    elements: usize,
    garbage: usize,
}

impl<'a> Reading<'a, '_> {
    fn take(&mut self, raw: &'a RawValue) -> Result<(), PageFault> {
        let index = self.elements;
        if index == MAX_COINS {
            return Err(PageFault::TooManyCoins { limit: MAX_COINS });
        }
        self.elements += 1;
        match read_coin(raw, &self.meta.convert) {
            Ok(coin) => {
                self.budget.keep_coin(&coin)?;
                self.found.rows.push(coin);
                self.found.read.push(ReadCoin { index, raw });
                Ok(())
            }
            Err(unreadable) => {
                let fault = unreadable.fault;
                let reject = Reject::new(index, unreadable.coin_id, fault.rule(), fault.to_string(), raw);
                self.budget.keep_reject(&reject)?;
                self.found.rejects.push(reject);
                self.garbage += usize::from(unreadable.coin_id.is_none());
                // That is more than half of the longest page: what follows cannot save it.
                if self.garbage > MAX_COINS / 2 { Err(self.is_garbage()) } else { Ok(()) }
            }
        }
    }

    fn is_garbage(&self) -> PageFault {
        let first = self.found.rejects.iter().find(|reject| reject.coin_id.is_none());
        PageFault::Garbage {
            garbage: self.garbage,
            elements: self.elements,
            first: first.map_or_else(String::new, |reject| reject.reason.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
