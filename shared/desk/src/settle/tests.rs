//! What is said of letters that are not as they were when somebody looked.

use std::sync::Arc;
use std::time::Duration;

use testkit::clock::ManualClock;
use testkit::contract::store::sample::{at, letter};
use testkit::memory::MemoryStore;

use super::*;

async fn bench(letters: &[&str]) -> (Arc<ManualClock>, Stores) {
    let clock = Arc::new(ManualClock::default());
    let stores = Stores::of(Arc::new(MemoryStore::new(clock.clone())));
    for occasion in letters {
        stores.letters.file(&letter(occasion, at(0)), "group").await.unwrap();
        clock.advance(Duration::from_secs(1));
    }
    (clock, stores)
}

async fn key(stores: &Stores, occasion: &str) -> LetterKey {
    let filter = LetterFilter { id: Some(letter(occasion, at(0)).id.to_string()), ..LetterFilter::default() };
    stores.desk.list(&filter, None, 1).await.unwrap()[0].key()
}

/// Only what is open, or waits, can be given up: the question before has no other in it.
#[tokio::test]
async fn what_is_settled_already_is_not_counted() {
    let (clock, stores) = bench(&["a", "b", "c"]).await;
    stores.desk.settle(&[key(&stores, "a").await], false, "known").await.unwrap();
    let plan = async |filter| {
        Acting::plan(&stores, filter, Verb::Drop, "me", ports::Clock::now(&*clock)).await.unwrap()
    };
    let acting = plan(LetterFilter::default()).await;
    assert_eq!((acting.matched(), acting.already()), (2, 1));
    let resolved = LetterFilter { state: Some(LetterState::Resolved), ..LetterFilter::default() };
    let acting = plan(resolved).await;
    assert_eq!((acting.matched(), acting.already()), (0, 1));
}

#[tokio::test]
async fn who_died_again_and_who_was_settled_meanwhile_is_told_by_name() {
    let (clock, stores) = bench(&["a", "b", "c", "d"]).await;
    let now = ports::Clock::now(&*clock);
    let mut acting = Acting::plan(&stores, LetterFilter::default(), Verb::Drop, "me", now).await.unwrap();
    acting.begin(&stores).await.unwrap();
    let page = acting.next(&stores).await.unwrap();
    let keys: Vec<_> = page.iter().map(DeskLetter::key).collect();
    // Between the look and the deed.
    clock.advance(Duration::from_secs(1));
    let again = domain::DeadLetter { code: "worse".to_owned(), ..letter("a", at(0)) };
    assert!(stores.letters.file(&again, "group").await.unwrap());
    stores.desk.settle(&[key(&stores, "b").await], false, "known").await.unwrap();
    let done = stores.desk.settle(&keys, true, "no use").await.unwrap();
    let mut settled = Settled { done, ..Settled::default() };
    for key in &keys {
        look_at(&stores, key, LetterState::Dropped, "no use", &mut settled).await.unwrap();
    }
    assert_eq!(settled.done, 2);
    let told = settled.passed_over();
    let id = |occasion: &str| letter(occasion, at(0)).id.to_string();
    assert_eq!(
        told,
        [
            format!("1 letter died again meanwhile, and stayed open ({})", id("a")),
            format!("1 letter somebody else settled meanwhile ({})", id("b")),
        ]
    );
    // All of it at once.
    let mut acting =
        Acting::plan(&stores, LetterFilter::default(), Verb::Drop, "me", ports::Clock::now(&*clock))
            .await
            .unwrap();
    acting.begin(&stores).await.unwrap();
    let settled = settle(&stores, &mut acting, "no use", &CancellationToken::new()).await.unwrap();
    assert_eq!((settled.done, settled.groups, settled.passed_over()), (1, 1, Vec::new()));
    let log = stores.desk.actions(1).await.unwrap();
    assert_eq!((log[0].done, log[0].outcome.as_deref()), (1, Some("done: no use")));
}
