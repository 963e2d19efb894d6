//! Tables that somebody else made.

use mysql::MysqlTable;
use ports::{LegacyTable, StoreError};

use crate::database::Database;

#[tokio::test]
async fn any_table_is_read_as_text_and_nothing_is_written() {
    let database = Database::create().await;
    database
        .execute(
            "CREATE TABLE `my ``coins``` (symbol VARCHAR(20) CHARACTER SET utf8mb4, price DOUBLE, \
             volume FLOAT, supply DECIMAL(30, 8), at DATETIME(6), zoned TIMESTAMP NULL, packed BLOB)",
        )
        .await;
    let doubles = [5e-18, 0.1 + 0.2, 1.797_693_134_862_315_7e308, 63_857.730_787_563_11, -2.5e-300];
    for double in doubles {
        let values = format!("'ß🚀', {double:e}, 0.1, 19158500.5, '2022-09-23 15:14:00.25', NULL, x'4142'");
        database.execute(&format!("INSERT INTO `my ``coins``` VALUES ({values})")).await;
    }
    let table = MysqlTable::open(&database.options(), "my `coins`").await.unwrap();
    assert_eq!(table.columns(), ["symbol", "price", "volume", "supply", "at", "zoned", "packed"]);
    let instants = table.columns().iter().filter(|column| table.is_in_utc(column));
    assert_eq!(instants.collect::<Vec<_>>(), ["zoned"]);
    let rows = table.rows(table.columns(), 5).await.unwrap();
    let prices = rows.iter().map(|row| row[1].as_ref().unwrap().parse::<f64>().unwrap().to_bits());
    assert_eq!(prices.collect::<Vec<_>>(), doubles.map(f64::to_bits));
    let others = rows[0].iter().enumerate().filter(|(column, _)| *column != 1);
    let others: Vec<_> = others.map(|(_, text)| text.as_deref()).collect();
    assert_eq!(
        others,
        [
            Some("ß🚀"),
            Some("0.1"),
            Some("19158500.50000000"),
            Some("2022-09-23 15:14:00.250000"),
            None,
            Some("AB")
        ]
    );
    let tables = database.rows("SHOW TABLES").await.len();
    assert_eq!(tables, 1, "it made tables of its own");
    table.close().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let database = Database::create().await;
    database.execute("CREATE TABLE coins (symbol TEXT)").await;
    database.execute("INSERT INTO coins VALUES ('A'), ('B'), (NULL)").await;
    let reason = |error| match error {
        StoreError::Misconfigured { reason } => reason,
        StoreError::Unavailable { reason } => panic!("not worth waiting for: {reason}"),
        error @ StoreError::Mixed { .. } => panic!("nothing was written: {error}"),
    };
    let missing = MysqlTable::open(&database.options(), "nothing").await.unwrap_err();
    assert!(missing.to_string().contains("there is no table nothing"), "{missing}");
    // Of a database that the URL does not name.
    let table = MysqlTable::open(&database.options(), &format!("{}.coins", database.name)).await.unwrap();
    let columns = ["symbol".to_owned()];
    assert_eq!(table.rows(&columns, 3).await.unwrap().len(), 3);
    assert!(reason(table.rows(&columns, 2).await.unwrap_err()).contains("more than 2 rows"));
    let other = ["price".to_owned()];
    assert!(reason(table.rows(&other, 2).await.unwrap_err()).contains("price"));
    table.close().await;
}
