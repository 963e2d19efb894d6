//! The one split: marked coins become rejects, the others pass.

use polars::prelude::{DataFrame, PolarsResult};

use crate::coin::ReadCoins;
use crate::reject::Reject;
use crate::rules::CHECKS;
use crate::schema::{self, POSITION, REASON, REJECTED_BY};

/// Splits `coins` by the marks of `frame`, which was built from them: the positions of those that pass, and the rejects,
/// each in their order.
pub(crate) fn split(frame: &DataFrame, coins: &ReadCoins) -> PolarsResult<(Vec<u32>, Vec<Reject>)> {
    schema::check(frame)?;
    let mut passed = Vec::with_capacity(coins.len());
    let mut rejects = Vec::new();
    for ((position, coin), mark) in (0..).zip(coins.iter()).zip(marks(frame, coins.len())?) {
        match mark {
            None => passed.push(position),
            Some((rule, reason)) => {
                rejects.push(Reject::new(coin.index, Some(coin.description.id), rule, reason, coin.raw));
            }
        }
    }
    Ok((passed, rejects))
}

/// For each coin the rule and reason of its first marked row, if there is one.
fn marks(frame: &DataFrame, coins: usize) -> PolarsResult<Vec<Option<(&'static str, String)>>> {
    let mut marks = vec![None; coins];
    let rules = schema::whole(frame, REJECTED_BY)?;
    // On most pages nothing is marked.
    if rules.null_count() == rules.len() {
        return Ok(marks);
    }
    let reasons = frame.column(REASON)?.str()?.iter();
    let positions = schema::whole(frame, POSITION)?.iter();
    for ((position, rule), reason) in positions.zip(rules.iter()).zip(reasons) {
        let rule = rule.and_then(|number| CHECKS.get(number as usize));
        let mark = position.and_then(|position| marks.get_mut(position as usize));
        if let (Some((name, _)), Some(mark @ None)) = (rule, mark) {
            *mark = Some((*name, reason.unwrap_or_default().to_owned()));
        }
    }
    Ok(marks)
}
