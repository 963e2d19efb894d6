//! A fetcher that was away for 30 hours, beside one that was not: with `fetch.catch_up = "all"` both leave the same tables, as far as
//! the API tells of the past. On clocks that the test sets, against the simulator over HTTP.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use config::{CatchUp, Config, Offset, Secret};
use domain::{Measure, timestamp};
use fetcher::{ChosenSource, ScheduledFetcher, Surroundings};
use ports::{Clock, QueueName};
use simulator::{Options, Simulator};
use stage::Failpoints;
use telemetry::Metrics;
use tempfile::TempDir;
use testkit::clock::ManualClock;
use testkit::memory::MemoryQueue;
use testkit::tables::Tables;
use tokio_util::sync::CancellationToken;

use crate::any_store::AnyStore;
use crate::pipeline::Pipeline;

const COINS: u32 = 200;
const DEADLINE: Duration = Duration::from_mins(1);

/// What the history tells. Ranks, changes and pairs it does not.
const TOLD: [Measure; 5] = [
    Measure::Price,
    Measure::Volume24h,
    Measure::MarketCap,
    Measure::CirculatingSupply,
    Measure::TotalSupply,
];

/// An installation with a clock of its own.
struct Installation {
    queue: MemoryQueue,
    pipeline: Pipeline,
    api: Simulator,
    config: Config,
    _spool: TempDir,
}

impl Installation {
    async fn new(catch_up: CatchUp) -> Self {
        let clock = ManualClock::default();
        let time: Arc<dyn Clock> = Arc::new(clock.clone());
        let queue = MemoryQueue::new(time.clone());
        let store = AnyStore::in_memory(time.clone());
        let pipeline = Pipeline { queue: Arc::new(queue.clone()), store, clock };
        let options = Options { coins: COINS, ..Options::default() };
        let api = Simulator::start((Ipv4Addr::LOCALHOST, 0).into(), options, time).await.expect("an API");
        let spool = tempfile::tempdir().expect("a folder");
        let mut config = Config::defaults();
        config.fetch.limit = COINS;
        config.fetch.offset = Offset::After(Duration::ZERO);
        config.fetch.spool = spool.path().join("spool");
        config.fetch.catch_up = catch_up;
        Self { queue, pipeline, api, config, _spool: spool }
    }

    /// Starts the fetcher at `at`, and stops it when it has announced so many hours.
    async fn live(&self, at: DateTime<Utc>, announced: usize) {
        let source = ChosenSource {
            base_url: self.api.url(),
            api_key: Secret::new("key"),
            keyless: false,
            simulator: None,
        };
        let clock = &self.pipeline.clock;
        let around = Surroundings {
            clock: Arc::new(clock.clone()),
            metrics: Metrics::default(),
            failpoints: Failpoints::none(),
            queue: Arc::new(self.queue.clone()),
        };
        let before = self.announced();
        clock.set(at);
        let leadership = Arc::new(self.queue.clone());
        let (ledger, schedules) = (self.pipeline.store.ledger(), self.pipeline.store.schedules());
        let tables = Some(fetcher::Tables { ledger, schedules });
        let fetcher =
            ScheduledFetcher::new(&self.config, &source, &around, leadership, tables).expect("a fetcher");
        fetcher.know_credits().await;
        let stop = CancellationToken::new();
        let watching = async {
            self.until_announced(before + announced).await;
            stop.cancel();
        };
        let (ran, ()) = tokio::join!(fetcher.run(stop.clone()), watching);
        ran.expect("it stops when asked to");
    }

    fn announced(&self) -> usize {
        let ids = self.queue.messages(QueueName::Rows).into_iter().map(|message| message.id.to_string());
        ids.filter(|id| id.ends_with("/fetched")).count()
    }

    async fn until_announced(&self, count: usize) {
        let waiting = async {
            while self.announced() < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let came = tokio::time::timeout(DEADLINE, waiting).await.is_ok();
        assert!(came, "{} of {count} were announced", self.announced());
    }

    async fn tables(&self) -> Tables {
        self.pipeline.store.tables().await
    }
}

/// By coin and instant the numbers that the history tells, bit for bit.
fn history(tables: &Tables) -> BTreeMap<(u32, DateTime<Utc>), Vec<Option<u64>>> {
    let numbers = |entry: &testkit::tables::QuoteEntry| {
        TOLD.map(|measure| entry.quote.get(measure).map(f64::to_bits)).to_vec()
    };
    tables.history.iter().map(|entry| ((entry.coin_id, entry.quote.last_updated), numbers(entry))).collect()
}

#[tokio::test]
async fn away_for_thirty_hours_the_tables_are_as_if_it_had_not_been() {
    let begin = timestamp::from_text("2026-11-22T14:00:00Z").expect("an instant");
    let (there, away) = (Installation::new(CatchUp::None).await, Installation::new(CatchUp::All).await);
    for hour in 0..32 {
        there.live(begin + TimeDelta::hours(hour), 1).await;
    }
    there.pipeline.drain().await;
    away.live(begin, 1).await;
    away.live(begin + TimeDelta::hours(31), 31).await;
    away.pipeline.drain().await;

    let batches = away.pipeline.batches().await;
    let of = |endpoint: &str| batches.iter().filter(|batch| batch.endpoint == endpoint).collect::<Vec<_>>();
    let (filled, live) = (of("history"), of("listings"));
    assert_eq!((filled.len(), live.len()), (30, 2));
    assert!(batches.iter().all(|batch| batch.is_complete() && batch.verdict.is_none()), "{batches:?}");
    // A credit for a hundred coins an hour, as was said before; the simulator counts the same.
    assert_eq!(filled.iter().filter_map(|batch| batch.credits).sum::<u32>(), 60);
    let paid: u32 = batches.iter().filter_map(|batch| batch.credits).sum();
    assert_eq!(paid, 62);
    // That nobody was there is told all the same.
    let told = "incident/fetcher/slot_missed/2026-11-22T15:00:00Z/listings/USD..2026-11-23T20:00:00Z";
    assert_eq!(away.pipeline.letters().await, [format!("slot_missed {told}")]);

    let (expected, found) = (there.tables().await, away.tables().await);
    assert_eq!(expected.history.len(), 32 * COINS as usize);
    assert_eq!(history(&found), history(&expected));
    assert_eq!(found.latest, expected.latest, "the newest quotes are the live ones");
    assert_eq!(found.coins, expected.coins);
    assert_eq!(found.identities, expected.identities);
    for entry in &found.history {
        let is_filled = entry.batch.as_str().contains("/history/");
        assert_eq!(entry.quote.missing.contains(Measure::CmcRank), is_filled, "{entry:?}");
    }
}
