//! When a coin was seen last, where its row does not say it: its newest quotes tell (decision 28).
//!
//! A row of `coin_descriptions` or `coin_names` holds the last fetch that nothing else tells. The coin's newest quotes tell when they
//! were fetched, and the coin had then what describes it now. The views `coins` and `coin_identities` show the later of both. So what
//! a snapshot only sees again needs no write; but whoever gives a coin another description, another name or older quotes first lets
//! the rows say it themselves.

/// Lets the descriptions of the coins `ids` say when these were seen last.
pub fn descriptions(ids: &str) -> String {
    let newest = "(SELECT MAX(q.fetched_at) FROM quotes_latest AS q WHERE q.coin_id = coin_descriptions.id)";
    format!(
        "UPDATE coin_descriptions SET last_seen_at = {newest} WHERE id IN ({ids}) AND last_seen_at < {newest}"
    )
}

/// The same for the names that they have now; after [`descriptions`].
pub fn names(ids: &str) -> String {
    format!(
        "UPDATE coin_names SET last_seen_at = \
             (SELECT d.last_seen_at FROM coin_descriptions AS d WHERE d.id = coin_names.coin_id) \
         WHERE coin_id IN ({ids}) AND EXISTS (SELECT 1 FROM coin_descriptions AS d \
             WHERE d.id = coin_names.coin_id AND d.symbol = coin_names.symbol AND d.name = coin_names.name \
                 AND d.slug = coin_names.slug AND d.last_seen_at > coin_names.last_seen_at)"
    )
}
