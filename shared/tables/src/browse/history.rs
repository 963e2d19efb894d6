//! The history as it is, a page at a time.

use domain::Measure;
use ports::store::{HistorySpan, PastQuote};

use super::{Dialect, batch, columns, of, quote as numbers};
use crate::row::{Row, Unreadable};
use crate::write::{Asked, Parameter};

/// The next quotes of a span, for [`quote`].
pub fn quotes<'a>(
    dialect: &Dialect,
    span: &'a HistorySpan,
    after: Option<&'a PastQuote>,
    limit: u32,
) -> Asked<'a> {
    let HistorySpan { from, until, of: series, newest_first } = span;
    let Dialect { join, by_coin, .. } = dialect;
    let own = ["coin_id", "currency", "missing_fields", "last_updated", "fetched_at"];
    let own = of("h", own.into_iter().chain(columns(&Measure::HISTORY)));
    let mut which = "h.last_updated >= ? AND h.last_updated < ?".to_owned();
    let mut values: Vec<Parameter<'a>> = vec![(*from).into(), (*until).into()];
    if let Some((coin, currency)) = series {
        which += " AND h.coin_id = ? AND h.currency = ?";
        values.extend([(*coin).into(), currency.as_str().into()]);
    }
    let (way, beyond) = if *newest_first { (" DESC", "<") } else { ("", ">") };
    if let Some(PastQuote { coin_id, quote, .. }) = after {
        // The first comparison is for the index.
        which = format!(
            "{which} AND h.last_updated {beyond}= ? AND (h.last_updated {beyond} ? OR h.coin_id {beyond} ? \
               OR (h.coin_id = ? AND h.currency {beyond} ?))"
        );
        let at = quote.last_updated.into();
        let key = [(*coin_id).into(), (*coin_id).into(), quote.currency.as_str().into()];
        values.extend([at, quote.last_updated.into()].into_iter().chain(key));
    }
    values.push(limit.into());
    let hint = if series.is_some() { by_coin } else { "" };
    let sql = format!(
        "SELECT {own}, b.batch_id AS batch_id FROM history AS h{hint} \
         {join} batch_numbers AS b ON b.number = h.batch \
         WHERE {which} ORDER BY h.last_updated{way}, h.coin_id{way}, h.currency{way} LIMIT ?"
    );
    (sql, values)
}

/// A row of [`quotes`].
pub fn quote(row: &dyn Row) -> Result<PastQuote, Unreadable> {
    Ok(PastQuote {
        coin_id: row.get("coin_id")?,
        quote: numbers(row, &Measure::HISTORY)?,
        fetched_at: row.get("fetched_at")?,
        batch: batch(row)?,
    })
}
