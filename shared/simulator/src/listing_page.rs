//! The rows of one answer, before they go into the envelope.

/// Rows as JSON objects, in the order they are served.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListingPage {
    pub(crate) rows: Vec<String>,
    /// How many rows there would be without `start` and `limit`; not told of coins that were asked for by their ids.
    pub(crate) total_count: Option<usize>,
}
