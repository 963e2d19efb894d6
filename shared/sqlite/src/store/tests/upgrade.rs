//! A file of an earlier version: what it holds is found by what is new.

use domain::Origin;
use ports::{DataKinds, Freshness};
use sqlkit::contract::snapshot::snapshot;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::*;

/// As they were before migration 6.
const BEFORE: Schema = Schema {
    table: SCHEMA.table,
    migrations: SCHEMA.migrations.first_chunk::<4>().expect("four").as_slice(),
};

#[tokio::test]
async fn what_was_loaded_before_is_fresh_listed_and_of_its_kind() {
    let lab = setup().await;
    lab.store.load(&snapshot(0, &["USD"], 3)).await.unwrap();
    let mut newest = snapshot(3600, &["EUR"], 2);
    newest.page.origin = Origin::Replay;
    lab.store.load(&newest).await.unwrap();
    let now = everything(lab.directory.path(), &lab.store).await;

    // The same as the earlier version leaves it.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("coinpipe.db");
    let database = Database::open(&path).await.unwrap();
    database.migrate(&BEFORE).await.unwrap();
    database.close().await;
    copy(&lab.directory.path().join("coinpipe.db"), &path).await;

    let store = open(directory.path(), lab.clock.clone()).await;
    let freshness = Freshness { newest_quote_at: Some(at(3600)), newest_fetch_at: Some(at(3601)) };
    assert_eq!(store.freshness().await.unwrap(), freshness);
    assert_eq!(everything(directory.path(), &store).await, now);
    assert_eq!(store.data_kinds().await.unwrap(), DataKinds { simulated: false, real: true });
    let sql = "SELECT id, currency, listed FROM cryptocurrencies ORDER BY id";
    let rows = client(directory.path()).found(sql, &["id", "currency", "listed"]).await;
    assert_eq!(rows, ["1 EUR 1", "2 EUR 1", "3 USD 0"]);
    let mut simulated = chunk(&[1]);
    simulated.page.simulated = true;
    assert!(matches!(store.load(&simulated).await, Err(StoreError::Mixed { simulated: true })));
}

/// Copies what the earlier version has columns for.
async fn copy(from: &Path, to: &Path) {
    const CHUNK: &str = "batch_id, page, chunk, pages, chunks, coins_in, rejected, written, unchanged, stale, \
                        transformed_at, loaded_at, loads, replays";
    const BATCH: &str = "id, slot, endpoint, currencies, simulated, fetched_at, pages, credits";
    let mut old = SqliteConnectOptions::new().filename(to).connect().await.expect("the old file");
    let attach = format!("ATTACH DATABASE '{}' AS new", from.display());
    sqlx::raw_sql(AssertSqlSafe(attach)).execute(&mut old).await.expect("the new file");
    let sql = format!("INSERT INTO main.batches ({BATCH}) SELECT {BATCH} FROM new.batches");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut old).await.expect("batches");
    for table in ["coins", "coin_identities", "quotes_latest", "quotes_history"] {
        let columns = client(to.parent().expect("a folder")).columns(table).await;
        let columns = columns.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
        let sql = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut old).await.expect(table);
    }
    let sql = format!("INSERT INTO main.batch_chunks ({CHUNK}) SELECT {CHUNK} FROM new.batch_chunks");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut old).await.expect("rows");
    old.close().await.expect("closes");
}

/// A view of somebody else's goes on naming the history; a table that has its name is left alone.
#[tokio::test]
async fn what_somebody_else_made_stays() {
    let lab = setup().await;
    lab.store.load(&chunk(&[1, 2])).await.unwrap();
    let client = lab.client();
    client.back_to_step_6().await;
    client.execute("CREATE VIEW mine AS SELECT count(*) AS n FROM quotes_history").await;
    client.execute("CREATE TABLE history (what TEXT)").await;
    let refused = async || {
        let database = Database::open(lab.directory.path().join("coinpipe.db")).await.unwrap();
        let pending = SqliteStore::pending(Some(&database)).await.unwrap_err();
        let opened = SqliteStore::open(database, lab.clock.clone()).await.map(drop).unwrap_err();
        [pending.to_string(), opened.to_string()]
    };
    for said in refused().await {
        assert!(said.contains("table or view `history` that is not coinpipe's"), "{said}");
    }
    assert_eq!(client.columns("history").await.len(), 1);
    client.execute("DROP TABLE history").await;
    open(lab.directory.path(), lab.clock.clone()).await;
    assert_eq!(client.found("SELECT n FROM mine", &["n"]).await, ["2"]);
}

/// Its insert fails with what an operator has to act on, not with what is about a row: it ends, and gives its chunks back.
#[tokio::test]
async fn an_older_loader_keeps_its_chunks_while_the_history_is_converted_and_after() {
    let lab = setup().await;
    lab.store.load(&chunk(&[1, 2])).await.unwrap();
    let client = lab.client();
    client.back_to_step_6().await;
    let old = "INSERT INTO quotes_history SELECT * FROM quotes_latest WHERE true \
               ON CONFLICT DO UPDATE SET price = excluded.price WHERE excluded.fetched_at > quotes_history.fetched_at";
    assert!(client.refusal(old).await.is_none(), "it works before");
    for step in 7..=9 {
        client.migrate_to(step).await;
        let error = lab.store.database.blame(client.refusal(old).await.expect("it cannot be written"));
        assert!(error.to_string().contains("because it is a view"), "{error}");
        assert!(StoreError::from(error).to_string().contains("misconfigured"));
    }
}
