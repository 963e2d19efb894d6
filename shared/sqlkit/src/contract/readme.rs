//! The queries of the README and docs/tables.md, as they stand there, when `fetch.convert` changes.

use ports::{Quotes, Store};

use super::SqlLab;
use super::snapshot::{documented, snapshot};

async fn rows(lab: &impl SqlLab, query: usize, columns: &[&str]) -> Vec<String> {
    lab.client().found(&documented().swap_remove(query), columns).await
}

/// They show the newest snapshot, in its currency.
pub async fn the_queries_of_the_readme_show_the_newest_snapshot_in_its_currency<L: SqlLab>(
    setup: impl AsyncFn() -> L,
) {
    let lab = setup().await;
    let store = lab.store();
    let (first, winners, bitcoin, other) = (0, 1, 2, 3);
    let shown = ["cmc_rank", "name", "price", "currency"];
    let largest = |factor: u32, currency: &str| -> Vec<String> {
        (1..=10).map(|id| format!("{id} Coin {id} {} {currency}", id * factor)).collect()
    };
    // Twelve coins in USD; then eleven in EUR; then in two currencies, GBP first.
    store.load(&snapshot(0, &["USD"], 12)).await.unwrap();
    assert_eq!(rows(&lab, first, &shown).await, largest(1, "USD"));
    store.load(&snapshot(3600, &["EUR"], 11)).await.unwrap();
    assert_eq!(rows(&lab, first, &shown).await, largest(1, "EUR"));
    assert_eq!(rows(&lab, winners, &["name"]).await[0], "Coin 11", "coin 12 left the listing");
    assert_eq!(rows(&lab, bitcoin, &["price", "currency"]).await, ["1 EUR"]);
    store.load(&snapshot(7200, &["GBP", "EUR"], 11)).await.unwrap();
    assert_eq!(rows(&lab, first, &shown).await, largest(1, "GBP"));
    assert_eq!(rows(&lab, other, &shown).await, largest(100, "EUR"));
    // What comes late changes nothing.
    store.load(&snapshot(1800, &["USD"], 12)).await.unwrap();
    assert_eq!(rows(&lab, first, &shown).await, largest(1, "GBP"));
    // A coin that left the listing keeps its last row.
    let sql = "SELECT currency, listed FROM cryptocurrencies WHERE id = 12";
    assert_eq!(lab.client().found(sql, &["currency", "listed"]).await, ["USD 0"]);
    let top = store.top("GBP", 20).await.unwrap();
    let sql = "SELECT name FROM cryptocurrencies WHERE listed ORDER BY cmc_rank";
    let listed = lab.client().found(sql, &["name"]).await;
    assert_eq!(top.iter().map(|coin| coin.name.as_str()).collect::<Vec<_>>(), listed);
}
