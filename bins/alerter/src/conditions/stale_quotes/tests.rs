use domain::{BatchId, Chunk, Fetched, Origin, PageMeta, Slot};
use ports::store::GroupState;
use ports::{Clock, Letters, Store};
use testkit::clock::ManualClock;
use testkit::contract::store::sample::{at, chunk, chunk_of, fetched, quote, row, schedule};
use testkit::memory::MemoryStore;

use super::*;
use crate::conditions::keeper::Keeper;

/// A store, and who watches it.
struct Bench {
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    stale: Keeper,
}

impl Bench {
    fn new(after: StaleAfter) -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let stale = Self::watch(&clock, &store, after);
        Self { clock, store, stale }
    }

    fn watch(clock: &Arc<ManualClock>, store: &Arc<MemoryStore>, after: StaleAfter) -> Keeper {
        let stores = Stores::of(store.clone());
        let stale = StaleQuotes::new(&stores, after, Duration::from_hours(1));
        Keeper::new(Box::new(stale), store.clone(), clock.clone())
    }

    async fn load(&self, minute: i64, currencies: &[&str], origin: Origin) {
        let mut row = row(1, 1.0, at(minute * 60));
        row.quotes = currencies.iter().map(|currency| quote(currency, 1.0, at(minute * 60))).collect();
        let mut chunk: Chunk = chunk_of(row, self.clock.now());
        chunk.page.origin = origin;
        self.store.load(&chunk).await.unwrap();
    }

    async fn follow(&self, minute: i64, every: u64, currencies: &[&str]) {
        let schedule = Schedule {
            convert: currencies.iter().map(|currency| (*currency).to_owned()).collect(),
            every: Duration::from_mins(every),
            ..schedule(at(minute * 60))
        };
        self.store.record_schedule(&schedule).await.unwrap();
    }

    /// A snapshot of the slot at `minute` comes whole, without any quote, a minute after its slot.
    async fn whole(&self, minute: i64, currencies: &[&str]) {
        let convert: Vec<String> = currencies.iter().map(|currency| (*currency).to_owned()).collect();
        let slot = Slot::at(at(minute * 60));
        let batch = BatchId::new(slot, "listings", &convert);
        let fetched_at = at(minute * 60 + 60);
        let mut chunk = chunk(&[]);
        chunk.page = PageMeta { batch, slot, convert, fetched_at, ..chunk.page };
        self.store.load(&chunk).await.unwrap();
        let PageMeta { batch, convert, .. } = chunk.page;
        let fetched = Fetched { batch, slot, convert, fetched_at, ..fetched(1) };
        self.store.record_fetched(&fetched).await.unwrap();
    }

    /// Looks each minute until `minute`, and says in which of them the incident opened (`+`) or closed (`-`).
    async fn until(&self, minute: i64) -> Vec<String> {
        let mut seen = Vec::new();
        let mut was_open = self.open().await > 0;
        while self.clock.now() < at(minute * 60) {
            self.clock.advance(Duration::from_mins(1));
            self.stale.look().await.unwrap();
            let is_open = self.open().await > 0;
            if is_open != was_open {
                let now = (self.clock.now() - at(0)).num_minutes();
                seen.push(format!("{}{now}", if is_open { "+" } else { "-" }));
            }
            was_open = is_open;
        }
        seen
    }

    async fn open(&self) -> usize {
        self.store.groups(Some(GroupState::Open)).await.unwrap().len()
    }

    async fn letters(&self) -> Vec<String> {
        let letters = self.store.letters(None, 10).await.unwrap();
        letters.into_iter().rev().map(|letter| format!("{}: {}", letter.id, letter.reason)).collect()
    }
}

#[tokio::test]
async fn an_incident_opens_when_quotes_are_old_and_closes_when_they_are_fresh_once_an_episode() {
    let bench = Bench::new(StaleAfter::After(Duration::from_hours(2)));
    bench.load(0, &["USD"], Origin::Live).await;
    assert_eq!(bench.until(300).await, ["+121"]);
    let letters = bench.letters().await;
    assert_eq!(letters.len(), 1, "{letters:#?}");
    assert!(
        letters[0].starts_with(
            "incident/alerter/quotes_stale//2026-11-22T14:00:00.000Z: the newest quotes are old"
        )
    );
    assert!(letters[0].contains("after 2h somebody should know"), "{letters:#?}");
    // Another alerter, and one that starts again, say nothing more.
    for _ in 0..2 {
        let another = Bench::watch(&bench.clock, &bench.store, StaleAfter::After(Duration::from_hours(2)));
        another.look().await.unwrap();
        bench.clock.advance(Duration::from_hours(1));
        another.look().await.unwrap();
    }
    assert_eq!((bench.letters().await.len(), bench.open().await), (1, 1));

    bench.load(420, &["USD"], Origin::Live).await;
    assert_eq!(bench.until(600).await, ["-421", "+541"]);
    assert_eq!(bench.letters().await.len(), 2);
}

