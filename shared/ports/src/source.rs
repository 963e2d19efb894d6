//! A table that somebody else made, to import from.

use async_trait::async_trait;

use crate::store::StoreError;

/// A row: the text of each column that was asked for; `None` for NULL.
pub type LegacyRow = Vec<Option<String>>;

/// A table of which nothing is known but its columns' names. It is only read.
#[async_trait]
pub trait LegacyTable: Send + Sync + 'static {
    /// The names of its columns, in their order.
    fn columns(&self) -> &[String];

    /// Whether the server keeps the values of `column` as instants, and so gives them in UTC, rather than as somebody's clock
    /// showed them.
    fn is_in_utc(&self, column: &str) -> bool;

    /// The values of `columns` in all rows, as text: doubles so that they can be read back bit for bit, dates and
    /// times as `2026-11-22 14:00:00`, those with a time zone in UTC.
    ///
    /// Fails as misconfigured when the table has more than `most` rows.
    async fn rows(&self, columns: &[String], most: u32) -> Result<Vec<LegacyRow>, StoreError>;
}
