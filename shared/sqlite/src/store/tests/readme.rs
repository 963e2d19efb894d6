//! The queries of the README and docs/tables.md, as they stand there, when `fetch.convert` changes.

use sqlx::Row;
use testkit::contract::store::readme::{documented, snapshot};

use super::*;

/// What a documented query finds: the values of `columns`, as text.
async fn rows(store: &SqliteStore, query: usize, columns: &[&str]) -> Vec<String> {
    let sql = documented().swap_remove(query);
    let rows = sqlx::query(AssertSqlSafe(sql.clone())).fetch_all(store.database.readers()).await.expect(&sql);
    let text = |row: &sqlx::sqlite::SqliteRow| {
        let value = |column: &&str| match *column {
            "price" => row.get::<f64, _>(*column).to_string(),
            "cmc_rank" => row.get::<u32, _>(*column).to_string(),
            _ => row.get::<String, _>(*column),
        };
        columns.iter().map(value).collect::<Vec<_>>().join(" ")
    };
    rows.iter().map(text).collect()
}

fn ten(text: impl Fn(u32) -> String) -> Vec<String> {
    (1..=10).map(text).collect()
}

#[tokio::test]
async fn the_queries_of_the_readme_show_the_newest_snapshot_in_its_currency() {
    let lab = setup().await;
    let (first, winners, bitcoin, other) = (0, 1, 2, 3);
    let shown = ["cmc_rank", "name", "price", "currency"];
    let largest = |factor: u32, currency: &str| {
        let currency = currency.to_owned();
        ten(move |id| format!("{id} Coin {id} {} {currency}", id * factor))
    };
    // Twelve coins in USD; then eleven in EUR; then again in both, EUR first; then in USD first.
    lab.store.load(&snapshot(0, &["USD"], 12)).await.unwrap();
    assert_eq!(rows(&lab.store, first, &shown).await, largest(1, "USD"));
    lab.store.load(&snapshot(3600, &["EUR"], 11)).await.unwrap();
    assert_eq!(rows(&lab.store, first, &shown).await, largest(1, "EUR"));
    assert_eq!(rows(&lab.store, winners, &["name"]).await[0], "Coin 11", "coin 12 left the listing");
    assert_eq!(rows(&lab.store, bitcoin, &["price", "currency"]).await, ["1 EUR"]);
    lab.store.load(&snapshot(7200, &["GBP", "EUR"], 11)).await.unwrap();
    assert_eq!(rows(&lab.store, first, &shown).await, largest(1, "GBP"));
    assert_eq!(rows(&lab.store, other, &shown).await, largest(100, "EUR"));
    // What comes late changes nothing.
    lab.store.load(&snapshot(1800, &["USD"], 12)).await.unwrap();
    assert_eq!(rows(&lab.store, first, &shown).await, largest(1, "GBP"));
    // A coin that left the listing keeps its last row.
    let sql = "SELECT currency, listed FROM cryptocurrencies WHERE id = 12";
    let kept: (String, bool) = sqlx::query_as(sql).fetch_one(lab.store.database.readers()).await.unwrap();
    assert_eq!(kept, ("USD".to_owned(), false));
    let top = lab.store.top("GBP", 20).await.unwrap();
    let sql = "SELECT name FROM cryptocurrencies WHERE listed ORDER BY cmc_rank";
    let listed: Vec<String> = sqlx::query_scalar(sql).fetch_all(lab.store.database.readers()).await.unwrap();
    assert_eq!(top.iter().map(|coin| coin.name.as_str()).collect::<Vec<_>>(), listed);
}
