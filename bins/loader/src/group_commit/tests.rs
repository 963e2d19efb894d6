mod side_by_side;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Fetched;
use domain::Schedule;
use domain::wire::{self, UnreadMessage};
use ports::DataKinds;
use ports::store::Halfway;
use testkit::clock::ManualClock;
use testkit::contract::store::sample::chunk;
use testkit::memory::MemoryStore;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::*;

/// How long a load waits for the one before it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Loads when it is let, and remembers how many chunks each transaction had. Coin 13 makes it panic.
struct Held {
    memory: MemoryStore,
    /// Whether it can do a part of several loads at the same time.
    is_halved: bool,
    /// How many went on halfway.
    halfway: AtomicUsize,
    let_go: Semaphore,
    begun: AtomicUsize,
    transactions: Mutex<Vec<usize>>,
}

#[async_trait]
impl Store for Held {
    async fn load_all(&self, chunks: &[&Chunk]) -> Result<Vec<Loaded>, StoreError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.let_go.acquire().await.unwrap().forget();
        assert!(chunks.iter().flat_map(|chunk| &chunk.rows).all(|row| row.coin.id != 13), "coin 13");
        self.transactions.lock().unwrap().push(chunks.len());
        self.memory.load_all(chunks).await
    }

    async fn load_beside(&self, chunks: &[&Chunk], halfway: &dyn Halfway) -> Result<Vec<Loaded>, StoreError> {
        if self.is_halved {
            self.begun.fetch_add(1, Ordering::SeqCst);
            let _patience_is_over = tokio::time::timeout(PATIENCE, halfway.reached()).await;
            self.halfway.fetch_add(1, Ordering::SeqCst);
            self.begun.fetch_sub(1, Ordering::SeqCst);
        }
        self.load_all(chunks).await
    }

    async fn load_market(&self, chunk: &domain::MarketChunk) -> Result<Loaded, StoreError> {
        self.memory.load_market(chunk).await
    }

    async fn record_fetched(&self, fetched: &Fetched) -> Result<(), StoreError> {
        self.memory.record_fetched(fetched).await
    }

    async fn record_schedule(&self, schedule: &Schedule) -> Result<(), StoreError> {
        self.memory.record_schedule(schedule).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.memory.ready().await
    }

    async fn prune_history(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.memory.prune_history(before, limit).await
    }

    async fn data_kinds(&self) -> Result<DataKinds, StoreError> {
        self.memory.data_kinds().await
    }
}

struct Bench {
    store: Arc<Held>,
    groups: Arc<GroupCommit>,
}

type Loading = JoinHandle<Result<Loaded, Failure>>;

impl Bench {
    fn new() -> Self {
        Self::with(false)
    }

    fn with(is_halved: bool) -> Self {
        let store = Arc::new(Held {
            memory: MemoryStore::new(Arc::new(ManualClock::default())),
            is_halved,
            halfway: AtomicUsize::new(0),
            let_go: Semaphore::new(0),
            begun: AtomicUsize::new(0),
            transactions: Mutex::default(),
        });
        Self { groups: Arc::new(GroupCommit::new(store.clone())), store }
    }

    /// Loads `chunk` on a task of its own, which waits by now.
    async fn load(&self, chunk: Chunk) -> Loading {
        self.load_bytes(wire::encode_chunk(&chunk)).await
    }

    async fn load_bytes(&self, bytes: Vec<u8>) -> Loading {
        let Ok(UnreadMessage::Chunk(chunk)) = wire::open(&bytes.into()) else { panic!("no chunk") };
        let groups = Arc::clone(&self.groups);
        let loading = tokio::spawn(async move { groups.load(chunk).await });
        // On this one thread the task has run until it had to wait.
        tokio::task::yield_now().await;
        loading
    }

    /// A transaction that is held up, so that others gather.
    async fn held_up(&self) -> Loading {
        let loading = self.load(chunk(&[1])).await;
        self.begun(1).await;
        loading
    }

    /// Waits until so many transactions have begun.
    async fn begun(&self, transactions: usize) {
        let reached = async {
            while self.store.begun.load(Ordering::SeqCst) < transactions {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), reached).await.expect("it begins");
    }

    fn let_go(&self) {
        self.store.let_go.add_permits(100);
    }

    fn transactions(&self) -> Vec<usize> {
        self.store.transactions.lock().unwrap().clone()
    }
}

/// A chunk of half the quotes that the first transaction may have.
fn large() -> Chunk {
    let first = 100;
    let coins: Vec<u32> = (first..).take(FIRST_QUOTES / 2).collect();
    chunk(&coins)
}

async fn loaded(loading: Loading) -> Loaded {
    let ended = tokio::time::timeout(Duration::from_secs(10), loading).await.expect("it ends");
    ended.expect("does not panic").expect("loads")
}

