//! What is told of trouble that ends.

use domain::header;
use ports::Store;
use service::Stores;
use testkit::contract::store::sample::{batch, chunk, fetched};

use super::*;
use crate::passed::Passed;

impl Bench {
    /// Resolves the group of this code, which is open.
    async fn resolve(&self, code: &str) {
        let groups = self.store.groups(Some(GroupState::Open)).await.unwrap();
        let group = groups.iter().find(|group| group.code == code).expect("it is open");
        assert!(self.store.resolve(&group.fingerprint, group.total, "it works again").await.unwrap());
    }
}

#[tokio::test]
async fn an_end_is_told_within_a_minute_with_how_long_it_lasted_and_once() {
    let bench = Bench::new();
    bench.letters("broken", 1).await;
    bench.pass(Duration::from_mins(2)).await;
    assert_eq!(bench.taken().len(), 1);
    bench.resolve("broken").await;
    bench.pass(Duration::from_mins(1)).await;
    let taken = bench.taken();
    assert_eq!(taken.len(), 2);
    assert!(taken[1].subject.contains("resolved"), "{}", taken[1].subject);
    assert!(taken[1].body.contains("it works again") && taken[1].body.contains("2 min"), "{}", taken[1].body);
    bench.pass(Duration::from_hours(5)).await;
    assert_eq!(bench.taken().len(), 2);
}

/// A hiccup: nobody is woken for what passed by itself.
#[tokio::test]
async fn what_ends_before_its_first_mail_is_told_by_nobody() {
    let bench = Bench::new();
    bench.letters("broken", 1).await;
    bench.pass(Duration::from_secs(20)).await;
    bench.resolve("broken").await;
    bench.pass(Duration::from_hours(5)).await;
    assert_eq!(bench.taken(), []);
}

/// A fetch that failed once and worked 4 s later: the batch is in the tables before the mail is due.
#[tokio::test]
async fn a_fetch_that_worked_in_the_end_wakes_nobody() {
    for works in [true, false] {
        let mut bench = Bench::new();
        let clock: Arc<dyn Clock> = Arc::new(bench.clock.clone());
        let passed = Passed::new(&Stores::of(bench.store.clone()), clock);
        bench.mailer = bench.mailer_over(bench.store.clone()).after_closing(passed);
        let now = bench.clock.now();
        let mut letter = DeadLetter::incident(StageName::Fetcher, "http_429", "try", "busy", now);
        letter.headers.set(header::BATCH, batch(0));
        assert!(bench.store.file(&letter, &fingerprint(&letter)).await.unwrap());
        bench.pass(Duration::from_secs(5)).await;
        bench.store.record_fetched(&fetched(1)).await.unwrap();
        if works {
            bench.store.load(&chunk(&[1])).await.unwrap();
        }
        bench.pass(Duration::from_hours(1)).await;
        assert_eq!(bench.taken().len(), usize::from(!works));
        let open = bench.store.groups(Some(GroupState::Open)).await.unwrap();
        assert_eq!(open.len(), usize::from(!works));
    }
}

#[tokio::test]
async fn what_comes_and_goes_all_day_is_few_mails() {
    let bench = Bench::new();
    for _ in 0..100 {
        bench.letters("broken", 1).await;
        bench.pass(Duration::from_mins(7)).await;
        bench.resolve("broken").await;
        bench.pass(Duration::from_mins(7)).await;
    }
    // Two that come and go, and one about its coming and going.
    let taken = bench.taken();
    assert_eq!(taken.len(), 5 + 5, "it comes and goes for a day, with a repeat each 4 hours");
    assert!(taken[4].body.contains("3 times"), "{}", taken[4].body);
    bench.pass(Duration::from_hours(1)).await;
    let taken = bench.taken();
    assert_eq!(taken.len(), 11);
    assert!(taken[10].body.contains("100 times"), "{}", taken[10].body);
    bench.pass(Duration::from_hours(9)).await;
    assert_eq!(bench.taken().len(), 11);
}

