//! Groups of a store that can do a part of them at the same time.

use super::*;

/// A group that has come halfway, and one that begins beside it; both loaded.
async fn two(bench: &Bench) -> [Loading; 2] {
    let first = bench.held_up().await;
    bench.halfway(1).await;
    let second = bench.load(chunk(&[2])).await;
    bench.begun(2).await;
    [first, second]
}

impl Bench {
    /// Waits until so many groups went on halfway.
    async fn halfway(&self, groups: usize) {
        let reached = async {
            while self.store.halfway.load(Ordering::SeqCst) < groups {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), reached).await.expect("they go on");
    }

    /// Lets all tasks run until they have to wait.
    async fn settle(&self) {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn one_begins_while_the_one_before_it_ends_and_no_third() {
    let bench = Bench::with(true);
    let [first, second] = two(&bench).await;
    let others = [bench.load(chunk(&[3])).await, bench.load(chunk(&[4])).await];
    bench.settle().await;
    assert_eq!(bench.store.begun.load(Ordering::SeqCst), 2, "the others wait");
    assert_eq!(bench.store.halfway.load(Ordering::SeqCst), 1, "the second waits for the first");
    bench.store.let_go.add_permits(1);
    assert_eq!(loaded(first).await.written, 1);
    bench.begun(3).await;
    bench.let_go();
    assert_eq!(loaded(second).await.written, 1);
    for other in others {
        assert_eq!(loaded(other).await.written, 1);
    }
    assert_eq!(bench.transactions(), [1, 1, 2]);
}

#[tokio::test]
async fn one_that_is_given_up_halfway_holds_nobody_up() {
    let bench = Bench::with(true);
    let [first, second] = two(&bench).await;
    let third = bench.load(chunk(&[3])).await;
    first.abort();
    assert!(first.await.expect_err("it was given up").is_cancelled());
    bench.let_go();
    assert_eq!(loaded(second).await.written, 1);
    assert_eq!(loaded(third).await.written, 1);
    assert_eq!(bench.transactions(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_no_longer_lets_no_third_begin() {
    let bench = Bench::with(true);
    let [first, second] = two(&bench).await;
    let third = bench.load(chunk(&[3])).await;
    tokio::time::advance(PATIENCE).await;
    bench.halfway(2).await;
    bench.settle().await;
    assert_eq!(bench.store.begun.load(Ordering::SeqCst), 2, "the third waits");
    bench.let_go();
    for loading in [first, second, third] {
        assert_eq!(loaded(loading).await.written, 1);
    }
    assert_eq!(bench.transactions(), [1, 1, 1]);
}

#[tokio::test]
async fn a_part_that_is_done_again_waits_for_nobody() {
    let (begin, finish) = (Turn::new(()), Turn::new(()));
    let beside = Beside::new(begin.lock().await, &finish);
    for _ in 0..3 {
        beside.reached().await;
    }
    assert!(begin.try_lock().is_ok() && finish.try_lock().is_err());
    drop(beside);
    assert!(finish.try_lock().is_ok());
}