#[tokio::test]
async fn a_chunk_that_makes_the_store_panic_takes_no_other_with_it() {
    let bench = Bench::new();
    let first = bench.held_up().await;
    let mut others = Vec::new();
    for id in 2..=5 {
        others.push(bench.load(chunk(&[id, id + 10])).await);
    }
    bench.let_go();
    assert_eq!(loaded(first).await.written, 1);
    let mut written = 0;
    for (id, other) in (2..).zip(others) {
        if id == 3 {
            assert!(other.await.expect_err("it panics").is_panic());
        } else {
            written += loaded(other).await.written;
        }
    }
    assert_eq!(written, 6);
    assert_eq!(bench.transactions(), [1, 1, 1, 1], "after a panic each is alone");
    let second = bench.load(chunk(&[20])).await;
    assert_eq!(loaded(second).await.written, 1);
}

#[tokio::test]
async fn chunks_that_wait_share_a_transaction_and_each_is_told_its_own() {
    let bench = Bench::new();
    let first = bench.held_up().await;
    let second = bench.load(chunk(&[2, 3])).await;
    let repeat = bench.load(chunk(&[2])).await;
    let third = bench.load(chunk(&[4])).await;
    bench.let_go();
    assert_eq!(loaded(first).await.written, 1);
    assert_eq!(loaded(second).await.written, 2);
    let repeat = loaded(repeat).await;
    assert_eq!((repeat.written, repeat.unchanged), (0, 1));
    assert_eq!(loaded(third).await.written, 1);
    assert_eq!(bench.transactions(), [1, 3]);
}

/// As many come as were loaded: the next transaction has them and those that waited, not first these and then those.
#[tokio::test(start_paused = true)]
async fn those_that_come_in_place_of_the_loaded_ones_are_waited_for() {
    const CHUNKS: u32 = 90;
    let bench = Bench::new();
    let next = Arc::new(AtomicU32::new(0));
    let worker = || {
        let (groups, next) = (Arc::clone(&bench.groups), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= CHUNKS {
                    return;
                }
                let bytes = wire::encode_chunk(&chunk(&[100 + number]));
                let Ok(UnreadMessage::Chunk(unread)) = wire::open(&bytes.into()) else { panic!("no chunk") };
                assert_eq!(groups.load(unread).await.unwrap().written, 1);
                // The way to the broker and back, of a clock that goes on by itself.
                tokio::time::sleep(GATHER / 5).await;
            }
        })
    };
    let first = worker();
    bench.begun(1).await;
    let others = [worker(), worker(), worker()];
    bench.let_go();
    first.await.unwrap();
    for other in others {
        other.await.unwrap();
    }
    // Otherwise it were 1 and 3 in turns: 45 transactions.
    let transactions = bench.transactions();
    assert_eq!(transactions.iter().sum::<usize>(), CHUNKS as usize);
    assert!(transactions.len() < 38, "{transactions:?}");
}

/// While a transaction runs, the rows of the next one are read, and no more.
#[tokio::test]
async fn the_next_transaction_is_read_ahead() {
    let bench = Bench::new();
    let first = bench.held_up().await;
    let mut nan = chunk(&[3]);
    nan.rows[0].quotes[0].numbers[0] = Some(f64::NAN);
    let bad = bench.load(nan).await;
    let others = [bench.load(large()).await, bench.load(large()).await, bench.load(large()).await];
    let reached = async {
        while bench.groups.waiting.read_ahead_so_far() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reached).await.expect("they are read");
    assert_eq!(bench.store.begun.load(Ordering::SeqCst), 1);
    bench.let_go();
    loaded(first).await;
    for other in others {
        loaded(other).await;
    }
    assert!(matches!(bad.await.unwrap(), Err(Failure::Reject { code: "senseless", .. })));
    // One quote of the one that is refused was counted, too.
    assert_eq!(bench.transactions(), [1, 1, 2]);
}

/// Its rows are read when its turn comes; what is wrong with them is its own trouble.
#[tokio::test]
async fn a_chunk_whose_rows_cannot_be_read_is_refused_alone() {
    let bench = Bench::new();
    let first = bench.held_up().await;
    let mut nan = chunk(&[3]);
    nan.rows[0].quotes[0].numbers[0] = Some(f64::NAN);
    let others =
        [bench.load(chunk(&[2])).await, bench.load(nan.clone()).await, bench.load(chunk(&[4])).await];
    bench.let_go();
    loaded(first).await;
    let [second, third, fourth] = others;
    assert_eq!(loaded(second).await.written, 1);
    let refused = third.await.unwrap();
    assert!(matches!(&refused, Err(Failure::Reject { code: "senseless", .. })), "{refused:?}");
    assert_eq!(loaded(fourth).await.written, 1);
    assert_eq!(bench.transactions(), [1, 2]);
    let alone = bench.load(nan).await.await.unwrap();
    assert!(matches!(&alone, Err(Failure::Reject { code: "senseless", .. })), "{alone:?}");
}

