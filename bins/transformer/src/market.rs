//! A page of a kind of the market: its rows by the kind's description, and the messages that they become.
//!
//! `read` takes the values out of the answer, `rules` says which of them cannot be true, and rounds.

mod fault;
mod messages;
mod read;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::json::each_element;
use domain::{MarketKind, PageMeta, Record, Shape, Value};
use serde_json::value::RawValue;

use crate::coins::MAX_COINS;
use crate::envelope;
use crate::fault::PageFault;
use crate::fields::excerpt;
use crate::reject::Reject;
use crate::rules::Limits;
use fault::RowFault;
pub(crate) use messages::outputs;

/// The rows of a page, and why some of them are none, in the order in which they are cut into chunks.
pub(crate) struct CleanedRows(Vec<Result<Record, Reject>>);

impl CleanedRows {
    /// How many rows passed.
    pub(crate) fn passed(&self) -> usize {
        self.0.iter().filter(|row| row.is_ok()).count()
    }

    /// How many did not.
    pub(crate) fn rejected(&self) -> usize {
        self.0.len() - self.passed()
    }
}

/// Cleans the page `meta` of `kind` with the decompressed `body`; `now` tells what lies in the future.
pub(crate) fn clean(
    kind: MarketKind,
    meta: &PageMeta,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<CleanedRows, PageFault> {
    let data = envelope::data(envelope::text(body)?)?;
    let latest = Limits::new(meta, now).latest;
    let mut rows = Vec::new();
    let mut ids = BTreeSet::new();
    let mut take = |raw: &RawValue| {
        let index = rows.len();
        if index == MAX_COINS {
            return Err(PageFault::TooManyCoins { limit: MAX_COINS });
        }
        let cleaned = read::read(kind, meta, raw).and_then(|record| rules::apply(kind, record, latest));
        let id = cleaned.as_ref().ok().and_then(|record| id_of(kind, record));
        let cleaned = match id {
            Some(id) if !ids.insert(id) => Err(RowFault::DuplicateId),
            _ => cleaned,
        };
        rows.push((
            id.unwrap_or(u32::MAX),
            match cleaned {
                Ok(record) => Ok(record),
                Err(RowFault::Rules(error)) => return Err(error.into()),
                Err(fault) => Err(Reject::new(index, id, fault.rule(), fault.to_string(), raw.get())),
            },
        ));
        Ok(())
    };
    match kind.description().shape {
        Shape::Object | Shape::ObjectPerCurrency => take(data)?,
        Shape::List { .. } => {
            let not_a_list =
                || Err(PageFault::NotAListing(format!("data is not an array but {}", excerpt(data))));
            each_element(data, take).unwrap_or_else(not_a_list)?;
        }
    }
    // As coins are: so each chunk is a stretch of its own in the table.
    rows.sort_by_key(|(id, _)| *id);
    Ok(CleanedRows(rows.into_iter().map(|(_, row)| row).collect()))
}

/// The id that the row is of, in a kind that has ids.
fn id_of(kind: MarketKind, record: &Record) -> Option<u32> {
    match record.get(kind, "coin_id") {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ids are whole and fit")]
        Some(Value::Number(id)) => Some(*id as u32),
        _ => None,
    }
}