/// They are written now, and as old as ever.
#[tokio::test]
async fn a_replay_or_a_backfill_makes_nothing_fresh() {
    let bench = Bench::new(StaleAfter::Auto);
    bench.load(0, &["USD"], Origin::Live).await;
    assert_eq!(bench.until(130).await, [""; 0]);
    bench.load(0, &["USD"], Origin::Replay).await;
    bench.load(-600, &["USD"], Origin::Live).await;
    assert_eq!(bench.until(200).await, ["+136"]);
    bench.load(30, &["USD"], Origin::Rebuild).await;
    assert_eq!(bench.until(300).await, [""; 0]);
    assert_eq!(bench.letters().await.len(), 1);
    bench.load(250, &["USD"], Origin::Replay).await;
    assert_eq!(bench.until(310).await, ["-301"], "what is fresh is fresh, wherever it comes from");
}

#[tokio::test]
async fn the_schedule_in_force_says_what_is_old_and_in_which_currencies() {
    let bench = Bench::new(StaleAfter::Auto);
    bench.follow(-600, 10, &["USD", "EUR"]).await;
    bench.load(0, &["USD", "EUR"], Origin::Live).await;
    for minute in (0..30).step_by(10) {
        bench.whole(minute, &["USD", "EUR"]).await;
        assert_eq!(bench.until(minute + 10).await, [""; 0]);
    }
    bench.load(30, &["USD"], Origin::Live).await;
    for minute in [30, 40] {
        bench.whole(minute, &["USD", "EUR"]).await;
    }
    assert_eq!(bench.until(50).await, ["+36"]);
    let letters = bench.letters().await;
    assert!(letters[0].contains(
        "the newest quotes are old in EUR: the newest of all currencies are from 2026-11-22T14:30:00"
    ));
    // What nobody asks for any more is not missed, and what is new has its time.
    bench.follow(50, 60, &["USD", "BTC"]).await;
    assert_eq!(bench.until(165).await, ["-51"]);
    bench.whole(120, &["USD", "BTC"]).await;
    bench.load(180, &["USD"], Origin::Live).await;
    bench.whole(180, &["USD", "BTC"]).await;
    assert_eq!(bench.until(190).await, ["+185"]);
    assert!(bench.letters().await[1].contains("in BTC"), "{:#?}", bench.letters().await);
}

/// The quotes would be told of later, and are fresh when each snapshot comes in part.
#[tokio::test]
async fn two_intervals_without_a_whole_snapshot_are_told_as_soon_as_they_are_over() {
    let bench = Bench::new(StaleAfter::Auto);
    bench.follow(-600, 60, &["USD"]).await;
    bench.load(0, &["USD"], Origin::Live).await;
    bench.whole(0, &["USD"]).await;
    // One that is missing is nothing yet, and what comes in part is not whole.
    bench.load(119, &["USD"], Origin::Live).await;
    assert_eq!(bench.until(180).await, ["+121"]);
    let letters = bench.letters().await;
    assert_eq!(letters.len(), 1);
    assert!(
        letters[0].starts_with(
            "incident/alerter/quotes_stale/snapshots/USD/2026-11-22T14:01:00.000Z: no snapshot came whole for too long in USD"
        ),
        "{letters:#?}"
    );
    bench.whole(180, &["USD"]).await;
    assert_eq!(bench.until(200).await, ["-181"]);
    bench.load(200, &["USD"], Origin::Live).await;
    // What a backfill brings is of another kind, and a snapshot that was held back is as old as its slot.
    bench.whole(120, &["USD"]).await;
    assert_eq!(bench.until(320).await, ["+301"]);
    assert_eq!(bench.letters().await.len(), 2, "each time has a letter");
}

#[tokio::test]
async fn a_store_that_is_empty_or_was_away_is_given_time() {
    let bench = Bench::new(StaleAfter::Auto);
    assert_eq!(bench.until(200).await, ["+136"]);
    assert!(bench.letters().await[0].contains("there are no quotes"), "{:#?}", bench.letters().await);
    bench.load(200, &["USD"], Origin::Live).await;
    assert_eq!(bench.until(300).await, ["-201"]);
    bench.store.set_available(false);
    bench.clock.advance(Duration::from_hours(5));
    assert!(bench.stale.look().await.is_err());
    bench.store.set_available(true);
    assert_eq!(bench.until(640).await, ["+616"]);
}

#[tokio::test]
async fn nothing_is_said_when_it_is_off() {
    let bench = Bench::new(StaleAfter::Off);
    bench.follow(-600, 10, &["USD"]).await;
    assert_eq!(bench.until(3000).await, [""; 0]);
}
