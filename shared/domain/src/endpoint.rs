//! What a batch is of: the names of endpoints, as they stand in ids, headers and tables.

/// The market as it is: what the schedule fetches.
pub const LISTINGS: &str = "listings";
/// The market as it was at a slot, asked for later.
pub const HISTORY: &str = "history";
/// Some coins as they are, asked for by their ids: what the schedule fetches in place of the market.
pub const QUOTES: &str = "quotes";

/// How the endpoint of a table that was imported begins; the name of the table follows. Its pages were made of rows, and are in no
/// archive.
pub const IMPORTED: &str = "legacy-";
