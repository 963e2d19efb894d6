//! RabbitMQ and MySQL go away, fall silent, refuse or lose things while a crew works; nobody restarts a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lab::{Proxy, Way};
use ports::QueueName;
use tokio::time::Instant;

use crate::place::{Place, Servers};
use crate::workers::{Worker, crew, dismiss};

/// Coins in each snapshot: eight chunks.
const COINS: u32 = 400;
/// Snapshots loaded before the trouble.
const BEFORE: u32 = 2;
/// The fewest snapshots published while it lasts.
const DURING: u32 = 12;
/// As for real: no innocent message may die of an outage.
const DELIVERY_LIMIT: u32 = 8;

/// A crew on servers of its own, and a proxy before each of them.
struct Works {
    servers: Servers,
    place: Arc<Place>,
    to_broker: Proxy,
    to_database: Proxy,
    crew: Vec<Worker>,
}

impl Works {
    /// Everything is there, and two snapshots are loaded.
    async fn running() -> Option<Self> {
        let mut works = Self::idle().await?;
        works.crew = crew(&works.place);
        works.place.publish(0..BEFORE, COINS).await;
        works.place.until_complete(BEFORE as usize).await;
        Some(works)
    }

    /// Nobody works.
    async fn idle() -> Option<Self> {
        let servers = Servers::start().await?;
        let mut place = Place::on(&servers, DELIVERY_LIMIT).await;
        let to_broker = Proxy::before(&place.queue_url).expect("a proxy");
        let to_database = Proxy::before(&place.store_url).expect("a proxy");
        place.queue_url = to_broker.url_for(&place.queue_url);
        place.store_url = to_database.url_for(&place.store_url);
        Some(Self { servers, place: Arc::new(place), to_broker, to_database, crew: Vec::new() })
    }

    /// Waits until every worker of this name said `text`.
    async fn until_all_said(&self, name: &str, text: &str) {
        for worker in self.crew.iter().filter(|worker| worker.name == name) {
            worker.until_said(text).await;
        }
    }

    /// `trouble` comes and ends while snapshots are published. Afterwards everything is loaded, once, by the
    /// workers that were there.
    #[expect(clippy::print_stderr, reason = "`cargo xtask chaos` shows it")]
    async fn live_through(mut self, what: &str, trouble: impl AsyncFnOnce(&mut Self)) {
        let over = Arc::new(AtomicBool::new(false));
        let publishing = tokio::spawn(publish_until(Arc::clone(&self.place), Arc::clone(&over)));
        trouble(&mut self).await;
        over.store(true, Ordering::Relaxed);
        let healed = Instant::now();
        let published = publishing.await.expect("it publishes");
        let place = &self.place;
        // What is published from now on is loaded, too.
        place.publish([published], COINS).await;
        let all = published + 1;
        place.until_complete(all as usize).await;
        eprintln!("{what}: everything loaded {:.1} s after it ended", healed.elapsed().as_secs_f64());
        place.check(all, COINS).await;
        for worker in &mut self.crew {
            let ended = worker.child.try_wait().expect("it can be asked");
            assert_eq!(ended, None, "{} ended:\n{}", worker.name, worker.log());
        }
        dismiss(self.crew).await;
    }
}

/// Publishes snapshots, and goes on, so that nobody is idle, until it is `over`; how many there are then.
async fn publish_until(place: Arc<Place>, over: Arc<AtomicBool>) -> u32 {
    let mut next = BEFORE;
    let mut look = tokio::time::interval(Duration::from_millis(50));
    loop {
        let idle = place.is_empty().await;
        let over = over.load(Ordering::Relaxed);
        if next < BEFORE + DURING || (idle && !over) {
            place.publish([next], COINS).await;
            next += 1;
        } else if over {
            return next;
        } else {
            look.tick().await;
        }
    }
}

/// How long an outage lasts whose length matters: ten minutes in `cargo xtask chaos`.
fn length() -> Duration {
    let seconds = std::env::var("COINPIPE_CHAOS_OUTAGE_SECONDS").map_or(Ok(30), |seconds| seconds.parse());
    Duration::from_secs(seconds.expect("a number of seconds"))
}

/// Watches for so long that nobody of `crew` ends.
pub(crate) async fn lasts(crew: &mut [Worker]) {
    let mut look = tokio::time::interval(Duration::from_millis(200));
    let over = Instant::now() + length();
    while look.tick().await < over {
        for worker in &mut *crew {
            let ended = worker.child.try_wait().expect("it can be asked");
            assert_eq!(ended, None, "{} ended:\n{}", worker.name, worker.log());
        }
    }
}

