//! The one split: marked coins become rejects, the others rows.

use domain::{CoinRow, Measure};
use polars::prelude::{DataFrame, PolarsResult};
use serde_json::value::RawValue;

use crate::reject::Reject;
use crate::rules::CHECKS;
use crate::schema::{self, POSITION, REASON, REJECTED_BY};

/// A coin that could be read.
pub(crate) struct ReadCoin<'a> {
    /// Its place in the page, from 0.
    pub(crate) index: usize,
    /// As it was sent.
    pub(crate) raw: &'a RawValue,
}

/// Splits `coins` by the marks of `frame`, which was built from them and has kept their order, and gives
/// them the frame's numbers. `read` tells where each one came from.
pub(crate) fn split(
    frame: &DataFrame,
    mut coins: Vec<CoinRow>,
    read: &[ReadCoin],
) -> PolarsResult<(Vec<CoinRow>, Vec<Reject>)> {
    schema::check(frame)?;
    take_numbers(frame, &mut coins)?;
    let marks = marks(frame, coins.len())?;
    let mut rows = Vec::with_capacity(coins.len());
    let mut rejects = Vec::new();
    for ((coin, mark), read) in coins.into_iter().zip(marks).zip(read) {
        match mark {
            None => rows.push(coin),
            Some((rule, reason)) => {
                rejects.push(Reject::new(read.index, Some(coin.coin.id), rule, reason, read.raw));
            }
        }
    }
    Ok((rows, rejects))
}

fn take_numbers(frame: &DataFrame, coins: &mut [CoinRow]) -> PolarsResult<()> {
    for measure in Measure::ALL {
        let quotes = coins.iter_mut().flat_map(|coin| &mut coin.quotes);
        for (quote, number) in quotes.zip(schema::numbers(frame, measure)?.iter()) {
            quote.numbers[measure as usize] = number;
        }
    }
    Ok(())
}

/// For each coin the rule and reason of its first marked row, if there is one.
fn marks(frame: &DataFrame, coins: usize) -> PolarsResult<Vec<Option<(&'static str, String)>>> {
    let mut marks = vec![None; coins];
    let rules = schema::whole(frame, REJECTED_BY)?.iter();
    let reasons = frame.column(REASON)?.str()?.iter();
    for ((position, rule), reason) in schema::whole(frame, POSITION)?.iter().zip(rules).zip(reasons) {
        let rule = rule.and_then(|number| CHECKS.get(number as usize));
        let mark = position.and_then(|position| marks.get_mut(position as usize));
        if let (Some((name, _)), Some(mark @ None)) = (rule, mark) {
            *mark = Some((*name, reason.unwrap_or_default().to_owned()));
        }
    }
    Ok(marks)
}
