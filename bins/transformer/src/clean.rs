//! Cleans one page: the whole of the transformer without queues, threads or clocks.

use chrono::{DateTime, Utc};
use domain::{CoinRow, Measure, MeasureSet, PageMeta};
use polars::prelude::{DataFrame, PolarsResult};

use crate::coins::{self, Coins};
use crate::fault::PageFault;
use crate::frame;
use crate::reject::Reject;
use crate::rules::{self, Limits};
use crate::schema::{self, MISSING};
use crate::split::split;

/// A cleaned page. `rows` and `rejects` together are all the coins that it held.
#[derive(Clone, Debug, PartialEq)]
pub struct Cleaned {
    /// The coins that passed, in the order of the page.
    pub rows: Vec<CoinRow>,
    /// The coins that did not, in the order of the page.
    pub rejects: Vec<Reject>,
    /// Measures that no coin had a field for, on a page that is long enough to tell: the API has changed.
    pub sent_by_none: MeasureSet,
}

impl Cleaned {
    /// How many coins the page held.
    pub fn coins_in(&self) -> usize {
        self.rows.len() + self.rejects.len()
    }
}

/// Cleans the page `meta` with the decompressed `body`; `now` tells what lies in the future.
pub fn clean(meta: &PageMeta, body: &[u8], now: DateTime<Utc>) -> Result<Cleaned, PageFault> {
    let Coins { rows: coins, read, mut rejects } = coins::read(meta, body)?;
    let mut frame = frame::build(&coins)?;
    rules::apply(&mut frame, &Limits::new(meta, now))?;
    let sent_by_none = sent_by_none(&frame, coins.len())?;
    let (rows, rejected) = split(&frame, coins, &read)?;
    rejects.extend(rejected);
    rejects.sort_by_key(|reject| reject.index);
    Ok(Cleaned { rows, rejects, sent_by_none })
}

/// The measures that are missing from every coin; none when there are too few coins to tell.
fn sent_by_none(frame: &DataFrame, coins: usize) -> PolarsResult<MeasureSet> {
    const ENOUGH_COINS: usize = 10;
    if coins < ENOUGH_COINS {
        return Ok(MeasureSet::default());
    }
    let missing = schema::whole(frame, MISSING)?.iter().flatten();
    Ok(missing.map(MeasureSet::from_bits).fold(Measure::ALL.into_iter().collect(), |none, row| {
        none.iter().filter(|&measure| row.contains(measure)).collect()
    }))
}

#[cfg(test)]
mod tests;
