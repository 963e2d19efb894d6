//! What the tables about coins have in common.

use domain::Coin;

/// One of something for each of the four tables about coins.
#[derive(Debug)]
pub struct ByTable<T> {
    /// For `coin_descriptions`.
    pub coins: T,
    /// For `coin_names`.
    pub identities: T,
    /// For `quotes_latest`.
    pub latest: T,
    /// For `history`.
    pub history: T,
}

/// The tags of `coin` as their column holds them.
pub fn tags(coin: &Coin) -> Option<String> {
    coin.tags.as_ref().map(|tags| serde_json::json!(tags).to_string())
}
