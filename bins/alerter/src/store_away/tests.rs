use testkit::clock::ManualClock;
use testkit::memory::MemoryStore;

use super::*;
use crate::testing::Server;
use crate::transport::SendErrorKind;

struct Bench {
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    server: Arc<Server>,
    away: StoreAway,
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let server = Arc::new(Server::default());
        let place = "mysql://db/coinpipe".to_owned();
        let transports = Transports { mail: Some(server.clone()), webhook: None };
        let away = StoreAway::new(store.clone(), transports, clock.clone(), place);
        Self { clock, store, server, away }
    }

    fn refuse(&self, is_busy: bool) {
        *self.server.answer.lock().unwrap() = is_busy.then_some(SendErrorKind::Transient);
    }

    /// Looks each 15 seconds for so long, and returns the subjects of the mails since the last time.
    async fn pass(&self, minutes: u64) -> Vec<String> {
        let before = self.server.taken.lock().unwrap().len();
        for _ in 0..minutes * 4 {
            self.away.look().await;
            self.clock.advance(POLL_INTERVAL);
        }
        self.server.taken.lock().unwrap()[before..].iter().map(|mail| mail.subject.clone()).collect()
    }
}

const AWAY: &str = "[coinpipe] The database cannot be reached since 2026-11-22T14:05:00.000Z";

#[tokio::test]
async fn it_is_told_after_a_minute_then_each_four_hours_and_when_it_is_over() {
    let bench = Bench::new();
    assert_eq!(bench.pass(5).await, [""; 0]);
    bench.store.set_available(false);
    assert_eq!(bench.pass(1).await, [""; 0]);
    assert_eq!(bench.pass(1).await, [AWAY]);
    assert_eq!(bench.pass(239).await, [""; 0]);
    assert_eq!(bench.pass(1).await, [AWAY]);
    bench.store.set_available(true);
    assert_eq!(bench.pass(60).await, ["[coinpipe] Resolved: the database is back after 4h 2m"]);
    let taken = bench.server.taken.lock().unwrap();
    let ids: std::collections::BTreeSet<_> = taken.iter().map(|mail| &mail.id).collect();
    assert_eq!(ids.len(), 3, "{taken:#?}");
    assert!(
        taken[0].body.contains("the store is not available") && taken[0].body.contains("Nothing is lost")
    );
}

#[tokio::test]
async fn a_restart_of_the_database_is_no_mail_and_one_that_comes_and_goes_few() {
    let bench = Bench::new();
    for _ in 0..20 {
        bench.store.set_available(false);
        bench.pass(1).await;
        bench.store.set_available(true);
        assert_eq!(bench.pass(1).await, [""; 0]);
    }
    assert_eq!(bench.server.taken.lock().unwrap().len(), 0);
    for _ in 0..30 {
        bench.store.set_available(false);
        bench.pass(3).await;
        bench.store.set_available(true);
        bench.pass(1).await;
    }
    let taken = bench.server.taken.lock().unwrap().len();
    assert_eq!(taken, 4, "two hours of coming and going: told twice, and twice that it is over");
}

#[tokio::test]
async fn a_mail_that_cannot_be_sent_is_sent_later_and_its_end_is_told_too() {
    let bench = Bench::new();
    bench.store.set_available(false);
    bench.refuse(true);
    assert_eq!(bench.pass(60).await, [""; 0]);
    bench.refuse(false);
    assert_eq!(bench.pass(20).await.len(), 1);
    bench.refuse(true);
    bench.store.set_available(true);
    assert_eq!(bench.pass(10).await, [""; 0]);
    bench.refuse(false);
    assert_eq!(bench.pass(20).await, ["[coinpipe] Resolved: the database is back after 1h 20m"]);
}
