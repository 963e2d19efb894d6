//! Conditions and mailer together, on a clock that the test sets.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use config::Config;
use domain::{BatchId, Fetched, Slot, timestamp};
use ports::{Clock, Queue, Store};
use service::Stores;
use testkit::clock::ManualClock;
use testkit::contract::store::sample::{at, chunk, fetched, row, schedule};
use testkit::memory::{MemoryQueue, MemoryStore};
use tokio_util::sync::CancellationToken;

use crate::testing::Server;
use crate::{Conditions, Mailer};

struct Bench {
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    server: Arc<Server>,
    conditions: Conditions,
    mailer: Mailer,
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new(clock.clone()));
        let server = Arc::new(Server::default());
        let mut config = Config::defaults();
        // The disk of whoever runs the test is not under test.
        config.alert.disk_free = 0;
        let conditions = Conditions::new(&config, &queue, &Stores::of(store.clone()), clock.clone());
        let mailer = Mailer::new(config.mail, store.clone(), server.clone(), clock.clone());
        Self { clock, store, server, conditions, mailer }
    }

    /// The snapshot of the slot at `hour` is fetched ten seconds later, and loaded at once.
    async fn snapshot(&self, hour: i64) {
        let slot = Slot::at(at(hour * 3600));
        let batch = BatchId::new(slot, "listings", &["USD".to_owned()]);
        let fetched_at = at(hour * 3600 + 10);
        let mut chunk = chunk(&[]);
        (chunk.page.batch, chunk.page.slot, chunk.page.fetched_at) = (batch.clone(), slot, fetched_at);
        chunk.rows = vec![row(1, 1.0, at(hour * 3600 - 30))];
        chunk.coins_in = 1;
        self.store.load(&chunk).await.unwrap();
        self.store.record_fetched(&Fetched { batch, slot, fetched_at, ..fetched(1) }).await.unwrap();
    }

    /// Looks and mails as the processes do, until `until`; the mails meanwhile, each with its time.
    async fn until(&self, until: DateTime<Utc>) -> Vec<(DateTime<Utc>, String)> {
        let mut mails = Vec::new();
        let mut rounds = 0;
        while self.clock.now() < until {
            self.clock.advance(Duration::from_secs(5));
            rounds += 1;
            if rounds % 3 == 0 {
                self.conditions.look().await.unwrap();
            }
            self.mailer.round(false, &CancellationToken::new()).await.unwrap();
            let taken = std::mem::take(&mut *self.server.taken.lock().unwrap());
            mails.extend(taken.into_iter().map(|mail| (self.clock.now(), mail.subject)));
        }
        mails
    }
}

/// The worst that can happen to a table: nothing arrives any more.
#[tokio::test]
async fn when_all_fetchers_stop_there_is_a_mail_within_two_intervals_and_a_minute_and_one_when_it_is_over() {
    let bench = Bench::new();
    bench.store.record_schedule(&schedule(at(-36_000))).await.unwrap();
    for hour in 0..5 {
        bench.snapshot(hour).await;
        assert_eq!(bench.until(at((hour + 1) * 3600 + 10)).await, [], "hour {hour}");
    }
    // The slot of 18:00 was the last. It was fetched at 18:00:10.
    let stopped = at(4 * 3600 + 10);
    let mails = bench.until(at(8 * 3600 + 10)).await;
    let [(mailed_at, subject)] = &mails[..] else { panic!("{mails:#?}") };
    assert!(subject.contains("quotes_stale"), "{subject}");
    let latest = stopped + TimeDelta::hours(2) + TimeDelta::minutes(1);
    assert!(
        *mailed_at <= latest,
        "{} is later than {}",
        timestamp::to_text(*mailed_at),
        timestamp::to_text(latest)
    );

    bench.snapshot(8).await;
    let mails = bench.until(at(9 * 3600 + 10)).await;
    let [(mailed_at, subject)] = &mails[..] else { panic!("{mails:#?}") };
    assert!(subject.to_lowercase().contains("resolved") && subject.contains("quotes_stale"), "{subject}");
    assert!(*mailed_at <= at(8 * 3600 + 10) + TimeDelta::minutes(1), "{}", timestamp::to_text(*mailed_at));
}
