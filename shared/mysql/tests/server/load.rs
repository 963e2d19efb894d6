//! Loading beside other loaders, and rows that do not fit.

use std::sync::Arc;

use domain::{Chunk, Measure};
use ports::{Ledger, Store};
use sqlx::{AssertSqlSafe, Executor};
use testkit::clock::ManualClock;
use testkit::contract::store::StoreLab;
use testkit::contract::store::sample::{at, chunk, chunk_of, quote, row};

use crate::database::setup;

/// Each quote is written by one of them; the others find it there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn loaders_that_meet_count_each_quote_once() {
    let lab = setup().await;
    let ids: Vec<u32> = (1..=700).collect();
    let loaders = (0..4_u32).map(|n| {
        let (store, mut chunk) = (Arc::clone(&lab.store), chunk(&ids));
        chunk.rows.rotate_left(n as usize * 170);
        tokio::spawn(async move { store.load(&chunk).await.unwrap() })
    });
    let (mut written, mut unchanged) = (0, 0);
    for loader in loaders.collect::<Vec<_>>() {
        let loaded = loader.await.unwrap();
        written += loaded.written;
        unchanged += loaded.unchanged;
    }
    assert_eq!((written, unchanged), (700, 2100));
}

#[tokio::test]
async fn only_the_quotes_that_the_database_refuses_are_left_out() {
    let lab = setup().await;
    let mut rows: Vec<_> = (1..=1000).map(|id| row(id, 1.0, at(0))).collect();
    rows[499].coin.name = "x".repeat(513);
    rows[500].coin.name = "Ü".repeat(512);
    rows[122].quotes.push(quote("EUR", 2.0, at(0)));
    rows[122].quotes[0].numbers[Measure::CmcRank as usize] = Some(1.5);
    rows[7].quotes.push(quote(&"y".repeat(600), 2.0, at(0)));
    let loaded = lab.store.load(&Chunk { rows, ..chunk(&[]) }).await.unwrap();
    let ids: Vec<_> = loaded.refused.iter().map(|refused| refused.coin_id).collect();
    assert_eq!(ids, [8, 123, 500]);
    assert_eq!((loaded.written, loaded.unchanged, loaded.stale), (999, 0, 0));
    for (refused, says) in loaded.refused.iter().zip(["currency", "cmc_rank", "name"]) {
        assert!(refused.reason.contains(says), "{refused:?}");
    }
    let tables = lab.tables().await;
    // Coin 123 has its good quote, and coin 8 too; of coin 500 nothing stays behind.
    assert_eq!((tables.coins.len(), tables.identities.len()), (999, 999));
    assert_eq!((tables.latest.len(), tables.history.len()), (999, 999));
    assert_eq!(tables.coins[499].coin.name, "Ü".repeat(512));
    let record = lab.store.batches(1).await.unwrap().remove(0);
    assert_eq!((record.written, record.rejected), (999, 3));
}

/// More bytes than rows: a chunk goes in several statements, none of which is too long for a packet.
#[tokio::test]
async fn long_lists_of_tags_load_whole() {
    let lab = setup().await;
    let mut rows: Vec<_> = (1..=90).map(|id| row(id, 1.0, at(0))).collect();
    for row in rows.iter_mut().step_by(3) {
        row.coin.tags = Some(vec!["x".repeat(1_000_000)]);
    }
    let loaded = lab.store.load(&Chunk { rows: rows.clone(), ..chunk(&[]) }).await.unwrap();
    assert_eq!((loaded.written, loaded.refused.len()), (90, 0));
    let coins = lab.tables().await.coins;
    assert!(coins.iter().map(|entry| &entry.coin).eq(rows.iter().map(|row| &*row.coin)));
}

/// A server that drops the sign must not make the quote look new each time.
#[tokio::test]
async fn negative_zero_is_zero() {
    let lab = setup().await;
    lab.store.load(&chunk_of(row(1, -0.0, at(0)), at(1))).await.unwrap();
    let tables = lab.tables().await;
    for entry in tables.latest.iter().chain(&tables.history) {
        assert_eq!(entry.quote.get(Measure::Price).map(f64::to_bits), Some(0));
    }
    let again = lab.store.load(&chunk_of(row(1, -0.0, at(0)), at(2))).await.unwrap();
    assert_eq!((again.written, again.unchanged), (0, 1));
}

#[tokio::test]
async fn a_load_that_deadlocks_is_done_again() {
    let lab = setup().await;
    lab.store.load(&chunk(&[1, 2])).await.unwrap();
    lab.database.execute("CREATE TABLE weight (n INT)").await;
    let mut other = lab.database.connect().await;
    // Of two that wait for each other, the server ends the one that has written less.
    let weights = vec!["(1)"; 500].join(", ");
    let sql = format!(
        "BEGIN; INSERT INTO weight VALUES {weights}; UPDATE coin_descriptions SET name = 'b' WHERE id = 2"
    );
    other.execute(AssertSqlSafe(sql)).await.unwrap();
    let store = Arc::clone(&lab.store);
    let loading = tokio::spawn(async move {
        let mut newer = chunk(&[1, 2]);
        newer.page.fetched_at = at(100);
        store.load(&newer).await
    });
    lab.database.lock_wait(None).await;
    other.execute("UPDATE coin_descriptions SET name = 'a' WHERE id = 1; COMMIT").await.unwrap();
    assert_eq!(loading.await.unwrap().unwrap().unchanged, 2);
    let coins = lab.tables().await.coins;
    assert_eq!(coins.iter().map(|entry| entry.coin.name.as_str()).collect::<Vec<_>>(), ["Coin 1", "Coin 2"]);
}

#[tokio::test]
async fn a_load_that_waited_too_long_for_a_lock_is_done_again() {
    let lab = setup().await;
    lab.store.load(&chunk(&[1, 2])).await.unwrap();
    let mut other = lab.database.connect().await;
    other.execute("BEGIN; UPDATE coin_descriptions SET name = 'b' WHERE id = 2").await.unwrap();
    let store = Arc::clone(&lab.store);
    let loading = tokio::spawn(async move { store.load(&chunk(&[1, 2])).await });
    let first = lab.database.lock_wait(None).await;
    lab.database.lock_wait(Some(&first)).await;
    other.execute("COMMIT").await.unwrap();
    assert_eq!(loading.await.unwrap().unwrap().unchanged, 2);
}

#[tokio::test]
async fn a_clock_of_another_process_does_not_take_back_when_a_chunk_was_loaded() {
    let lab = setup().await;
    lab.store.load(&chunk(&[1])).await.unwrap();
    let late: Arc<ManualClock> = Arc::new(ManualClock::starting_at(at(-60)));
    let other = mysql::MysqlStore::open(&lab.database.options(), late).await.unwrap();
    other.load(&chunk(&[1])).await.unwrap();
    let record = lab.store.batches(1).await.unwrap().remove(0);
    assert_eq!((record.loaded_at, record.loads), (Some(at(0)), 2));
}
