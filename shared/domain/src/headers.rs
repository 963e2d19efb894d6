//! Headers: short texts by name, beside the body of a message.

pub mod header;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Headers: short texts by name. Numbers and instants are written as text, so that every queue can
/// carry them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Headers(BTreeMap<String, String>);

/// A header that the reader needs is absent or makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The header is not there.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// The header cannot be read as what it should be.
    #[error("header {name} is {text:?}, not {expected}")]
    Invalid {
        /// Which header.
        name: &'static str,
        /// What it holds.
        text: String,
        /// What it should hold.
        expected: &'static str,
    },
}

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `name` to `value`.
    pub fn set(&mut self, name: impl Into<String>, value: impl fmt::Display) {
        self.0.insert(name.into(), value.to_string());
    }

    /// The same headers with `name` set to `value`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.set(name, value);
        self
    }

    /// Removes `name` and returns what it held.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// The text of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The text of `name`, which must be there.
    pub fn require(&self, name: &'static str) -> Result<&str, HeaderError> {
        self.get(name).ok_or(HeaderError::Missing(name))
    }

    /// The value of `name`, which must be there and parse; `expected` completes "is … , not".
    pub fn parse<T: FromStr>(&self, name: &'static str, expected: &'static str) -> Result<T, HeaderError> {
        let text = self.require(name)?;
        text.parse().map_err(|_| HeaderError::Invalid { name, text: text.to_owned(), expected })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All headers, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_senseless_header_is_named() {
        let headers = Headers::new().with(header::PAGE, "two");
        assert_eq!(
            headers.parse::<u32>(header::PAGE, "a number").unwrap_err().to_string(),
            r#"header x-page is "two", not a number"#
        );
        assert_eq!(headers.require(header::PAGES).unwrap_err().to_string(), "header x-pages is missing");
    }
}
