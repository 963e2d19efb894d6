//! The columns of the tables about coins, in the order in which they are written and read.

use domain::Measure;

/// `coins`: its key, what describes a coin ([`COIN_DESCRIPTION`]), and when the coin was seen.
pub const COINS: [&str; 12] = [
    "id",
    "symbol",
    "name",
    "slug",
    "date_added",
    "platform_id",
    "token_address",
    "tags",
    "infinite_supply",
    "is_active",
    "first_seen_at",
    "last_seen_at",
];

/// Which of [`COINS`] describe a coin: they follow its newest page.
pub const COIN_DESCRIPTION: std::ops::Range<usize> = 1..10;

/// `coin_identities`, as it is read. MySQL's table has a hash of three of them besides, for its key.
pub const IDENTITIES: [&str; 6] = ["coin_id", "symbol", "name", "slug", "first_seen_at", "last_seen_at"];

/// Both tables of quotes.
pub fn quotes() -> Vec<&'static str> {
    let measures = Measure::ALL.map(Measure::column);
    let rest = ["missing_fields", "last_updated", "fetched_at", "batch_id"];
    ["coin_id", "currency"].into_iter().chain(measures).chain(rest).collect()
}
