//! Two fetchers, two pipelines and two alerters on RabbitMQ with MySQL or MariaDB, all of which were away: a gap is one letter, its slots are
//! paid for once, and old quotes are one letter, too.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alerter::Conditions;
use chrono::{DateTime, TimeDelta, Utc};
use config::{CatchUp, Config, Offset, Secret};
use domain::timestamp;
use fetcher::{ChosenSource, ScheduledFetcher, Surroundings, Tables};
use mysql::MysqlStore;
use ports::{Clock, Letters as _, Queue, SystemClock};
use rabbitmq::RabbitQueue;
use service::Stores;
use simulator::{Options, Simulator};
use stage::Failpoints;
use telemetry::Metrics;
use testkit::clock::ManualClock;
use testkit::memory::MemoryQueue;
use tokio_util::sync::CancellationToken;

use crate::pipeline::Pipeline;
use crate::place::{Place, Servers};
use crate::workers::Worker;

const COINS: u32 = 200;
const DEADLINE: Duration = Duration::from_mins(1);
/// Nobody fetched in these hours.
const AWAY: i64 = 5;

/// What both of each are at.
struct Site {
    place: Place,
    clock: ManualClock,
    api: Simulator,
    folder: tempfile::TempDir,
}

impl Site {
    async fn new(servers: &Servers) -> Self {
        let clock = ManualClock::default();
        let options = Options { coins: COINS, ..Options::default() };
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let api = Simulator::start(address, options, Arc::new(clock.clone())).await.expect("an API");
        let folder = tempfile::tempdir().expect("a folder");
        Self { place: Place::on(servers, 1000).await, clock, api, folder }
    }

    /// Connections of one process to the broker.
    fn queue(&self) -> Arc<RabbitQueue> {
        let mut options = rabbitmq::Options::from_url(&self.place.queue_url).expect("a good URL");
        options.delivery_limit = self.place.delivery_limit;
        Arc::new(RabbitQueue::new(options, Arc::new(SystemClock)).expect("a queue"))
    }

    /// A fetcher with a spool of its own, on the clock that the test sets.
    fn fetcher(&self, spool: &Path) -> ScheduledFetcher {
        let mut config = Config::defaults();
        config.fetch.limit = COINS;
        config.fetch.offset = Offset::After(Duration::ZERO);
        config.fetch.spool = self.folder.path().join(spool);
        config.fetch.catch_up = CatchUp::All;
        let source = ChosenSource {
            base_url: self.api.url(),
            api_key: Secret::new("key"),
            keyless: false,
            simulator: None,
        };
        let queue = self.queue();
        let around = Surroundings {
            clock: Arc::new(self.clock.clone()),
            metrics: Metrics::default(),
            failpoints: Failpoints::none(),
            queue: queue.clone(),
        };
        let store = &self.place.store;
        let tables = Tables { ledger: store.ledger(), schedules: store.schedules() };
        ScheduledFetcher::new(&config, &source, &around, queue, Some(tables)).expect("a fetcher")
    }

    /// Runs two fetchers at `at` until `holds`.
    async fn run_fetchers(&self, at: DateTime<Utc>, what: &str, holds: impl AsyncFn() -> bool) {
        self.clock.set(at);
        let stop = CancellationToken::new();
        let fetchers = ["one", "other"].map(|name| self.fetcher(Path::new(name)));
        let watching = async {
            let mut look = tokio::time::interval(Duration::from_millis(20));
            while !holds().await {
                look.tick().await;
            }
        };
        let watched = async {
            let came = tokio::time::timeout(DEADLINE, watching).await.is_ok();
            stop.cancel();
            came
        };
        let [one, other] = fetchers.each_ref().map(|fetcher| fetcher.run(stop.clone()));
        let (one, other, came) = tokio::join!(one, other, watched);
        one.expect("it stops when asked to");
        other.expect("it stops when asked to");
        assert!(came, "{what} did not come: {}", self.place.dump().await);
    }

