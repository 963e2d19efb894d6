//! Reading a server's rows: JSON is a text in MariaDB, what an expression finds is signed, and instants have no zone.

use chrono::{DateTime, NaiveDateTime, Utc};
use sqlx::mysql::MySqlRow;
use sqlx::{MySql, Type, ValueRef};
use tables::row::{Row, Unreadable, each};

/// What `reader` makes of `row`.
pub(crate) fn read<T>(
    row: &MySqlRow,
    reader: impl FnOnce(&dyn Row) -> Result<T, Unreadable>,
) -> Result<T, sqlx::Error> {
    reader(&Columns(row)).map_err(undecodable)
}

/// What `reader` makes of each of `rows`.
pub(crate) fn read_all<T, C: FromIterator<T>>(
    rows: &[MySqlRow],
    reader: impl Fn(&dyn Row) -> Result<T, Unreadable>,
) -> Result<C, sqlx::Error> {
    each(columns(rows), reader).map_err(undecodable)
}

/// The rows as readers take them.
pub(crate) fn columns(rows: &[MySqlRow]) -> impl Iterator<Item = impl Row> {
    rows.iter().map(Columns)
}

/// As the driver says it.
pub(crate) fn undecodable(error: Unreadable) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

/// What `reader` makes of the row of a statement that always finds one.
pub(crate) fn read_one<T>(
    rows: &[MySqlRow],
    reader: impl FnOnce(&dyn Row) -> Result<T, Unreadable>,
) -> Result<T, sqlx::Error> {
    read(rows.first().ok_or(sqlx::Error::RowNotFound)?, reader)
}

struct Columns<'r>(&'r MySqlRow);

impl<'r> Columns<'r> {
    fn take<T>(&self, column: &str) -> Result<T, Unreadable>
    where
        T: sqlx::Decode<'r, MySql> + Type<MySql>,
    {
        sqlx::Row::try_get(self.0, column).map_err(|error| Unreadable::by_driver(column, &error))
    }

    /// Whether `column` is of a type that `T` is read from.
    fn is<T: Type<MySql>>(&self, column: &str) -> Result<bool, Unreadable> {
        let value =
            sqlx::Row::try_get_raw(self.0, column).map_err(|error| Unreadable::by_driver(column, &error))?;
        Ok(T::compatible(&value.type_info()))
    }
}

impl Row for Columns<'_> {
    fn text(&self, column: &str) -> Result<Option<String>, Unreadable> {
        self.take(column)
    }

    fn json_text(&self, column: &str) -> Result<Option<String>, Unreadable> {
        sqlx::Row::try_get_unchecked(self.0, column).map_err(|error| Unreadable::by_driver(column, &error))
    }

    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        self.take(column)
    }

    fn count(&self, column: &str) -> Result<Option<u64>, Unreadable> {
        if self.is::<u64>(column)? {
            return self.take(column);
        }
        let signed: Option<i64> = self.take(column)?;
        signed.map(|count| u64::try_from(count).map_err(|error| Unreadable::new(column, error))).transpose()
    }

    fn number(&self, column: &str) -> Result<Option<f64>, Unreadable> {
        if self.is::<f64>(column)? {
            return self.take(column);
        }
        Ok(self.take::<Option<u32>>(column)?.map(f64::from))
    }

    fn instant(&self, column: &str) -> Result<Option<DateTime<Utc>>, Unreadable> {
        Ok(self.take::<Option<NaiveDateTime>>(column)?.map(|at| at.and_utc()))
    }

    fn flag(&self, column: &str) -> Result<Option<bool>, Unreadable> {
        self.take(column)
    }
}
