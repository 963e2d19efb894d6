use chrono::TimeDelta;
use domain::{Class, Fetched, StageName, Verdict};
use ports::store::{Drops as _, Ledger as _};
use ports::{Schedules as _, Store as _};
use testkit::clock::ManualClock;
use testkit::contract::store::sample::{at, chunk, fetched, schedule};
use testkit::memory::MemoryStore;

use super::*;

struct Bench(MemoryStore);

impl Bench {
    async fn fetched(&self, hour: i64, endpoint: &str, verdict: Option<Doubt>, is_loaded: bool) {
        let slot = Slot::at(at(hour * 3600));
        let batch = BatchId::new(slot, endpoint, &["USD".to_owned()]);
        let verdict = verdict.map(|doubt| Verdict { doubt, why: "why".to_owned() });
        let announced =
            Fetched { batch: batch.clone(), slot, verdict, endpoint: endpoint.to_owned(), ..fetched(1) };
        self.0.record_fetched(&announced).await.unwrap();
        if is_loaded {
            let mut chunk = chunk(&[1]);
            (chunk.page.batch, chunk.page.slot) = (batch, slot);
            endpoint.clone_into(&mut chunk.page.endpoint);
            self.0.load(&chunk).await.unwrap();
        }
    }

    async fn squares(&self, hours: (i64, i64), now: DateTime<Utc>) -> Vec<Square> {
        let span = (at(hours.0 * 3600), at(hours.1 * 3600));
        let schedules = self.0.schedules(Schedule::QUOTES, span.0).await.unwrap();
        let held = Held::between(&self.0, &self.0, span).await.unwrap();
        let records = self.0.batches_of(&wanted(&schedules, &held, span)).await.unwrap();
        squares(&schedules, &held, &records, span, now)
    }
}

#[tokio::test]
async fn each_slot_that_was_due_is_what_became_of_it() {
    let bench = Bench(MemoryStore::new(std::sync::Arc::new(ManualClock::default())));
    bench.0.record_schedule(&schedule(at(-3600))).await.unwrap();
    bench.fetched(0, "listings", None, true).await;
    bench.fetched(1, "listings", None, false).await;
    bench.fetched(2, "listings", Some(Doubt::Incomplete), true).await;
    bench.fetched(3, "listings", Some(Doubt::Suspect), true).await;
    bench.fetched(5, "history", None, true).await;
    bench.fetched(6, "listings", None, true).await;
    bench.fetched(7, "listings", None, false).await;
    let dropped = BatchId::new(Slot::at(at(6 * 3600)), "listings", &["USD".to_owned()]);
    bench.0.mark_dropped(&dropped, "nonsense").await.unwrap();
    let now = at(7 * 3600 + 60);
    let squares = bench.squares((-1, 9), now).await;
    let states: Vec<_> = squares.iter().map(|square| square.state.word()).collect();
    let expected = [
        "missed",
        "complete",
        "incomplete",
        "incomplete",
        "suspect",
        "missed",
        "backfilled",
        "dropped",
        "on its way",
        "on its way",
    ];
    assert_eq!(states, expected);
    assert!(squares[2].why.ends_with("missing"), "{:?}", squares[2]);
    assert_eq!([&squares[3].why, &squares[4].why, &squares[7].why], ["why", "why", "nonsense"]);
    assert_eq!(squares[0].batch.as_str(), "2026-11-22T13:00:00Z/listings/USD");
    // What may still come is missed once it cannot any more.
    let later = bench.squares((-1, 9), now + TimeDelta::hours(3)).await;
    assert_eq!([later[8].state, later[9].state], [State::Incomplete, State::Missed]);
}

