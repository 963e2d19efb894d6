//! The rows of one answer, before they go into the envelope.

/// Rows as JSON objects, in the order they are served.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListingPage {
    pub(crate) rows: Vec<String>,
    /// How many rows there would be without `start` and `limit`.
    pub(crate) total_count: usize,
}
