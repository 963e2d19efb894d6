//! What the store promises about schedules, and the slots that they are compared with.

use std::time::Duration;

use domain::{Fetched, Schedule, Slot};
use ports::store::{DataKinds, Drops, FetchedSlot, Ledger, Schedules, Store, StoreError};

use super::StoreLab;
use super::sample::{Dice, at, batch, chunk, fetched};

/// A schedule of every `minutes`, in force since [`at`]`(since)`.
fn schedule(since: i64, minutes: u64) -> Schedule {
    Schedule {
        series: Schedule::QUOTES.to_owned(),
        endpoint: "listings".to_owned(),
        convert: vec!["USD".to_owned(), "EUR".to_owned()],
        every: Duration::from_mins(minutes),
        coins: 4000,
        since: at(since),
        simulated: false,
        confirmed_at: at(since + 1),
    }
}

async fn all(lab: &impl StoreLab) -> Vec<Schedule> {
    lab.store().schedules(Schedule::QUOTES, at(-1_000_000)).await.expect("answers")
}

async fn record(lab: &impl StoreLab, schedule: &Schedule) {
    lab.store().record_schedule(schedule).await.expect("is recorded");
}

/// The latest confirmation stays.
pub async fn any_order_and_any_duplication_gives_the_same_schedules(lab: &impl StoreLab) {
    let confirmed = |seconds| Schedule { confirmed_at: at(seconds), ..schedule(0, 60) };
    let together = Schedule { convert: vec!["BTC".to_owned()], ..schedule(0, 60) };
    let long = Schedule { convert: (0..120).map(|n| format!("C{n}")).collect(), ..schedule(7200, 60) };
    let told =
        [confirmed(5), schedule(3600, 30), confirmed(86_400), together.clone(), confirmed(90), long.clone()];
    let mut expected = vec![confirmed(86_400), together, schedule(3600, 30), long];
    expected.sort_by_key(|one| (one.since, one.id()));
    let mut dice = Dice::new(7);
    for _ in 0..4 {
        for one in dice.shuffle_with_repeats(&told) {
            record(lab, &one).await;
        }
        assert_eq!(all(lab).await, expected);
    }
}

/// Of one series, and no others.
pub async fn the_schedules_in_force_at_an_instant_and_later_are_told(lab: &impl StoreLab) {
    assert_eq!(all(lab).await, []);
    let other = Schedule { series: "map".to_owned(), ..schedule(50, 60) };
    for one in [schedule(100, 30), other, schedule(200, 60), schedule(0, 15)] {
        record(lab, &one).await;
    }
    for (from, expected) in [
        (-1, vec![0, 100, 200]),
        (0, vec![0, 100, 200]),
        (99, vec![0, 100, 200]),
        (100, vec![100, 200]),
        (150, vec![100, 200]),
        (200, vec![200]),
        (90_000, vec![200]),
    ] {
        let told = lab.store().schedules(Schedule::QUOTES, at(from)).await.expect("answers");
        let expected: Vec<_> = expected.into_iter().map(at).collect();
        assert_eq!(told.iter().map(|one| one.since).collect::<Vec<_>>(), expected, "{from}");
    }
    let map = lab.store().schedules("map", at(0)).await.expect("answers");
    assert_eq!(map.iter().map(|one| one.since).collect::<Vec<_>>(), [at(50)]);
}

/// A fetcher whose data is refused leaves no slots that would be missed.
pub async fn a_schedule_of_the_other_kind_is_refused_and_decides_nothing(lab: &impl StoreLab) {
    let store = lab.store();
    let simulated = Schedule { simulated: true, ..schedule(100, 60) };
    record(lab, &simulated).await;
    record(lab, &schedule(0, 60)).await;
    assert_eq!(all(lab).await, [schedule(0, 60), simulated.clone()]);
    assert_eq!(store.data_kinds().await.expect("answers"), DataKinds::default());
    store.load(&chunk(&[1])).await.expect("its kind is still open");
    assert_eq!(all(lab).await, [schedule(0, 60)]);
    let at_end = store.schedules(Schedule::QUOTES, at(500)).await.expect("answers");
    assert_eq!(at_end, [schedule(0, 60)], "the other one has not ended it");
    let refused = store.record_schedule(&simulated).await;
    assert!(matches!(refused, Err(StoreError::Mixed { simulated: true })), "{refused:?}");
    record(lab, &schedule(200, 60)).await;
}

/// Whether announced or only begun, and whatever is missing of them.
pub async fn the_slots_of_a_span_that_have_a_batch_are_told_in_order(lab: &impl StoreLab) {
    let store = lab.store();
    for hour in [2, 0, 1, 3] {
        let (batch, slot) = (batch(hour * 3600), Slot::at(at(hour * 3600)));
        if hour == 1 {
            let mut chunk = chunk(&[1]);
            (chunk.page.batch, chunk.page.slot, chunk.page.pages) = (batch, slot, 9);
            store.load(&chunk).await.expect("loads");
        } else {
            store.record_fetched(&Fetched { batch, slot, ..fetched(2) }).await.expect("is recorded");
        }
    }
    let slots = store.fetched_slots(at(0), at(3 * 3600)).await.expect("answers");
    let expected = [0, 1, 2].map(|hour| FetchedSlot {
        batch: batch(hour * 3600),
        slot: Slot::at(at(hour * 3600)),
        endpoint: "listings".to_owned(),
        convert: vec!["USD".to_owned()],
    });
    assert_eq!(slots, expected);
    assert_eq!(store.fetched_slots(at(1), at(3600)).await.expect("answers"), []);
    assert_eq!(store.batches(9).await.expect("answers").len(), 4);
    store.mark_dropped(&batch(3600), "nonsense").await.expect("is dropped");
    let slots = store.fetched_slots(at(0), at(3 * 3600)).await.expect("answers");
    assert_eq!(slots, [expected[0].clone(), expected[2].clone()]);
}
