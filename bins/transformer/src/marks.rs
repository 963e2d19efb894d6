//! Marks the rows that a check found, with the rule and the reason.

use std::collections::HashSet;

use chrono::DateTime;
use domain::{Measure, timestamp};
use polars::prelude::{AnyValue, BooleanChunked, Column, DataFrame, PolarsResult};

use crate::schema::{self, CURRENCY, POSITION, REASON, REJECTED_BY};

/// The rows that break a rule through one column.
pub(crate) struct Finding {
    /// The column that is wrong.
    pub(crate) column: &'static str,
    /// True for the rows that break the rule; null counts as false.
    pub(crate) rows: BooleanChunked,
    /// What is wrong, to follow "price in USD is -1: ".
    pub(crate) because: &'static str,
}

/// Marks what the rule number `rule` found, in rows of coins that no earlier rule rejected.
pub(crate) fn mark(
    frame: &mut DataFrame,
    rule: u32,
    findings: &[Finding],
    currencies: &[String],
) -> PolarsResult<()> {
    if !findings.iter().any(|finding| finding.rows.any()) {
        return Ok(());
    }
    let passing = passing(frame)?;
    let mut rules: Vec<Option<u32>> = schema::whole(frame, REJECTED_BY)?.iter().collect();
    let mut reasons: Vec<Option<String>> =
        frame.column(REASON)?.str()?.iter().map(|reason| reason.map(str::to_owned)).collect();
    for finding in findings {
        for (row, (found, passes)) in finding.rows.iter().zip(&passing).enumerate() {
            if found == Some(true) && *passes && rules[row].is_none() {
                rules[row] = Some(rule);
                reasons[row] = Some(reason(frame, row, finding, currencies)?);
            }
        }
    }
    frame.with_column(Column::new(REJECTED_BY.into(), rules))?;
    frame.with_column(Column::new(REASON.into(), reasons))?;
    Ok(())
}

/// For each row whether its coin passes so far: whether none of its rows is marked.
pub(crate) fn passing(frame: &DataFrame) -> PolarsResult<Vec<bool>> {
    let positions = schema::whole(frame, POSITION)?;
    let marked: HashSet<Option<u32>> = schema::whole(frame, REJECTED_BY)?
        .iter()
        .zip(positions.iter())
        .filter_map(|(rule, position)| rule.map(|_| position))
        .collect();
    Ok(positions.iter().map(|position| !marked.contains(&position)).collect())
}

/// "price in USD is -1: …", so that the letter can be understood without the page.
fn reason(frame: &DataFrame, row: usize, finding: &Finding, currencies: &[String]) -> PolarsResult<String> {
    let Finding { column, because, .. } = *finding;
    let of_coin = column == schema::ID
        || Measure::ALL.iter().any(|measure| measure.is_per_coin() && measure.column() == column);
    let currency = schema::whole(frame, CURRENCY)?.get(row).and_then(|at| currencies.get(at as usize));
    let place = match currency {
        Some(currency) if !of_coin => format!(" in {currency}"),
        _ => String::new(),
    };
    let value = match frame.column(column)?.get(row)? {
        AnyValue::Float64(number) => format!(" is {number:?}"),
        AnyValue::UInt32(number) => format!(" is {number}"),
        AnyValue::Int64(millis) => {
            let at = DateTime::from_timestamp_millis(millis).map(timestamp::to_text);
            format!(" is {}", at.unwrap_or_else(|| millis.to_string()))
        }
        _ => String::new(),
    };
    Ok(format!("{column}{place}{value}: {because}"))
}
