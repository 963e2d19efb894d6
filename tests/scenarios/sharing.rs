//! Any number of workers, killed at any moment, on one SQLite file and on RabbitMQ with MySQL: the same
//! scenarios, from the same source.

use std::time::Duration;

use crate::place::Place;
use crate::process::{DEADLINE, signal};
use crate::workers::{Worker, crew, dismiss};

/// One test of each scenario in each kind of place, where a message may be delivered so many times.
macro_rules! in_both_places {
    ($($scenario:ident($delivery_limit:expr))+) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    super::$scenario(crate::place::Place::embedded($delivery_limit).await).await;
                }
            )+
        }
        mod private_servers {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    let Some(place) = crate::place::Place::servers($delivery_limit).await else { return };
                    super::$scenario(place).await;
                }
            )+
        }
    };
}

// Where workers are killed again and again, innocent messages die with them: hence a limit that is none.
in_both_places! {
    two_of_each_share_the_work_and_stop_in_good_order(1000)
    random_kills_lose_nothing_and_double_nothing(1000)
    a_death_at_each_crash_point_loses_nothing_and_doubles_nothing(1000)
    a_frozen_worker_is_replaced_and_does_no_harm_when_it_wakes(1000)
    a_message_that_kills_its_workers_ends_in_the_dead_letters(2)
}

/// How much `random_kills…` does; `cargo xtask chaos` sets more.
fn size(variable: &str, default: u32) -> u32 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("{variable}: {error}")),
        Err(_) => default,
    }
}

async fn two_of_each_share_the_work_and_stop_in_good_order(place: Place) {
    let (batches, coins) = (12, 400);
    let crew = crew(&place);
    place.publish(0..batches, coins).await;
    place.check(batches, coins).await;
    for worker in &crew {
        if worker.name != "alerter" {
            let done = worker.said("loaded chunk") + worker.said("cleaned page");
            assert!(done > 0, "{} had no share of the work", worker.log.display());
        }
    }
    dismiss(crew).await;
}

async fn random_kills_lose_nothing_and_double_nothing(place: Place) {
    let batches = size("COINPIPE_CHAOS_BATCHES", 20);
    let coins = size("COINPIPE_CHAOS_COINS", 1000);
    let mut crew = crew(&place);
    let mut dice = ports::contract::store::sample::Dice::new(batches + coins);
    let mut kills = 0;
    let killing = async {
        let mut each_second = tokio::time::interval(Duration::from_secs(1));
        loop {
            each_second.tick().await;
            // Not the alerter, which has nothing to do here.
            let worker = &mut crew[dice.below(4)];
            worker.kill9().await;
            *worker = Worker::start(&place, worker.name, &[]);
            kills += 1;
        }
    };
    let publishing = async {
        place.publish(0..batches, coins).await;
        place.until_complete(batches as usize).await;
    };
    tokio::select! {
        () = killing => unreachable!("it kills for ever"),
        () = publishing => {}
    }
    assert!(kills > 0, "nobody was killed");
    place.check(batches, coins).await;
    dismiss(crew).await;
}

async fn a_death_at_each_crash_point_loses_nothing_and_doubles_nothing(place: Place) {
    let coins = 200;
    let mut batch = 0;
    for stage in ["transformer", "loader"] {
        let other = if stage == "loader" { "transformer" } else { "loader" };
        let other = Worker::start(&place, other, &[]);
        for point in ["received", "handled", "published", "settled"] {
            let failpoint = format!("{stage}.{point}:abort");
            let mut dies = Worker::start(&place, stage, &[("COINPIPE_FAILPOINT", &failpoint)]);
            place.publish(batch..=batch, coins).await;
            batch += 1;
            assert_eq!(dies.ended().await, None, "{failpoint}: it should have died by SIGABRT");
            let lives = Worker::start(&place, stage, &[]);
            place.until_complete(batch as usize).await;
            lives.stop().await;
        }
        other.stop().await;
    }
    // What came twice still waits for somebody.
    let crew = crew(&place);
    place.check(batch, coins).await;
    dismiss(crew).await;
}

async fn a_frozen_worker_is_replaced_and_does_no_harm_when_it_wakes(place: Place) {
    let (batches, coins) = (6, 200);
    let frozen = Worker::start(&place, "loader", &[]);
    let transformer = Worker::start(&place, "transformer", &[]);
    place.publish(0..3, coins).await;
    frozen.until_said("loaded chunk").await;
    freeze(&place, &frozen).await;
    place.publish(3..batches, coins).await;
    let replacement = Worker::start(&place, "loader", &[]);
    place.until_complete(batches as usize).await;
    signal(&frozen.child, "CONT").await;
    // Awake, it works: what it held is settled or given back, and it takes its share again.
    replacement.stop().await;
    let said = frozen.said("loaded chunk");
    place.publish(batches..=batches, coins).await;
    place.check(batches + 1, coins).await;
    assert!(frozen.said("loaded chunk") > said, "it did nothing after it woke up");
    dismiss(vec![frozen, transformer]).await;
}

/// Stops a process at any moment; where the store is a file, at a moment when it does not write: what it has
/// locked there, the operating system gives to others only when it dies.
async fn freeze(place: &Place, worker: &Worker) {
    let frozen = async {
        loop {
            signal(&worker.child, "STOP").await;
            if place.broker.is_some() || place.can_write().await {
                return;
            }
            signal(&worker.child, "CONT").await;
        }
    };
    tokio::time::timeout(DEADLINE, frozen).await.expect("it always writes");
}

async fn a_message_that_kills_its_workers_ends_in_the_dead_letters(place: Place) {
    let env = [("COINPIPE_FAILPOINT", "transformer.handled:abort")];
    let alerter = Worker::start(&place, "alerter", &[]);
    let mut dying = Worker::start(&place, "transformer", &env);
    place.publish([0], 10).await;
    let filed = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        while place.letters().await.is_empty() {
            tokio::select! {
                _ = dying.child.wait() => dying = Worker::start(&place, "transformer", &env),
                _ = look.tick() => {}
            }
        }
    };
    tokio::time::timeout(DEADLINE, filed).await.expect("no letter was written");
    let letters = place.letters().await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert!(letters[0].starts_with("delivery_limit "), "{letters:?}");
    dying.kill9().await;
    // Its neighbours go on.
    let crew = vec![Worker::start(&place, "transformer", &[]), Worker::start(&place, "loader", &[]), alerter];
    place.publish([1], 10).await;
    place.until_complete(1).await;
    dismiss(crew).await;
}
