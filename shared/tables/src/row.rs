//! A row that a database gave, read by the names of its columns. Each adapter knows how its database keeps instants, counts
//! and JSON; what the columns mean is the same in all of them.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

/// What a database gives of one column: `None` is NULL.
pub trait Row {
    /// A text.
    fn text(&self, column: &str) -> Result<Option<String>, Unreadable>;

    /// JSON, as its text: for most drivers a text like any other.
    fn json_text(&self, column: &str) -> Result<Option<String>, Unreadable> {
        self.text(column)
    }

    /// Bytes.
    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, Unreadable>;

    /// A number of things; also when it is what an expression found.
    fn count(&self, column: &str) -> Result<Option<u64>, Unreadable>;

    /// A number, also from a column of whole numbers.
    fn number(&self, column: &str) -> Result<Option<f64>, Unreadable>;

    /// An instant.
    fn instant(&self, column: &str) -> Result<Option<DateTime<Utc>>, Unreadable>;

    /// Yes or no.
    fn flag(&self, column: &str) -> Result<Option<bool>, Unreadable>;
}

impl dyn Row + '_ {
    /// The value of `column`, which is never NULL.
    pub fn get<T: Value>(&self, column: &str) -> Result<T, Unreadable> {
        self.nullable(column)?.ok_or_else(|| Unreadable::new(column, "NULL, where a value must be"))
    }

    /// The value of `column`; `None` is NULL.
    pub fn nullable<T: Value>(&self, column: &str) -> Result<Option<T>, Unreadable> {
        T::read(self, column)
    }

    /// What the text of `column`, which is never NULL, is the name of.
    pub fn name<T: Name>(&self, column: &str) -> Result<T, Unreadable> {
        self.get::<String>(column)?.parse().map_err(|error| Unreadable::new(column, error))
    }

    /// What the text of `column` is the name of; `None` is NULL.
    pub fn nullable_name<T: Name>(&self, column: &str) -> Result<Option<T>, Unreadable> {
        let text: Option<String> = self.nullable(column)?;
        text.map(|text| text.parse().map_err(|error| Unreadable::new(column, error))).transpose()
    }

    /// The texts of `column`, which are joined by commas.
    pub fn list(&self, column: &str) -> Result<Vec<String>, Unreadable> {
        Ok(self.get::<String>(column)?.split(',').map(str::to_owned).collect())
    }

    /// What the JSON of `column` says; `None` is NULL.
    pub fn json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, Unreadable> {
        let json = self.json_text(column)?;
        json.map(|json| serde_json::from_str(&json).map_err(|error| Unreadable::new(column, error)))
            .transpose()
    }
}

/// What `reader` makes of each of `rows`.
pub fn each<T, C: FromIterator<T>>(
    rows: impl IntoIterator<Item: Row>,
    reader: impl Fn(&dyn Row) -> Result<T, Unreadable>,
) -> Result<C, Unreadable> {
    rows.into_iter().map(|row| reader(&row)).collect()
}

/// What is kept as its name.
pub trait Name: FromStr<Err: Error + Send + Sync + 'static> {}

impl<T: FromStr<Err: Error + Send + Sync + 'static>> Name for T {}

/// What a column can hold.
pub trait Value: Sized {
    /// The value of `column` in `row`; `None` is NULL.
    fn read(row: &dyn Row, column: &str) -> Result<Option<Self>, Unreadable>;
}

impl Value for String {
    fn read(row: &dyn Row, column: &str) -> Result<Option<Self>, Unreadable> {
        row.text(column)
    }
}

impl Value for Vec<u8> {
    fn read(row: &dyn Row, column: &str) -> Result<Option<Self>, Unreadable> {
        row.bytes(column)
    }
}

impl Value for u64 {
    fn read(row: &dyn Row, column: &str) -> Result<Option<Self>, Unreadable> {
        row.count(column)
    }
}

impl Value for u32 {
    fn read(row: &dyn Row, column: &str) -> Result<Option<Self>, Unreadable> {
        let count = row.count(column)?;
        count.map(|count| u32::try_from(count).map_err(|error| Unreadable::new(column, error))).transpose()
    }
}

impl Value for f64 {
    fn read(row: &dyn Row, column: &str) -> Result<Option<Self>, Unreadable> {
        row.number(column)
    }
}

impl Value for DateTime<Utc> {
    fn read(row: &dyn Row, column: &str) -> Result<Option<Self>, Unreadable> {
        row.instant(column)
    }
}

impl Value for bool {
    fn read(row: &dyn Row, column: &str) -> Result<Option<Self>, Unreadable> {
        row.flag(column)
    }
}

/// A column does not hold what it is for, or is not there.
#[derive(Debug)]
pub struct Unreadable {
    column: String,
    source: Box<dyn Error + Send + Sync>,
}

impl Unreadable {
    /// `column` cannot be read because of `source`.
    pub fn new(column: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { column: column.to_owned(), source: source.into() }
    }

    /// `column` cannot be read, as the driver says, which names the column once more before it says why.
    pub fn by_driver(column: &str, error: &(dyn Error + 'static)) -> Self {
        Self::new(column, error.source().unwrap_or(error).to_string())
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the column {}: {}", self.column, self.source)
    }
}

impl Error for Unreadable {}
