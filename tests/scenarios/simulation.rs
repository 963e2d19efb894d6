//! Everything goes wrong, in any order: publish, publish again, replay, crash at every point, restart.
//! Whatever the order, the tables end equal to those of a single-threaded oracle, every batch is complete,
//! and no letter was written (invariants 2 to 4).

use std::collections::BTreeSet;

use domain::{Origin, StageName};
use ports::QueueName;
use proptest::prelude::*;
use stage::Point;

use crate::pipeline::Pipeline;
use crate::{market, oracle};

/// Snapshots that an operation can name.
const BATCHES: u32 = 6;

#[derive(Clone, Debug)]
enum Op {
    /// A snapshot arrives; naming one again is a duplicate, a smaller number comes late.
    Publish(u32),
    /// A snapshot comes again from the archive.
    Replay(u32),
    /// Everything runs until one stage dies at a point, after it passed it `after` times.
    Crash { stage: StageName, point: Point, after: u32 },
    /// Everything runs until the queues are empty.
    Drain,
}

fn any_op() -> impl Strategy<Value = Op> {
    let stage = prop_oneof![Just(StageName::Transformer), Just(StageName::Loader)];
    prop_oneof![
        4 => (0..BATCHES).prop_map(Op::Publish),
        1 => (0..BATCHES).prop_map(Op::Replay),
        3 => (stage, prop::sample::select(Point::ALL.as_slice()), 0_u32..4)
            .prop_map(|(stage, point, after)| Op::Crash { stage, point, after }),
        1 => Just(Op::Drain),
    ]
}

async fn check(pipeline: Pipeline, ops: &[Op]) {
    let mut published = BTreeSet::new();
    for op in ops {
        let (batch, origin) = match *op {
            Op::Publish(batch) => (batch, Origin::Live),
            Op::Replay(batch) => (batch, Origin::Replay),
            Op::Crash { stage, point, after } => {
                pipeline.crash_at(&format!("{stage}.{}:err:{after}", point.as_str())).await;
                continue;
            }
            Op::Drain => {
                pipeline.drain().await;
                continue;
            }
        };
        pipeline.queue.publish(QueueName::Raw, &[market::page(batch, origin)]).await.expect("published");
        published.insert(batch);
    }
    pipeline.drain().await;

    assert_eq!(
        pipeline.store.tables().await,
        oracle::tables(published.iter().copied(), market::COINS).await,
        "after {ops:?}"
    );
    let batches = pipeline.batches().await;
    assert_eq!(batches.len(), published.len(), "after {ops:?}");
    for batch in &batches {
        assert!(batch.is_complete(), "{} lacks {:?} after {ops:?}", batch.id, batch.missing);
        assert_eq!(batch.coins_in, u64::from(market::COINS), "{} after {ops:?}", batch.id);
    }
    assert_eq!(pipeline.letters().await, Vec::<String>::new(), "after {ops:?}");
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn tables_equal_the_oracle_in_memory(ops in prop::collection::vec(any_op(), 1..12)) {
        block_on(check(Pipeline::in_memory(), &ops));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn tables_equal_the_oracle_on_sqlite(ops in prop::collection::vec(any_op(), 1..12)) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("coinpipe.db");
        block_on(async { check(Pipeline::on_sqlite(&file).await, &ops).await });
    }
}

/// Every crash point of both stages once, one after the other, over real files.
#[test]
fn a_crash_at_every_point_on_sqlite() {
    let mut ops = Vec::new();
    for (batch, point) in (0..).zip(Point::ALL) {
        for stage in [StageName::Transformer, StageName::Loader] {
            ops.extend([Op::Publish(batch), Op::Crash { stage, point, after: 1 }]);
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("coinpipe.db");
    block_on(async { check(Pipeline::on_sqlite(&file).await, &ops).await });
}