/// What blocks, beside the runtime's tasks.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

/// A stage says so when its queue is away.
const QUEUE_AWAY: &str = "the queue is away";
/// And so when what it needs is.
const STORE_AWAY: &str = "paused until";

mod private_servers {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_broker_is_restarted() {
        let Some(works) = Works::running().await else { return };
        works
            .live_through("broker restarted", async |with| {
                blocking(|| with.servers.broker.restart()).expect("it restarts");
            })
            .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_broker_is_killed() {
        let Some(works) = Works::running().await else { return };
        works
            .live_through("broker killed", async |with| {
                blocking(|| with.servers.broker.kill9()).expect("it is killed");
                with.until_all_said("transformer", QUEUE_AWAY).await;
                blocking(|| with.servers.broker.start_again()).expect("it starts");
            })
            .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn broker_and_database_are_absent_at_the_start() {
        let Some(mut works) = Works::idle().await else { return };
        blocking(|| works.servers.broker.stop()).expect("it stops");
        blocking(|| works.servers.database.stop()).expect("it stops");
        works.crew = crew(&works.place);
        works
            .live_through("absent at the start", async |with| {
                with.until_all_said("loader", QUEUE_AWAY).await;
                blocking(|| with.servers.broker.start_again()).expect("it starts");
                with.until_all_said("loader", STORE_AWAY).await;
                blocking(|| with.servers.database.start_again()).expect("it starts");
                with.place.publish(0..BEFORE, COINS).await;
            })
            .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn connections_to_the_broker_are_half_open() {
        let Some(works) = Works::running().await else { return };
        works
            .live_through("broker half open", async |with| {
                with.to_broker.stall(Way::Both);
                with.until_all_said("transformer", QUEUE_AWAY).await;
                with.to_broker.cut();
                with.to_broker.heal();
            })
            .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn answers_of_the_broker_are_lost() {
        let Some(works) = Works::running().await else { return };
        works
            .live_through("answers of the broker lost", async |with| {
                with.to_broker.discard(Way::ToClient);
                // All of them: no connection that lost bytes ever goes on, but through this proxy.
                for name in ["transformer", "loader"] {
                    with.until_all_said(name, QUEUE_AWAY).await;
                }
                with.to_broker.heal();
            })
            .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_operator_closes_all_connections() {
        let Some(works) = Works::running().await else { return };
        works
            .live_through("connections closed by the operator", async |with| {
                for _ in 0..2 {
                    let args = ["close_all_connections", "maintenance"];
                    blocking(|| with.servers.broker.ctl(&args)).expect("they are closed");
                }
            })
            .await;
    }

    /// What was in it is gone with it, and what is published before it is there again is filed as a dead letter:
    /// hence in a quiet moment.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_queue_is_deleted_under_its_consumers() {
        let Some(works) = Works::running().await else { return };
        works.place.until_empty().await;
        for queue in ["coinpipe.rows", "coinpipe.raw"] {
            blocking(|| works.servers.broker.ctl(&["delete_queue", queue])).expect("it is deleted");
        }
        works.place.until_empty().await;
        works.live_through("queues deleted", async |_| {}).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_broker_has_no_memory_left() {
        let Some(works) = Works::running().await else { return };
        works
            .live_through("memory alarm", async |with| {
                blocking(|| with.servers.broker.memory_alarm(true)).expect("the alarm is raised");
                // Nothing can be published; what is there is loaded and settled.
                with.place.until_empty_of(QueueName::Rows).await;
                blocking(|| with.servers.broker.memory_alarm(false)).expect("the alarm is over");
            })
            .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_way_to_the_broker_is_cut_again_and_again() {
        let Some(works) = Works::running().await else { return };
        works
            .live_through("broker cut", async |with| {
                for bytes in [100, 3_000, 30_000, 1_000, 10_000, 60_000] {
                    let cuts = with.to_broker.cuts();
                    with.to_broker.cut_after(Way::Both, bytes);
                    blocking(|| lab::wait_until("it is cut", || with.to_broker.cuts() > cuts));
                }
            })
            .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_way_to_the_broker_is_slow_and_thin() {
        let Some(works) = Works::running().await else { return };
        works
            .live_through("broker slow", async |with| {
                with.to_broker.slice(Way::Both, 512);
                with.to_broker.delay(Way::Both, Duration::from_millis(1));
                with.place.until_complete(BEFORE as usize + 1).await;
                with.to_broker.heal();
            })
            .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_database_is_killed() {
        let Some(works) = Works::running().await else { return };
        works
            .live_through("database killed", async |with| {
                blocking(|| with.servers.database.kill9()).expect("it is killed");
                with.until_all_said("loader", STORE_AWAY).await;
                blocking(|| with.servers.database.start_again()).expect("it starts");
            })
            .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn answers_of_the_database_are_lost() {
        let Some(works) = Works::running().await else { return };
        works
            .live_through("answers of the database lost", async |with| {
                with.to_database.discard(Way::ToClient);
                with.until_all_said("loader", STORE_AWAY).await;
                with.to_database.heal();
            })
            .await;
    }

    /// Sooner or later between a COMMIT and its answer.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_way_to_the_database_is_cut_again_and_again() {
        let Some(works) = Works::running().await else { return };
        works
            .live_through("database cut", async |with| {
                for bytes in [0, 11, 100, 22, 1_000, 33, 500, 44] {
                    let cuts = with.to_database.cuts();
                    with.to_database.cut_after(Way::ToClient, bytes);
                    blocking(|| lab::wait_until("it is cut", || with.to_database.cuts() > cuts));
                }
            })
            .await;
    }

    /// It answers, and takes nothing: whoever asked it without a pause would do so hundreds of times.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_database_is_read_only() {
        let Some(mut works) = Works::idle().await else { return };
        let database = &works.servers.database;
        // Who administers a server may write all the same.
        database.query("CREATE USER worker IDENTIFIED BY 'worker'").expect("a user");
        database.query("GRANT SELECT, INSERT, UPDATE, DELETE ON coinpipe.* TO worker").expect("its rights");
        let mut place = Arc::into_inner(works.place).expect("nobody works yet");
        place.store_url = place.store_url.replace("lab:lab@", "worker:worker@");
        works.place = Arc::new(place);
        works.crew = crew(&works.place);
        works.place.publish(0..BEFORE, COINS).await;
        works.place.until_complete(BEFORE as usize).await;
        works
            .live_through("database read-only", async |with| {
                let database = &with.servers.database;
                let begun = || {
                    let status = blocking(|| database.query("SHOW GLOBAL STATUS LIKE 'Com_begin'"));
                    let status = status.expect("a number");
                    let number =
                        status.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok());
                    number.unwrap_or_else(|| panic!("{status}"))
                };
                blocking(|| database.query("SET GLOBAL read_only = 1")).expect("it is read-only");
                let before = begun();
                // What is loaded is said, too, until the server is read-only.
                let lines = |worker: &Worker| {
                    worker.log().lines().filter(|line| !line.contains("loaded chunk")).count()
                };
                let said: Vec<_> = with.crew.iter().map(lines).collect();
                with.until_all_said("loader", STORE_AWAY).await;
                lasts(&mut with.crew).await;
                let (begun, loaders) = (begun() - before, 2);
                let most = loaders * (12 + length().as_secs() / 13);
                assert!(begun <= most, "{begun} transactions were begun in {:?}", length());
                for (worker, before) in with.crew.iter().zip(said) {
                    let lines = lines(worker) - before;
                    assert!(lines <= 30, "{} logged {lines} lines:\n{}", worker.name, worker.log());
                }
                blocking(|| database.query("SET GLOBAL read_only = 0")).expect("it is writable");
            })
            .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn six_loaders_start_on_an_empty_schema() {
        let Some(mut works) = Works::idle().await else { return };
        works.crew = (0..6).map(|_| Worker::start(&works.place, "loader", &[])).collect();
        works.crew.push(Worker::start(&works.place, "transformer", &[]));
        works
            .live_through("six loaders at once", async |with| with.place.publish(0..BEFORE, COINS).await)
            .await;
    }

    /// An innocent message is not a poisonous one because its workers could not reach the database for long.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_database_is_away_again_and_again() {
        let Some(works) = Works::running().await else { return };
        works
            .live_through("database away again and again", async |with| {
                for round in 1..=DELIVERY_LIMIT as usize + 2 {
                    with.to_database.down();
                    let loader = with.crew.iter().find(|worker| worker.name == "loader").expect("a loader");
                    loader.until_said_times(STORE_AWAY, round).await;
                    with.to_database.heal();
                    loader.until_said_times("back; going on", round).await;
                }
            })
            .await;
    }
}