/// The bytes of a chunk that says it has more rows than there can be.
fn boasting() -> Vec<u8> {
    let mut bytes = wire::encode_chunk(&chunk(&[]));
    // Their number comes last, in place of none the greatest that bincode can write.
    assert_eq!(bytes.pop(), Some(0));
    bytes.push(253);
    bytes.extend(u64::MAX.to_le_bytes());
    let payload = &bytes[15..];
    let (length, checksum) = (u32::try_from(payload.len()).unwrap(), wire::crc32c(payload));
    bytes[7..11].copy_from_slice(&length.to_le_bytes());
    bytes[11..15].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

#[tokio::test]
async fn a_chunk_that_boasts_is_refused_alone() {
    let bench = Bench::new();
    let first = bench.held_up().await;
    let others =
        [bench.load(chunk(&[2])).await, bench.load_bytes(boasting()).await, bench.load(chunk(&[3])).await];
    bench.let_go();
    loaded(first).await;
    let [second, boasting, third] = others;
    assert_eq!(loaded(second).await.written, 1);
    let refused = boasting.await.unwrap();
    assert!(matches!(&refused, Err(Failure::Reject { code: "undecodable", .. })), "{refused:?}");
    assert_eq!(loaded(third).await.written, 1);
}

#[tokio::test]
async fn real_and_simulated_chunks_never_share_one() {
    let bench = Bench::new();
    let first = bench.held_up().await;
    let simulated = |id| {
        let mut chunk = chunk(&[id]);
        chunk.page.simulated = true;
        chunk
    };
    let others =
        [bench.load(simulated(2)).await, bench.load(chunk(&[3])).await, bench.load(simulated(4)).await];
    bench.let_go();
    loaded(first).await;
    let [second, third, fourth] = others;
    for refused in [second, fourth] {
        assert!(matches!(refused.await.unwrap(), Err(Failure::Reject { code: "mixed_origins", .. })));
    }
    assert_eq!(loaded(third).await.written, 1);
}

#[tokio::test]
async fn a_transaction_has_so_many_quotes_and_no_more() {
    let bench = Bench::new();
    let first = bench.held_up().await;
    let others = [bench.load(large()).await, bench.load(large()).await, bench.load(large()).await];
    bench.let_go();
    loaded(first).await;
    for other in others {
        loaded(other).await;
    }
    assert_eq!(bench.transactions(), [1, 2, 1]);
}

/// Twice as many while that is quick, half as many when it is not.
#[tokio::test]
async fn a_slow_database_gets_smaller_transactions() {
    let groups = Bench::new().groups;
    let limits = |steps: &[(usize, u64)]| {
        steps
            .iter()
            .map(|(quotes, millis)| {
                groups.adapt(*quotes, Duration::from_millis(*millis));
                groups.limit.load(Ordering::Relaxed)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        limits(&[(5000, 300), (10_000, 600), (20_000, 900), (25_000, 990)]),
        [10_000, 20_000, 25_000, 25_000]
    );
    assert_eq!(limits(&[(25_000, 3000), (1000, 10)]), [25_000, 25_000], "neither long nor full");
    assert_eq!(
        limits(&[(25_000, 6000), (12_000, 30_000), (1000, 6000), (1000, 6000)]),
        [12_500, 6000, 500, 250]
    );
    assert_eq!(limits(&[(1, 6000), (1, 6000), (1, 1)]), [1, 1, 2]);
}

#[tokio::test]
async fn when_who_loads_for_all_is_given_up_the_others_load_by_themselves() {
    let bench = Bench::new();
    let first = bench.held_up().await;
    let leader = bench.load(chunk(&[2])).await;
    let other = bench.load(chunk(&[3])).await;
    bench.store.let_go.add_permits(1);
    loaded(first).await;
    bench.begun(2).await;
    leader.abort();
    assert!(leader.await.expect_err("it was given up").is_cancelled());
    bench.let_go();
    assert_eq!(loaded(other).await.written, 1);
    assert_eq!(bench.transactions(), [1, 1]);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_loaded() {
    let bench = Bench::new();
    let first = bench.held_up().await;
    let gone = bench.load(chunk(&[2])).await;
    gone.abort();
    assert!(gone.await.expect_err("it was given up").is_cancelled());
    let third = bench.load(chunk(&[3])).await;
    bench.let_go();
    loaded(first).await;
    loaded(third).await;
    assert_eq!(bench.store.memory.coins().len(), 2);
    assert_eq!(bench.transactions(), [1, 1]);
}

/// Also to those who are not of the group: the next one would only find out the same, later. That it took long says nothing about
/// how many quotes a transaction may have.
#[tokio::test(start_paused = true)]
async fn an_outage_is_told_to_all_who_wait() {
    let bench = Bench::new();
    let first = bench.held_up().await;
    let others = [
        bench.load(chunk(&[2])).await,
        bench.load(large()).await,
        bench.load(large()).await,
        bench.load(large()).await,
    ];
    bench.store.memory.set_available(false);
    tokio::time::advance(LONG * 2).await;
    bench.let_go();
    assert!(matches!(first.await.unwrap(), Err(Failure::Outage { .. })));
    for other in others {
        assert!(matches!(other.await.unwrap(), Err(Failure::Outage { .. })));
    }
    assert_eq!(bench.transactions(), [1], "nobody else asked");
    assert_eq!(bench.groups.limit.load(Ordering::Relaxed), FIRST_QUOTES);
    bench.store.memory.set_available(true);
    assert_eq!(loaded(bench.load(chunk(&[5])).await).await.written, 1);
}
