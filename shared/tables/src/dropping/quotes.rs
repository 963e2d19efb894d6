//! The quotes of a batch that goes, out of the history: so many rows at a time, from its newest to its oldest.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{Out, Session};
use crate::write::Parameter;

/// Rows of the history that a portion reads: those of the batch have no index.
const ROWS: u32 = 200_000;

/// Where the batch's quotes can be.
pub(super) struct Bounds {
    oldest: DateTime<Utc>,
    /// `None`: nowhere any more.
    newest: Option<DateTime<Utc>>,
}

/// The `last_updated` of those that were before `before` and went, and where the next portion begins.
pub(super) async fn take_out<S: Session>(
    session: &mut S,
    out: &Out<'_>,
    Bounds { oldest, newest }: Bounds,
    before: Option<DateTime<Utc>>,
) -> Result<(Vec<DateTime<Utc>>, Option<DateTime<Utc>>), S::Error> {
    let Some(newest) = newest else { return Ok((Vec::new(), None)) };
    let ends = newest.checked_add_signed(TimeDelta::milliseconds(1)).unwrap_or(newest);
    let ends = before.map_or(ends, |before| before.min(ends));
    let between = |begins: DateTime<Utc>| vec![begins.into(), ends.into()];
    let sql = format!(
        "SELECT last_updated FROM history WHERE last_updated >= ? AND last_updated < ? \
         ORDER BY last_updated DESC LIMIT 1 OFFSET {ROWS}"
    );
    let next = session.rows(sql, between(oldest), |row| row.get("last_updated")).await?.pop();
    let sql = format!(
        "SELECT last_updated FROM history WHERE last_updated >= ? AND last_updated < ? AND batch = {}",
        out.number
    );
    let found: Vec<DateTime<Utc>> =
        session.rows(sql, between(next.unwrap_or(oldest)), |row| row.get("last_updated")).await?;
    if let (Some(first), Some(last)) = (found.iter().min(), found.iter().max()) {
        let sql = format!(
            "DELETE FROM history WHERE last_updated >= ? AND last_updated <= ? AND batch = {}",
            out.number
        );
        session.run(sql, vec![(*first).into(), (*last).into()]).await?;
    }
    if next.is_none() {
        end(session, out).await?;
    }
    Ok((found, next))
}

/// All of the history.
pub(super) fn anywhere() -> Bounds {
    Bounds { oldest: begin_of(1000), newest: Some(begin_of(9999)) }
}

/// As the batch's lines in the ledger say. Those of older versions do not, and may be all that are left of a backup.
pub(super) async fn bounds<S: Session>(session: &mut S, out: &Out<'_>) -> Result<Bounds, S::Error> {
    let sql = "SELECT MIN(oldest_quote_at) AS oldest, MAX(newest_quote_at) AS newest, COUNT(*) AS known, \
                   COUNT(CASE WHEN fetched_at IS NULL OR newest_quote_at IS NOT NULL AND oldest_quote_at IS NULL \
                         THEN 1 END) AS unbounded \
               FROM batch_chunks WHERE batch_id = ?";
    let found = session.rows(sql.to_owned(), vec![out.batch.as_str().into()], |row| {
        let is_bounded = row.get::<u64>("known")? > 0 && row.get::<u64>("unbounded")? == 0;
        let oldest: Option<_> = row.nullable("oldest")?;
        let newest: Option<_> = row.nullable("newest")?;
        Ok(match oldest {
            _ if !is_bounded => anywhere(),
            Some(oldest) => Bounds { oldest, newest },
            None => Bounds { oldest: begin_of(1000), newest },
        })
    });
    Ok(found.await?.pop().unwrap_or(Bounds { oldest: begin_of(1000), newest: None }))
}

/// The ledger keeps the batch's lines, and does not call its quotes the newest any more; the snapshot that is the newest now may
/// have been older than what went.
async fn end<S: Session>(session: &mut S, out: &Out<'_>) -> Result<(), S::Error> {
    let sql = "UPDATE batch_chunks SET newest_quote_at = NULL, newest_fetch_at = NULL, \
                   fetched_at = COALESCE(fetched_at, transformed_at) \
               WHERE batch_id = ?";
    session.run(sql.to_owned(), vec![out.batch.as_str().into()]).await?;
    let sql =
        "SELECT batch_id, fetched_at FROM quotes_latest ORDER BY fetched_at DESC, batch_id DESC LIMIT 1";
    let newest = session.rows(sql.to_owned(), Vec::new(), |row| {
        Ok((row.get::<String>("batch_id")?, row.get::<DateTime<Utc>>("fetched_at")?))
    });
    for (batch, fetched_at) in newest.await? {
        let sql = "UPDATE batch_chunks SET newest_fetch_at = ? \
                   WHERE batch_id = ? AND fetched_at = ? AND newest_fetch_at IS NULL";
        let values: Vec<Parameter<'_>> = vec![fetched_at.into(), batch.into(), fetched_at.into()];
        session.run(sql.to_owned(), values).await?;
    }
    Ok(())
}

/// The first moment of a year: one before all quotes that tables can hold, one after.
fn begin_of(year: i32) -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default().and_time(chrono::NaiveTime::MIN).and_utc()
}
