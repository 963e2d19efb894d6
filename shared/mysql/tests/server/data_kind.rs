//! Real and simulated data that meet in an empty store: the second waits for the transaction of the first.

use std::sync::Arc;

use domain::Chunk;
use ports::{Store, StoreError};
use sqlx::Executor;
use testkit::contract::store::sample::chunk;

use crate::database::setup;

fn simulated() -> Chunk {
    let mut chunk = chunk(&[1]);
    chunk.page.simulated = true;
    chunk
}

#[tokio::test]
async fn the_second_waits_for_the_end_of_the_first() {
    for (end, refused) in [("COMMIT", true), ("ROLLBACK", false)] {
        let lab = setup().await;
        let mut first = lab.database.connect().await;
        first.execute("BEGIN; INSERT INTO data_origin (id, simulated) VALUES (1, FALSE)").await.unwrap();
        let store = Arc::clone(&lab.store);
        let second = tokio::spawn(async move { store.load(&simulated()).await });
        lab.database.lock_wait(None).await;
        first.execute(end).await.unwrap();
        match second.await.unwrap() {
            Err(StoreError::Mixed { simulated: true }) if refused => {}
            Ok(loaded) if !refused => assert_eq!(loaded.written, 1),
            other => panic!("after {end}: {other:?}"),
        }
    }
}

/// A store that both kinds got into before this was decided in a transaction takes no more of either.
#[tokio::test]
async fn a_mixed_store_takes_nothing() {
    let lab = setup().await;
    lab.database.execute("INSERT INTO data_origin (id, simulated) VALUES (1, NULL)").await;
    for chunk in [chunk(&[1]), simulated()] {
        assert!(matches!(lab.store.load(&chunk).await, Err(StoreError::Mixed { .. })));
    }
}
