//! What a batch is of: the names of endpoints, as they stand in ids, headers and tables.

/// The market as it is: what the schedule fetches.
pub const LISTINGS: &str = "listings";
/// The market as it was at a slot, asked for later.
pub const HISTORY: &str = "history";