    /// Two pipelines, each with connections of its own, until every queue is empty.
    async fn drain(&self) {
        let pipeline = || Pipeline {
            queue: self.queue() as Arc<dyn Queue>,
            store: self.place.store.clone(),
            clock: self.clock.clone(),
        };
        let (one, other) = (pipeline(), pipeline());
        tokio::join!(one.drain(), other.drain());
    }

    /// The batches that the queue of rows was told of, which is not consumed meanwhile.
    async fn rows(&self) -> u64 {
        let depth = self.place.queue.depth(ports::QueueName::Rows).await;
        depth.map_or(0, ports::Depth::total)
    }

    fn calls(&self) -> usize {
        self.api.requests().iter().filter(|seen| seen.path.contains("historical")).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_a_gap_is_one_letter_and_each_of_its_slots_is_paid_for_once() {
    let Some(servers) = Servers::start().await else { return };
    let site = Site::new(&servers).await;
    let begin = timestamp::from_text("2026-11-22T14:00:00Z").expect("an instant");
    // The snapshot, and the schedule.
    Box::pin(site.run_fetchers(begin, "a snapshot", async || site.rows().await >= 2)).await;
    site.drain().await;
    let back = begin + TimeDelta::hours(AWAY + 1);
    // The next snapshot, and the hours.
    Box::pin(site.run_fetchers(back, "every hour", async || site.rows().await > AWAY.unsigned_abs())).await;
    site.drain().await;
    // Once more, with nothing to do but for the next slot.
    let next = back + TimeDelta::hours(1);
    Box::pin(site.run_fetchers(next, "a snapshot", async || site.rows().await >= 1)).await;
    site.drain().await;

    let letters = site.place.store.letters().letters(None, 100).await.expect("the desk");
    let letters: Vec<_> = letters.iter().map(|letter| letter.id.to_string()).collect();
    let told = "incident/fetcher/slot_missed/2026-11-22T15:00:00Z/listings/USD..2026-11-22T19:00:00Z";
    assert_eq!(letters, [told]);
    let batches = site.place.store.ledger().batches(100).await.expect("the ledger");
    let of = |endpoint: &str| batches.iter().filter(|batch| batch.endpoint == endpoint).collect::<Vec<_>>();
    let (filled, live) = (of("history"), of("listings"));
    assert_eq!((filled.len(), live.len()), (5, 3), "{batches:?}");
    assert!(batches.iter().all(ports::BatchRecord::is_complete), "{batches:?}");
    // A credit for a hundred coins an hour, in two calls.
    assert_eq!((filled.iter().filter_map(|batch| batch.credits).sum::<u32>(), site.calls()), (10, 2));
    let (from, to) = (timestamp::to_text(begin), timestamp::to_text(next));
    let (code, gaps) = Worker::ask(&site.place, &["gaps", "--from", &from, "--to", &to, "--json"]).await;
    let gaps: serde_json::Value = serde_json::from_str(&gaps).expect("JSON");
    assert_eq!((code, &gaps["missing"]), (Some(0), &serde_json::json!([])), "{gaps}");
    old_quotes_are_one_letter(&site, &servers).await;
}

/// Two alerters look at the same tables, hours after the last fetch.
async fn old_quotes_are_one_letter(site: &Site, servers: &Servers) {
    let options = mysql::Options::new(&servers.database.url()).expect("a good URL");
    let clock: Arc<dyn Clock> = Arc::new(site.clock.clone());
    let store = Arc::new(MysqlStore::open(&options, clock.clone()).await.expect("a store"));
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new(clock.clone()));
    let watch = || Conditions::new(&Config::defaults(), &queue, &Stores::of(store.clone()), clock.clone());
    let (one, other) = (watch(), watch());
    let open = async || {
        let letters = store.letters(None, 100).await.expect("the desk");
        letters.iter().filter(|letter| letter.code == "quotes_stale").count()
    };
    for (hours, expected) in [(1, 0), (3, 1), (4, 1), (9, 1)] {
        site.clock.advance(Duration::from_hours(hours));
        for _ in 0..2 {
            let (first, second) = tokio::join!(one.look(), other.look());
            first.expect("it looks");
            second.expect("it looks");
            site.clock.advance(Duration::from_mins(16));
        }
        assert_eq!(open().await, expected, "after {hours} hours");
    }
}
