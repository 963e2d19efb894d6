//! A row of any SQL database, read column by column from the left.

use std::error::Error;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

/// What an adapter can read from the next column of a row; each call goes on by one column.
pub trait Row {
    /// What the adapter's library says of a column that cannot be read.
    type Error;

    /// A text, or JSON as such, or NULL.
    fn text(&mut self) -> Result<Option<String>, Self::Error>;

    /// A whole number that is not negative, 0 and 1 for no and yes, or NULL.
    fn integer(&mut self) -> Result<Option<u64>, Self::Error>;

    /// A double, or NULL.
    fn number(&mut self) -> Result<Option<f64>, Self::Error>;

    /// A count of a quote ([`Kind::Count`](domain::Kind::Count)), whose column may have a type of its own, or NULL.
    fn quote_count(&mut self) -> Result<Option<f64>, Self::Error>;

    /// An instant, or NULL.
    fn instant(&mut self) -> Result<Option<DateTime<Utc>>, Self::Error>;

    /// Bytes; none for NULL.
    fn bytes(&mut self) -> Result<Vec<u8>, Self::Error>;

    /// The error that the column read last holds something else, because of `source`.
    fn wrong(&self, source: Box<dyn Error + Send + Sync>) -> Self::Error;

    /// The next column as a `T`.
    fn take<T: Value>(&mut self) -> Result<T, Self::Error>
    where
        Self: Sized,
    {
        T::take(self)
    }

    /// One of an enum's names.
    fn name<T: FromStr<Err: Error + Send + Sync + 'static>>(&mut self) -> Result<T, Self::Error>
    where
        Self: Sized,
    {
        let text: String = self.take()?;
        text.parse().map_err(|error: T::Err| self.wrong(error.into()))
    }

    /// One of an enum's names, or NULL.
    fn optional_name<T: FromStr<Err: Error + Send + Sync + 'static>>(
        &mut self,
    ) -> Result<Option<T>, Self::Error> {
        let text = self.text()?;
        text.map(|text| text.parse()).transpose().map_err(|error: T::Err| self.wrong(error.into()))
    }

    /// Texts joined by commas.
    fn list(&mut self) -> Result<Vec<String>, Self::Error>
    where
        Self: Sized,
    {
        let text: String = self.take()?;
        Ok(text.split(',').map(str::to_owned).collect())
    }

    /// JSON.
    fn json<T: DeserializeOwned>(&mut self) -> Result<T, Self::Error>
    where
        Self: Sized,
    {
        let json: String = self.take()?;
        serde_json::from_str(&json).map_err(|error| self.wrong(error.into()))
    }

    /// JSON, or NULL.
    fn optional_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Self::Error> {
        let json = self.text()?;
        json.map(|json| serde_json::from_str(&json)).transpose().map_err(|error| self.wrong(error.into()))
    }
}

/// What a column can be read as. NULL is an error for all but options.
pub trait Value: Sized {
    /// The next column of `row`.
    fn take<R: Row>(row: &mut R) -> Result<Self, R::Error>;
}

fn required<R: Row, T>(row: &R, value: Option<T>) -> Result<T, R::Error> {
    value.ok_or_else(|| row.wrong("it is NULL".into()))
}

impl Value for Option<String> {
    fn take<R: Row>(row: &mut R) -> Result<Self, R::Error> {
        row.text()
    }
}

impl Value for String {
    fn take<R: Row>(row: &mut R) -> Result<Self, R::Error> {
        let text = row.text()?;
        required(row, text)
    }
}

impl Value for Option<u64> {
    fn take<R: Row>(row: &mut R) -> Result<Self, R::Error> {
        row.integer()
    }
}

impl Value for u64 {
    fn take<R: Row>(row: &mut R) -> Result<Self, R::Error> {
        let integer = row.integer()?;
        required(row, integer)
    }
}

impl Value for Option<u32> {
    fn take<R: Row>(row: &mut R) -> Result<Self, R::Error> {
        let integer = row.integer()?;
        integer.map(u32::try_from).transpose().map_err(|error| row.wrong(error.into()))
    }
}

impl Value for u32 {
    fn take<R: Row>(row: &mut R) -> Result<Self, R::Error> {
        let integer = row.take::<Option<u32>>()?;
        required(row, integer)
    }
}

impl Value for Option<bool> {
    fn take<R: Row>(row: &mut R) -> Result<Self, R::Error> {
        Ok(row.integer()?.map(|integer| integer != 0))
    }
}

impl Value for bool {
    fn take<R: Row>(row: &mut R) -> Result<Self, R::Error> {
        let yes = row.take::<Option<bool>>()?;
        required(row, yes)
    }
}

impl Value for Option<f64> {
    fn take<R: Row>(row: &mut R) -> Result<Self, R::Error> {
        row.number()
    }
}

impl Value for Option<DateTime<Utc>> {
    fn take<R: Row>(row: &mut R) -> Result<Self, R::Error> {
        row.instant()
    }
}

impl Value for DateTime<Utc> {
    fn take<R: Row>(row: &mut R) -> Result<Self, R::Error> {
        let instant = row.instant()?;
        required(row, instant)
    }
}
