//! docs/tables.md names what is there.

use std::collections::BTreeSet;

use super::*;

/// What stands between backticks on the page.
fn named() -> BTreeSet<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tables.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    page.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_page_about_the_tables_names_every_table_and_what_its_columns_hold() {
    let lab = setup().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'",
    )
    .fetch_all(lab.store.database.readers())
    .await
    .expect("the tables");
    // Letters and mails are read with `coinpipe dead`; what is in the last of them is no user's business.
    let columns: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT c.name FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c \
         WHERE t.name IN ('cryptocurrencies', 'quotes_latest', 'quotes_history', 'coins', 'coin_identities', \
                          'coin_changes', 'batches', 'batch_chunks', 'coin_map', 'coin_activity', 'complete_maps', \
                          'global_metrics', 'fear_and_greed', 'market_indexes')",
    )
    .fetch_all(lab.store.database.readers())
    .await
    .expect("the columns");
    assert!(tables.len() > 12 && columns.len() > 50, "where are they all? {tables:?} {columns:?}");
    let named = named();
    let unnamed: Vec<_> = tables.iter().chain(&columns).filter(|name| !named.contains(*name)).collect();
    assert!(unnamed.is_empty(), "docs/tables.md does not name {unnamed:?}");
}
