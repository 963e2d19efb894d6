//! When a letter that was sent again is believed to have arrived.

use domain::{Bytes, Chunk, DeadLetter, Headers, Message, MessageId, Origin};
use ports::Store;
use testkit::clock::ManualClock;
use testkit::contract::store::sample::{at, batch, chunk};
use testkit::memory::{MemoryQueue, MemoryStore};

use super::*;

const CLEAN_AFTER: Duration = Duration::from_mins(10);

struct Bench {
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    queue: Arc<MemoryQueue>,
    replayed: ReplayedLetters,
}

fn bench() -> Bench {
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let queue = Arc::new(MemoryQueue::new(clock.clone()));
    let stores = service::Stores::of(store.clone());
    let replayed = ReplayedLetters::new(&stores, queue.clone(), clock.clone(), CLEAN_AFTER);
    Bench { clock, store, queue, replayed }
}

fn replay() -> ReplayId {
    ReplayId::new("replay/1").unwrap()
}

fn letter(stage: StageName, message: &str, class: Class) -> DeadLetter {
    let id = MessageId::new(message);
    let message = Message { id, headers: Headers::new(), body: Bytes::new() };
    let mut letter = DeadLetter::for_message(&message, stage, class, "bad", "no good", at(0));
    letter.headers.set(header::BATCH, batch(0));
    if stage == StageName::Transformer {
        letter.headers.set(header::PAGE, 1);
    }
    letter
}

impl Bench {
    /// Files `letter` in a group of its own, and notes that it was sent again.
    async fn send(&self, letter: &DeadLetter) {
        self.store.file(letter, letter.id.as_str()).await.unwrap();
        let filter = LetterFilter { id: Some(letter.id.to_string()), ..LetterFilter::default() };
        let listed = self.store.list(&filter, None, 1).await.unwrap();
        assert!(self.store.replayed(&listed[0].key(), &replay()).await.unwrap());
        self.replayed.look().await.unwrap();
    }

    /// Loads chunk `number` of two of the letter's page.
    async fn load(&self, number: u32, replay: Option<ReplayId>) {
        let mut part = Chunk { chunk: number, chunks: 2, replay, ..chunk(&[number]) };
        part.page.origin = if part.replay.is_some() { Origin::Replay } else { Origin::Live };
        self.store.load(&part).await.unwrap();
        self.replayed.look().await.unwrap();
    }

    async fn open(&self) -> usize {
        self.store.groups(Some(GroupState::Open)).await.unwrap().len()
    }
}

/// Rows that are there prove nothing, nor do chunks of the same page; and then its group is resolved.
#[tokio::test]
async fn a_page_arrived_when_its_replay_loaded_all_of_it() {
    let bench = bench();
    bench.send(&letter(StageName::Transformer, "b/p1", Class::Poison)).await;
    bench.load(1, None).await;
    bench.load(2, None).await;
    bench.load(2, Some(replay())).await;
    bench.clock.advance(CLEAN_AFTER * 3);
    bench.replayed.look().await.unwrap();
    assert_eq!(bench.open().await, 1, "chunk 1 of the replay did not come");
    bench.load(1, Some(replay())).await;
    assert_eq!(bench.open().await, 0);
}

#[tokio::test]
async fn a_chunk_arrived_when_its_replay_loaded_it() {
    let bench = bench();
    bench.send(&letter(StageName::Loader, batch(0).chunk_id(1, 2).as_str(), Class::Poison)).await;
    bench.load(1, Some(replay())).await;
    bench.load(2, None).await;
    bench.load(2, Some(ReplayId::new("another").unwrap())).await;
    assert_eq!(bench.open().await, 1);
    bench.load(2, Some(replay())).await;
    assert_eq!(bench.open().await, 0);
}

/// The letter about what is rejected again comes after the rest is loaded.
#[tokio::test]
async fn rows_that_may_be_rejected_again_are_waited_for() {
    let bench = bench();
    let refused = letter(StageName::Loader, batch(0).chunk_id(1, 1).as_str(), Class::RejectedRows);
    bench.send(&refused).await;
    bench.load(1, Some(replay())).await;
    assert_eq!(bench.open().await, 1);
    bench.clock.advance(Duration::from_secs(15));
    bench.replayed.look().await.unwrap();
    assert_eq!(bench.open().await, 0);
}

/// A queue that nobody works on is quiet, too.
#[tokio::test]
async fn what_the_ledger_cannot_prove_is_believed_when_nothing_waits_and_nothing_comes_back() {
    let bench = bench();
    let message = Message { id: MessageId::new("m"), headers: Headers::new(), body: Bytes::new() };
    bench.queue.publish(QueueName::Rows, &[message]).await.unwrap();
    bench.clock.advance(Duration::from_secs(1));
    bench.send(&letter(StageName::Loader, "schedule/x", Class::RetriesExhausted)).await;
    bench.clock.advance(CLEAN_AFTER);
    bench.replayed.look().await.unwrap();
    assert_eq!(bench.open().await, 1, "a message waits");
    let mut consumer = bench.queue.consume(QueueName::Rows, 1).await.unwrap();
    consumer.next().await.unwrap().settle(ports::Settlement::Done).await.unwrap();
    bench.replayed.look().await.unwrap();
    assert_eq!(bench.open().await, 0);
}

/// However it is called.
#[tokio::test]
async fn a_group_is_resolved_when_none_of_its_letters_waits_for_anything() {
    let bench = bench();
    let (one, other) =
        (letter(StageName::Loader, "a", Class::Poison), letter(StageName::Loader, "b", Class::Poison));
    for letter in [&one, &other] {
        bench.store.file(letter, "group").await.unwrap();
    }
    let settle = async |id: &MessageId, dropped| {
        let filter = LetterFilter { id: Some(id.to_string()), ..LetterFilter::default() };
        let listed = bench.store.list(&filter, None, 1).await.unwrap();
        bench.store.settle(&[listed[0].key()], dropped, "by hand").await.unwrap();
        bench.replayed.look().await.unwrap();
    };
    settle(&one.id, true).await;
    assert_eq!(bench.open().await, 1);
    settle(&other.id, false).await;
    assert_eq!(bench.open().await, 0);
    // Its letter dies of another cause: nothing is left of the group.
    let worse = DeadLetter { code: "worse".to_owned(), ..one.clone() };
    let again = DeadLetter { code: "again".to_owned(), ..one };
    bench.store.file(&worse, "second").await.unwrap();
    bench.store.file(&again, "third").await.unwrap();
    bench.replayed.look().await.unwrap();
    let open = bench.store.groups(Some(GroupState::Open)).await.unwrap();
    assert_eq!(open.iter().map(|group| group.fingerprint.as_str()).collect::<Vec<_>>(), ["third"]);
}
