//! Reading the quotes that a chunk is judged against.

use domain::{Measure, MeasureSet, Quote};

use crate::columns::quotes;
use crate::judgement::Held;
use crate::row::{Row, Unreadable};

/// The statement that reads `quotes_latest` of coins, for [`held`]; `ids` is what stands in the parentheses after `IN`.
pub fn latest_of(ids: &str) -> String {
    format!("SELECT {} FROM quotes_latest WHERE coin_id IN ({ids})", quotes().join(", "))
}

/// A row of `quotes_latest`, as a chunk's quotes are judged against it: an entry of [`Held`].
pub fn held(row: &dyn Row) -> Result<<Held as IntoIterator>::Item, Unreadable> {
    let mut numbers = [None; Measure::COUNT];
    for (number, measure) in numbers.iter_mut().zip(Measure::ALL) {
        *number = row.nullable(measure.column())?;
    }
    let missing: Option<String> = row.nullable("missing_fields")?;
    let currency: String = row.get("currency")?;
    let quote = Quote {
        currency: currency.clone(),
        numbers,
        missing: missing.as_deref().map(measures).unwrap_or_default(),
        last_updated: row.get("last_updated")?,
    };
    Ok(((row.get("coin_id")?, currency), (quote, row.get("fetched_at")?)))
}

/// The measures of a column list. A column of a newer version is not one of them.
fn measures(list: &str) -> MeasureSet {
    let named = |name: &str| Measure::ALL.into_iter().find(|measure| measure.column() == name);
    list.split(',').filter_map(named).collect()
}
