//! Reads the coins of a page: each becomes typed values, or a reject with its reason. Gives up what is no page.
//!
//! There are two ways, with the same result. The quick one takes the page in one pass, as the API sends it, and leaves a single
//! coin that is not plain to the careful one. When the page itself is not plain, the careful one reads it again from the
//! beginning, so that the same fault is found first either way.

use std::borrow::Cow;

use domain::{CoinRow, PageMeta};
use serde_json::value::RawValue;

use crate::budget::Budget;
use crate::coin::{Coin, Description, ReadCoins};
use crate::envelope;
use crate::fault::PageFault;
use crate::frame::{FrameBuilder, QuoteNumbers};
use crate::quick::QuickReader;
use crate::read::read_coin;
use crate::reject::Reject;

/// The most elements that a page may have. The API sends at most 5,000, and knows about 10,000 coins.
pub(crate) const MAX_COINS: usize = 20_000;

/// An element is garbage when nothing tells which coin it is: it is no object, or has no id. So many are tolerated on any
/// page, and rejected one by one; a page with more, and with more garbage than coins, is a bad page. Coins that have an id
/// are rejected one by one, however many.
pub(crate) const TOLERATED_GARBAGE: usize = 100;

/// The coins of a page, in its order.
pub(crate) struct Coins<'a> {
    /// Those that could be read.
    pub(crate) read: ReadCoins<'a>,
    /// Their numbers.
    pub(crate) frame: FrameBuilder,
    /// Those that could not.
    pub(crate) rejects: Vec<Reject>,
}

/// Reads the coins of the page `meta` with the decompressed `body`.
pub(crate) fn read<'a>(meta: &PageMeta, body: &'a [u8]) -> Result<Coins<'a>, PageFault> {
    let text = envelope::text(body)?;
    match read_quickly(meta, text, body.len()) {
        Some(coins) => Ok(coins),
        None => read_carefully(meta, text, body.len()),
    }
}

/// Reads them in one pass; `None` when only [`read_carefully`] can tell what the page is.
fn read_quickly<'a>(meta: &PageMeta, text: &'a str, bytes: usize) -> Option<Coins<'a>> {
    let mut quick = QuickReader::new(meta.currencies())?;
    let mut reading = Reading::new(meta, bytes);
    envelope::each_coin_quickly(text, |scan| {
        scan.peek();
        let begin = scan.clone();
        if let Some(coin) = quick.coin(scan) {
            reading.keep(scan.since(&begin), coin, quick.tags(), quick.quotes()).ok()
        } else {
            *scan = begin;
            reading.take(scan.any()?).ok()
        }
    })?;
    reading.finish().ok()
}

/// Reads them one at a time, whatever they are, and says what is wrong with the page.
fn read_carefully<'a>(meta: &PageMeta, text: &'a str, bytes: usize) -> Result<Coins<'a>, PageFault> {
    let mut reading = Reading::new(meta, bytes);
    envelope::each_coin(text, |raw| reading.take(raw))?;
    reading.finish()
}

struct Reading<'a, 'm> {
    meta: &'m PageMeta,
    budget: Budget,
    found: Coins<'a>,
    elements: usize,
    garbage: usize,
}

impl<'a, 'm> Reading<'a, 'm> {
    fn new(meta: &'m PageMeta, bytes: usize) -> Self {
        let found = Coins { read: ReadCoins::default(), frame: FrameBuilder::new(), rejects: Vec::new() };
        Self { meta, budget: Budget::new(bytes), found, elements: 0, garbage: 0 }
    }

    /// Reads an element carefully, and keeps what came of it.
    fn take(&mut self, raw: &'a RawValue) -> Result<(), PageFault> {
        match read_coin(raw, self.meta.currencies()) {
            Ok(CoinRow { coin, quotes }) => {
                let (description, tags) = Description::of(coin.into_inner());
                let tags = tags.map(|tags| tags.into_iter().map(Cow::Owned));
                self.keep(raw.get(), description, tags, quotes.iter().map(QuoteNumbers::from))
            }
            Err(unreadable) => {
                let index = self.next()?;
                let fault = unreadable.fault;
                let reject =
                    Reject::new(index, unreadable.coin_id, fault.rule(), fault.to_string(), raw.get());
                self.budget.keep_reject(&reject)?;
                self.found.rejects.push(reject);
                self.garbage += usize::from(unreadable.coin_id.is_none());
                // That is more than half of the longest page: what follows cannot save it.
                if self.garbage > MAX_COINS / 2 { Err(self.is_garbage()) } else { Ok(()) }
            }
        }
    }

    /// The index of the next element.
    fn next(&mut self) -> Result<usize, PageFault> {
        let index = self.elements;
        if index == MAX_COINS {
            return Err(PageFault::TooManyCoins { limit: MAX_COINS });
        }
        self.elements += 1;
        Ok(index)
    }

    fn keep(
        &mut self,
        raw: &'a str,
        description: Description<'a>,
        tags: Option<impl Iterator<Item = Cow<'a, str>>>,
        quotes: impl Iterator<Item = QuoteNumbers>,
    ) -> Result<(), PageFault> {
        let tags = tags.map(|tags| self.found.read.add_tags(tags));
        let coin = Coin { index: self.next()?, raw, description, tags };
        self.budget.keep_coin(&coin.description, self.found.read.tags(&coin), self.meta.currencies())?;
        self.found.frame.add(coin.description.id, quotes);
        self.found.read.add(coin);
        Ok(())
    }

    fn finish(self) -> Result<Coins<'a>, PageFault> {
        if self.garbage > TOLERATED_GARBAGE && self.garbage > self.elements / 2 {
            return Err(self.is_garbage());
        }
        Ok(self.found)
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
mod same;
#[cfg(test)]
mod tests;
