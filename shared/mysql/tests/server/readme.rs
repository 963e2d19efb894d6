//! The queries of the README and docs/tables.md, as they stand there, when `fetch.convert` changes.

use mysql::MysqlStore;
use ports::{Quotes, Store};
use sqlx::Row;
use sqlx::mysql::MySqlRow;
use testkit::contract::store::readme::{documented, snapshot};

use crate::database::{Database, setup};

/// What a documented query finds: the values of `columns`, as text.
async fn rows(database: &Database, query: usize, columns: &[&str]) -> Vec<String> {
    let sql = documented().swap_remove(query);
    let text = |row: &MySqlRow| {
        let value = |column: &&str| match *column {
            "price" => row.get::<f64, _>(*column).to_string(),
            "cmc_rank" => row.get::<u32, _>(*column).to_string(),
            _ => row.get::<String, _>(*column),
        };
        columns.iter().map(value).collect::<Vec<_>>().join(" ")
    };
    database.rows(&sql).await.iter().map(text).collect()
}

/// Loads a snapshot as [`snapshot`] makes it.
async fn load(store: &MysqlStore, seconds: i64, convert: &[&str], coins: u32) {
    store.load(&snapshot(seconds, convert, coins)).await.unwrap();
}

#[tokio::test]
async fn the_queries_of_the_readme_show_the_newest_snapshot_in_its_currency() {
    let lab = setup().await;
    let (first, winners, bitcoin, other) = (0, 1, 2, 3);
    let shown = ["cmc_rank", "name", "price", "currency"];
    let largest = |factor: u32, currency: &str| -> Vec<String> {
        (1..=10).map(|id| format!("{id} Coin {id} {} {currency}", id * factor)).collect()
    };
    // Twelve coins in USD; then eleven in EUR; then in two currencies; and one that comes late.
    load(&lab.store, 0, &["USD"], 12).await;
    assert_eq!(rows(&lab.database, first, &shown).await, largest(1, "USD"));
    load(&lab.store, 3600, &["EUR"], 11).await;
    assert_eq!(rows(&lab.database, first, &shown).await, largest(1, "EUR"));
    assert_eq!(rows(&lab.database, winners, &["name"]).await[0], "Coin 11", "coin 12 left the listing");
    assert_eq!(rows(&lab.database, bitcoin, &["price", "currency"]).await, ["1 EUR"]);
    load(&lab.store, 7200, &["GBP", "EUR"], 11).await;
    assert_eq!(rows(&lab.database, first, &shown).await, largest(1, "GBP"));
    assert_eq!(rows(&lab.database, other, &shown).await, largest(100, "EUR"));
    load(&lab.store, 1800, &["USD"], 12).await;
    assert_eq!(rows(&lab.database, first, &shown).await, largest(1, "GBP"));
    let kept = lab.database.rows("SELECT currency, listed FROM cryptocurrencies WHERE id = 12").await;
    assert_eq!((kept[0].get::<String, _>(0), kept[0].get::<i64, _>(1)), ("USD".to_owned(), 0));
    let top = lab.store.top("GBP", 20).await.unwrap();
    let listed = lab.database.rows("SELECT name FROM cryptocurrencies WHERE listed ORDER BY cmc_rank").await;
    let listed: Vec<String> = listed.iter().map(|row| row.get(0)).collect();
    assert_eq!(top.iter().map(|coin| coin.name.as_str()).collect::<Vec<_>>(), listed);
}
