//! Cleans one page: the whole of the transformer without queues, threads or clocks.

use chrono::{DateTime, Utc};
use domain::PageMeta;
use polars::prelude::{DataFrame, PolarsResult, polars_err};

use crate::coin::ReadCoins;
use crate::coins::{self, Coins};
use crate::fault::PageFault;
use crate::reject::Reject;
use crate::rows::Rows;
use crate::rules::{self, Limits};
use crate::split::split;

/// A cleaned page. The coins that passed and `rejects` together are all that it held.
#[derive(Clone, Debug)]
pub struct Cleaned<'a> {
    convert: Vec<String>,
    coins: ReadCoins<'a>,
    frame: DataFrame,
    /// Which of the coins passed, in the order of the page.
    pub(crate) passed: Vec<u32>,
    /// The coins that did not, in the order of the page.
    pub rejects: Vec<Reject>,
}

impl Cleaned<'_> {
    /// How many coins the page held.
    pub fn coins_in(&self) -> usize {
        self.passed.len() + self.rejects.len()
    }

    /// The id of the coin at `position` among those that were read, and its place in the page.
    pub(crate) fn place(&self, position: u32) -> PolarsResult<(u32, usize)> {
        let coin = self.coins.get(position);
        coin.map(|coin| (coin.description.id, coin.index))
            .ok_or_else(|| polars_err!(OutOfBounds: "no coin was read at {position}"))
    }

    /// All that was read, to be written.
    pub(crate) fn rows(&self) -> PolarsResult<Rows<'_>> {
        Rows::new(&self.frame, &self.coins, &self.convert)
    }
}

/// Cleans the page `meta` with the decompressed `body`; `now` tells what lies in the future.
pub fn clean<'a>(meta: &PageMeta, body: &'a [u8], now: DateTime<Utc>) -> Result<Cleaned<'a>, PageFault> {
    let Coins { read: coins, frame, mut rejects } = coins::read(meta, body)?;
    let mut frame = frame.finish()?;
    rules::apply(&mut frame, &Limits::new(meta, now))?;
    let (passed, rejected) = split(&frame, &coins)?;
    rejects.extend(rejected);
    rejects.sort_by_key(|reject| reject.index);
    Ok(Cleaned { convert: meta.currencies().to_vec(), coins, frame, passed, rejects })
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
