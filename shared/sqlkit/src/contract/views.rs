//! What the tables and views look like.

use std::collections::BTreeSet;

use domain::{Chunk, CoinRow, Kind, Measure, timestamp};
use ports::Store;

use super::SqlLab;
use crate::Client;
use testkit::contract::store::sample::{at, chunk, chunk_of, quote, row};

/// A coin that is renamed is told once for each text that changed, with the time of the first page that says so.
pub async fn the_view_coin_changes_tells_each_rename_once<L: SqlLab>(setup: impl AsyncFn() -> L) {
    let lab = setup().await;
    let store = lab.store();
    for (symbol, name, fetched_at) in
        [("POL", "Polygon", 30), ("MATIC", "Matic", 10), ("MATIC", "Polygon", 20)]
    {
        let mut row = row(3890, 1.0, at(0));
        symbol.clone_into(&mut row.coin.symbol);
        name.clone_into(&mut row.coin.name);
        store.load(&chunk_of(row, at(fetched_at))).await.unwrap();
    }
    store.load(&chunk(&[1])).await.unwrap();
    let columns = ["coin_id", "field", "old_value", "new_value", "changed_at"];
    let changes = lab.client().found("SELECT * FROM coin_changes ORDER BY changed_at", &columns).await;
    let change = |text: &str, seconds| format!("3890 {text} {}", timestamp::to_text(at(seconds)));
    assert_eq!(changes, [change("name Matic Polygon", 20), change("symbol MATIC POL", 30)]);
}

/// Of coins with several currencies the view shows USD, or else the first.
pub async fn the_view_cryptocurrencies_has_one_row_per_coin_in_usd_if_there_is_one<L: SqlLab>(
    setup: impl AsyncFn() -> L,
) {
    let lab = setup().await;
    let quotes =
        |currencies: &[&str]| currencies.iter().map(|currency| quote(currency, 1.5, at(0))).collect();
    let rows = vec![
        CoinRow { quotes: quotes(&["EUR", "USD", "AUD"]), ..row(1, 0.0, at(0)) },
        CoinRow { quotes: quotes(&["EUR", "CHF"]), ..row(2, 0.0, at(0)) },
    ];
    lab.store().load(&Chunk { rows, ..chunk(&[]) }).await.unwrap();
    let columns = ["id", "symbol", "currency", "price"];
    let read = lab.client().found("SELECT * FROM cryptocurrencies ORDER BY id", &columns).await;
    assert_eq!(read, ["1 C1 USD 1.5", "2 C2 CHF 1.5"]);
}

/// Counts are whole numbers, all other measures are doubles.
pub async fn the_tables_have_a_column_for_every_measure_of_its_kind<L: SqlLab>(setup: impl AsyncFn() -> L) {
    let lab = setup().await;
    let (count, number) = match lab.client() {
        Client::Sqlite(_) => ("integer", "real"),
        Client::Mysql(_) => ("int", "double"),
    };
    let kept = [("quotes_latest", &Measure::ALL[..]), ("quotes_history", &Measure::HISTORY)];
    for (table, measures) in kept.into_iter().chain([("cryptocurrencies", &Measure::ALL[..])]) {
        let columns = lab.client().columns(table).await;
        for measure in measures {
            let kind = if measure.kind() == Kind::Count { count } else { number };
            assert!(
                columns.contains(&(measure.column().to_owned(), kind.to_owned())),
                "{measure:?}: {columns:?}"
            );
        }
    }
}

/// Two installations are told apart by their mails.
pub async fn each_database_is_an_installation_of_its_own<L: SqlLab>(setup: impl AsyncFn() -> L) {
    let mut names = BTreeSet::new();
    for _ in 0..3 {
        names.extend(setup().await.client().found("SELECT id FROM installation", &["id"]).await);
    }
    assert_eq!(names.len(), 3, "{names:?}");
}
