//! Any number of workers, killed at any moment, on one SQLite file and on RabbitMQ with MySQL: the same
//! scenarios, from the same source.

use std::sync::Arc;
use std::time::Duration;

use ports::SystemClock;
use ports::store::BatchRecord;
use tokio::time::Instant;

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
                    let Some(servers) = crate::place::Servers::start().await else { return };
                    super::$scenario(crate::place::Place::on(&servers, $delivery_limit).await).await;
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
    a_dead_leader_is_replaced_and_no_slot_is_paid_for_twice(1000)
}

/// How much a scenario does; `cargo xtask chaos` asks for more.
pub(crate) fn size(variable: &str, default: u32) -> u32 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("{variable}: {error}")),
        Err(_) => default,
    }
}

/// How long so many rows may take: 500 a second would be slow on any machine.
pub(crate) fn deadline(rows: u32) -> Duration {
    DEADLINE + Duration::from_millis(2) * rows
}

async fn two_of_each_share_the_work_and_stop_in_good_order(place: Place) {
    let (at_once, coins) = (12, 400);
    let crew = crew(&place);
    let idle = || {
        let has_none = |worker: &&Worker| {
            worker.name != "alerter" && worker.said("loaded chunk") + worker.said("cleaned page") == 0
        };
        crew.iter().find(has_none).map(|worker| worker.path.display())
    };
    // Who takes what is up to the queue, and one that is ready first may take all of a few.
    let mut batches = 0;
    while batches == 0 || idle().is_some() {
        assert!(batches < 20 * at_once, "{} had no share of {batches} batches", idle().expect("one"));
        place.publish(batches..batches + at_once, coins).await;
        batches += at_once;
        place.check(batches, coins).await;
    }
    dismiss(crew).await;
}

#[expect(clippy::print_stderr, reason = "`cargo xtask chaos` shows it")]
async fn random_kills_lose_nothing_and_double_nothing(place: Place) {
    let batches = size("COINPIPE_CHAOS_BATCHES", 20);
    let coins = size("COINPIPE_CHAOS_COINS", 1000);
    let mut crew = crew(&place);
    let mut dice = testkit::contract::store::sample::Dice::new(batches + coins);
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
    let started = Instant::now();
    let loading = async {
        place.publish(0..batches, coins).await;
        place.until_complete_within(batches as usize, deadline(batches * coins)).await;
    };
    tokio::select! {
        () = killing => unreachable!("it kills for ever"),
        () = loading => {}
    }
    assert!(kills > 0, "nobody was killed");
    let seconds = started.elapsed().as_secs_f64();
    eprintln!(
        "{batches} batches of {coins} coins were loaded in {seconds:.0} s, {kills} times a worker was killed"
    );
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
            if !place.is_embedded() || place.can_write().await {
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

/// Takes a minute, the shortest time between slots.
async fn a_dead_leader_is_replaced_and_no_slot_is_paid_for_twice(place: Place) {
    let options = simulator::Options { coins: 400, ..simulator::Options::default() };
    let loopback = (std::net::Ipv4Addr::LOCALHOST, 0).into();
    let api = simulator::Simulator::start(loopback, options, Arc::new(SystemClock)).await.expect("an API");
    let url = api.url();
    let fetcher = |spool: &str| {
        let env = [
            ("COINPIPE__FETCH__BASE_URL", url.as_str()),
            ("COINPIPE__FETCH__API_KEY", "key"),
            ("COINPIPE__FETCH__EVERY", "1m"),
            ("COINPIPE__FETCH__LIMIT", "400"),
            ("COINPIPE__FETCH__PAGE_SIZE", "200"),
            ("COINPIPE__FETCH__SPOOL", spool),
        ];
        Worker::start(&place, "fetcher", &env)
    };
    let leading = "leading: this fetcher schedules";
    let crew = crew(&place);
    let mut leader = fetcher("spool-1");
    leader.until_said(leading).await;
    let heir = fetcher("spool-2");
    place.until_complete(1).await;
    assert_eq!(heir.said(leading), 0, "two lead");
    leader.kill9().await;
    heir.until_said(leading).await;
    // It comes back, and stands in line.
    let leader = fetcher("spool-1");
    leader.until_said("asking for the lead").await;
    place.until_complete_within(2, Duration::from_mins(2)).await;
    assert_eq!(leader.said(leading), 0, "two lead");
    dismiss(vec![leader, heir]).await;
    place.until_empty().await;
    dismiss(crew).await;
    let paid = api.requests().iter().filter(|seen| seen.path.ends_with("/listings/latest")).count();
    let batches = place.store.ledger().batches(10).await.expect("the ledger can be read");
    assert_eq!(paid, 2 * batches.len(), "requests for {batches:#?}");
    assert!(batches.iter().all(BatchRecord::is_complete), "{batches:#?}");
    api.stop().await;
}