/// A try that fails in each slot and works four seconds later is closed before any mail: each is nothing, all together are something.
#[tokio::test]
async fn what_comes_and_goes_between_two_looks_is_one_mail_and_one_about_its_end() {
    let bench = Bench::new();
    for _ in 0..20 {
        bench.letters("hiccup", 1).await;
        bench.resolve("hiccup").await;
        bench.pass(Duration::from_mins(15)).await;
    }
    let taken = bench.taken();
    assert_eq!(taken.len(), 1, "{taken:#?}");
    assert!(taken[0].body.contains("comes and goes: 3 times"), "{}", taken[0].body);
    assert!(taken[0].body.contains("Just now it is away"), "{}", taken[0].body);
    bench.pass(Duration::from_hours(2)).await;
    let taken = bench.taken();
    assert_eq!(taken.len(), 2);
    assert!(taken[1].subject.contains("resolved") && taken[1].body.contains("20 times"), "{}", taken[1].body);
}

/// An hour without the server: what was due when it went away, and one digest of all that began, grew and ended meanwhile.
#[tokio::test]
async fn after_an_hour_without_the_server_there_is_one_digest() {
    let bench = Bench::new();
    bench.letters("known", 3).await;
    bench.letters("brief", 1).await;
    bench.pass(Duration::from_mins(1)).await;
    assert_eq!(bench.taken().len(), 1);
    bench.answer(Some(SendErrorKind::Transient));
    bench.letters("first", 1).await;
    bench.pass(Duration::from_mins(5)).await;
    for code in ["one", "two", "three", "four", "five"] {
        bench.letters(code, 7).await;
        bench.letters("known", 20).await;
        bench.pass(Duration::from_mins(11)).await;
        // It has ended before anybody was told, and is another each time: what comes and goes is told.
        let hiccup = format!("hiccup_{code}");
        bench.letters(&hiccup, 1).await;
        bench.resolve(&hiccup).await;
    }
    bench.resolve("brief").await;
    bench.answer(None);
    bench.pass(Duration::from_mins(30)).await;
    let taken = bench.taken();
    assert_eq!(taken.len(), 3, "the one before, the one that waited, and one digest");
    let digest = format!("{}\n{}", taken[2].subject, taken[2].body);
    for part in ["incident/one", "incident/five", "incident/known", "incident/brief"] {
        assert!(digest.contains(part), "{part} is not in:\n{digest}");
    }
    assert!(!digest.contains("hiccup"), "{digest}");
    let groups = bench.store.groups(Some(GroupState::Open)).await.unwrap();
    assert_eq!(groups.iter().map(|group| group.unsent).sum::<u64>(), 0);
}

#[tokio::test]
async fn a_night_of_quiet_hours_is_one_mail_in_the_morning() {
    let mut bench = Bench::new();
    let hours = QuietHours::parse("15:00-22:00");
    bench.mailer = bench.mailer_over(bench.store.clone()).quiet_in(hours);
    // It is 14 o'clock.
    bench.letters("evening", 1).await;
    bench.pass(Duration::from_mins(59)).await;
    assert_eq!(bench.taken().len(), 1);
    bench.pass(Duration::from_mins(1)).await;
    for code in ["one", "two"] {
        bench.letters(code, 1).await;
        bench.pass(Duration::from_hours(3)).await;
    }
    bench.resolve("evening").await;
    bench.resolve("one").await;
    bench.mailer.flush().await.unwrap();
    assert_eq!(bench.taken().len(), 1);
    bench.pass(Duration::from_hours(2)).await;
    let taken = bench.taken();
    assert_eq!(taken.len(), 2);
    let text = &taken[1].body;
    assert!(text.contains("incident/two") && text.contains("incident/evening"), "{text}");
    assert!(!text.contains("incident/one"), "{text}");
}
