//! What a page would become in the transformer, for whoever changed one by hand.

use chrono::{DateTime, Utc};
use domain::Headers;

/// What would become of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// Coins, or rows of a kind, that pass.
    pub passed: usize,
    /// How many do not.
    pub rejected: usize,
    /// Why the first of those does not, as far as it is told.
    pub why: String,
}

/// The transformer's rules. Only programs that have a transformer in them can try a page.
pub trait Trial: Send + Sync + 'static {
    /// What would become of the page with these `headers` and this compressed `body`.
    ///
    /// # Errors
    ///
    /// Why the transformer could not read it, in words.
    fn try_page(&self, headers: &Headers, body: &[u8], now: DateTime<Utc>) -> Result<Tried, String>;
}