/// What died, or was given up, is not on its way; what was rejected of a page does not keep the rest.
#[tokio::test]
async fn what_a_letter_is_open_about_is_in_trouble() {
    let site = crate::testing::Site::new();
    let stores = site.context.stores();
    let slot = |hour: i64| Slot::at(at(hour * 3600));
    let square = |hour: i64, state: State| {
        let batch = BatchId::new(slot(hour), "listings", &["USD".to_owned()]);
        Square { slot: slot(hour), state, batch, why: String::new() }
    };
    let mut squares: Vec<_> = [
        State::Missed,
        State::Coming,
        State::Coming,
        State::Coming,
        State::Incomplete,
        State::Coming,
        State::Coming,
    ]
    .into_iter()
    .zip(0..)
    .map(|(state, hour)| square(hour, state))
    .collect();
    squares[4].why = "page 1 missing".to_owned();
    for (hour, class, code, is_known) in [
        (0, Class::Incident, "timeout", true),
        (1, Class::RejectedRows, "price_negative", true),
        (2, Class::Poison, "bad_json", true),
        (2, Class::RejectedRows, "price_negative", true),
        (3, Class::Unknown, "no_code", false),
        (4, Class::Poison, "bad_json", true),
        (5, Class::Incident, "timeout", true),
        (6, Class::Incident, "timeout", true),
    ] {
        let batch = &squares[usize::try_from(hour).unwrap()].batch;
        let headers = domain::Headers::new().with(domain::header::BATCH, batch);
        let id = domain::MessageId::new(format!("{hour}/{class}"));
        let message = domain::Message { id, headers, body: domain::Bytes::new() };
        let stage = StageName::Transformer;
        let mut letter = domain::DeadLetter::for_message(&message, stage, class, code, "no", at(0));
        letter.stage = letter.stage.filter(|_| is_known);
        assert!(stores.letters.file(&letter, "abcd").await.unwrap());
    }
    // The last one came with a second try.
    let bench = Bench(MemoryStore::new(std::sync::Arc::new(ManualClock::default())));
    bench.fetched(6, "listings", None, false).await;
    let records = bench.0.batches_of(&[squares[6].batch.clone()]).await.unwrap();
    assert!(records[0].fetched_at.is_some());
    look_into(&mut squares, &records, stores).await.unwrap();
    let states: Vec<_> = squares.iter().map(|square| square.state).collect();
    let troubled = State::Troubled;
    assert_eq!(
        states,
        [State::Missed, State::Coming, troubled, troubled, State::Incomplete, troubled, State::Coming]
    );
    // It is not forgotten when nothing is waited for any more.
    assert_eq!(squares[4].why, "page 1 missing; a letter of the transformer is open, bad_json");
    assert_eq!(squares[2].why, "a letter of the transformer is open, bad_json");
    assert_eq!(squares[3].why, "a letter is open, no_code");
}

#[test]
fn no_state_is_told_by_its_colour_alone() {
    let signs: std::collections::BTreeSet<_> = State::ALL.iter().map(|state| state.sign()).collect();
    let words: std::collections::BTreeSet<_> = State::ALL.iter().map(|state| state.word()).collect();
    assert_eq!((signs.len(), words.len()), (State::ALL.len(), State::ALL.len()));
}

/// As at the first start: the snapshot of the hour is taken at once, and the schedule begins after it.
#[tokio::test]
async fn snapshots_before_the_first_slot_that_was_due_are_shown_too() {
    let bench = Bench(MemoryStore::new(std::sync::Arc::new(ManualClock::default())));
    bench.fetched(0, "listings", None, true).await;
    bench.fetched(1, "listings", None, false).await;
    bench.fetched(1, "fear-and-greed", None, true).await;
    let now = at(2 * 3600 + 60);
    let words = async || -> Vec<_> {
        bench.squares((-1, 4), now).await.iter().map(|square| square.state.word()).collect()
    };
    assert_eq!(words().await, ["complete", "incomplete"]);
    bench.0.record_schedule(&schedule(at(3600 + 60))).await.unwrap();
    bench.fetched(2, "listings", None, true).await;
    assert_eq!(words().await, ["complete", "incomplete", "complete", "on its way"]);
}
