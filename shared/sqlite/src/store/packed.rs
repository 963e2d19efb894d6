//! Many rows as one: SQLite makes one JSON array of them. Rows one by one cross from the driver's thread to ours, each with an
//! allocation for each value, and wake us for it; that takes five times as long.
//!
//! Not for doubles, whose last bits JSON may lose, nor for bytes, which it has not.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use sqlx::sqlite::SqliteRow;
use tables::load::statements::Select;
use tables::row::{Row, Unreadable, each};

use super::columns::{instant, undecodable};

/// Coins whose rows are one: half a millisecond's work to read.
pub(super) const ROWS: usize = 250;

/// The statement that packs what `select` reads; its value is a JSON array of arrays of ids, each for one row.
pub(super) fn sql(select: &Select) -> String {
    let columns = select.columns().join(", ");
    let rows = select.sql("SELECT value FROM json_each(part.value)");
    format!("SELECT (SELECT json_group_array(json_array({columns})) FROM ({rows})) FROM json_each(?) AS part")
}

/// What `reader` makes of each of the rows that were packed into `row`.
pub(super) fn read_all<T, C: FromIterator<T>>(
    row: &SqliteRow,
    columns: &[&str],
    reader: impl Fn(&dyn Row) -> Result<T, Unreadable>,
) -> Result<C, sqlx::Error> {
    let json: &str = sqlx::Row::try_get(row, 0)?;
    let rows: Vec<Vec<Cell<'_>>> =
        serde_json::from_str(json).map_err(|error| sqlx::Error::Decode(error.into()))?;
    let packed = rows.iter().map(|cells| Packed { columns, cells });
    each(packed, reader).map_err(undecodable)
}

/// A value.
#[derive(Debug)]
enum Cell<'j> {
    Null,
    Text(Cow<'j, str>),
    Whole(i64),
}

impl<'j> Deserialize<'j> for Cell<'j> {
    fn deserialize<D: Deserializer<'j>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OfCell)
    }
}

struct OfCell;

impl<'j> Visitor<'j> for OfCell {
    type Value = Cell<'j>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number or null")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Cell::Null)
    }

    fn visit_borrowed_str<E>(self, text: &'j str) -> Result<Self::Value, E> {
        Ok(Cell::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cell::Text(text.to_owned().into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Cell::Whole(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        i64::try_from(number).map(Cell::Whole).map_err(E::custom)
    }
}

/// One of the rows.
struct Packed<'p> {
    columns: &'p [&'p str],
    cells: &'p [Cell<'p>],
}

impl Packed<'_> {
    fn cell(&self, column: &str) -> Result<&Cell<'_>, Unreadable> {
        let place = self.columns.iter().position(|one| *one == column);
        place.and_then(|place| self.cells.get(place)).ok_or_else(|| Unreadable::new(column, "was not read"))
    }

    fn borrowed(&self, column: &str) -> Result<Option<&str>, Unreadable> {
        match self.cell(column)? {
            Cell::Null => Ok(None),
            Cell::Text(text) => Ok(Some(text)),
            Cell::Whole(number) => Err(Unreadable::new(column, format!("{number}, where a text must be"))),
        }
    }

    fn whole(&self, column: &str) -> Result<Option<i64>, Unreadable> {
        match self.cell(column)? {
            Cell::Null => Ok(None),
            Cell::Whole(number) => Ok(Some(*number)),
            Cell::Text(text) => Err(Unreadable::new(column, format!("{text:?}, where a number must be"))),
        }
    }
}

impl Row for Packed<'_> {
    fn text(&self, column: &str) -> Result<Option<String>, Unreadable> {
        Ok(self.borrowed(column)?.map(str::to_owned))
    }

    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        Err(Unreadable::new(column, "bytes cannot be packed"))
    }

    fn count(&self, column: &str) -> Result<Option<u64>, Unreadable> {
        let count = self.whole(column)?.map(u64::try_from);
        count.transpose().map_err(|error| Unreadable::new(column, error))
    }

    fn number(&self, column: &str) -> Result<Option<f64>, Unreadable> {
        Err(Unreadable::new(column, "doubles cannot be packed"))
    }

    fn instant(&self, column: &str) -> Result<Option<DateTime<Utc>>, Unreadable> {
        let Some(text) = self.borrowed(column)? else { return Ok(None) };
        instant(column, text).map(Some)
    }

    fn flag(&self, column: &str) -> Result<Option<bool>, Unreadable> {
        Ok(self.whole(column)?.map(|number| number != 0))
    }
}

#[cfg(test)]
mod tests;
