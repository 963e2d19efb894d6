//! Loads beside each other: one writes its history while the one before it has locked the coins.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::Chunk;
use ports::Store;
use ports::store::Halfway;
use testkit::contract::store::StoreLab;
use testkit::contract::store::sample::{at, chunk, chunk_of, row};
use tokio::sync::Semaphore;

use crate::database::setup;

/// Waits halfway until it is let go.
struct Held {
    reached: Semaphore,
    let_go: Semaphore,
}

impl Held {
    fn new() -> Arc<Self> {
        Arc::new(Self { reached: Semaphore::new(0), let_go: Semaphore::new(0) })
    }

    /// Waits until the load has come halfway.
    async fn has_reached(&self) {
        let reached = tokio::time::timeout(Duration::from_secs(30), self.reached.acquire()).await;
        reached.expect("it comes halfway").unwrap().forget();
    }
}

#[async_trait]
impl Halfway for Held {
    async fn reached(&self) {
        self.reached.add_permits(1);
        self.let_go.acquire().await.unwrap().forget();
    }
}

type Loading = tokio::task::JoinHandle<u64>;

/// Loads `chunk` beside others; how many quotes it wrote.
fn load(store: &Arc<impl Store>, chunk: Chunk, halfway: &Arc<Held>) -> Loading {
    let (store, halfway) = (Arc::clone(store), Arc::clone(halfway));
    tokio::spawn(async move { store.load_beside(&[&chunk], &*halfway).await.unwrap().remove(0).written })
}

/// The later quotes are committed first, and stay.
#[tokio::test]
async fn both_have_written_their_history_before_either_locks_the_coins() {
    let lab = setup().await;
    lab.store.load(&chunk_of(row(1, 1.0, at(0)), at(0))).await.unwrap();
    let (first, second) = (Held::new(), Held::new());
    let one = load(&lab.store, chunk_of(row(1, 2.0, at(10)), at(10)), &first);
    let other = load(&lab.store, chunk_of(row(1, 3.0, at(20)), at(20)), &second);
    first.has_reached().await;
    second.has_reached().await;
    assert_eq!(lab.tables().await.history.len(), 1, "neither is committed");
    second.let_go.add_permits(1);
    assert_eq!(other.await.unwrap(), 1);
    first.let_go.add_permits(1);
    assert_eq!(one.await.unwrap(), 0, "it is older than what is there by now");
    let tables = lab.tables().await;
    assert_eq!(tables.history.len(), 3);
    let latest: Vec<_> = tables.latest.iter().map(|entry| entry.quote.last_updated).collect();
    assert_eq!(latest, [at(20)]);
}

/// The same rows cannot be written twice at once: the second load comes halfway when the first is committed, and finds them.
#[tokio::test]
async fn a_repeat_waits_for_the_commit() {
    let lab = setup().await;
    let (first, second) = (Held::new(), Held::new());
    let one = load(&lab.store, chunk(&[1, 2]), &first);
    first.has_reached().await;
    let other = load(&lab.store, chunk(&[2, 1]), &second);
    first.let_go.add_permits(1);
    assert_eq!(one.await.unwrap(), 2);
    second.has_reached().await;
    second.let_go.add_permits(1);
    assert_eq!(other.await.unwrap(), 0);
    assert_eq!(lab.tables().await.history.len(), 2);
}

/// What is refused is rolled back, its history too, and its halves come halfway as the whole did.
#[tokio::test]
async fn each_part_comes_halfway() {
    let lab = setup().await;
    let mut bad = chunk(&[1, 2]);
    bad.rows[1].coin.name = "x".repeat(513);
    let halfway = Held::new();
    halfway.let_go.add_permits(3);
    assert_eq!(load(&lab.store, bad, &halfway).await.unwrap(), 1);
    assert_eq!(halfway.reached.available_permits(), 3);
    assert_eq!(lab.tables().await.history.len(), 1);
}

/// It may hold what the other one waits for.
#[tokio::test]
async fn one_that_waits_too_long_halfway_goes_on() {
    let lab = setup().await;
    let halfway = Held::new();
    assert_eq!(load(&lab.store, chunk(&[1]), &halfway).await.unwrap(), 1);
    halfway.has_reached().await;
}
