//! Snapshots that are not what they claim to be, from the simulator through HTTP to the announcement.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::wire::{self, RowsMessage};
use domain::{Doubt, Fetched, Verdict};
use ports::QueueName;
use simulator::{KeyPolicy, Options, PlannedFault, Simulator};

use super::*;
use crate::spool::Op;
use crate::testing::{Fetcher, KEY, Lab};
use crate::{OnceFailure, ProgressObserver, Step};

struct Api {
    lab: Lab,
    simulator: Simulator,
}

impl Api {
    /// Has 500 coins, of which `limit` are asked for, `page_size` at a time.
    async fn start(limit: u32, page_size: u32) -> Self {
        let lab = Lab::new(limit, page_size);
        let options = Options { keys: KeyPolicy::OneOf(vec![KEY.to_owned()]), ..Options::default() };
        let simulator = lab.simulator(options).await;
        Self { lab, simulator }
    }

    fn faults(&self, faults: &[&str]) {
        self.simulator.set_faults(faults.iter().map(|fault| fault.parse::<PlannedFault>().unwrap()));
    }

    /// A fetcher with a spool of its own.
    fn fetcher(&self, spool: &str) -> Fetcher {
        let settings = config::Fetch { spool: self.lab.dir.path().join(spool), ..self.lab.settings.clone() };
        self.lab.fetcher_of(settings, &self.simulator, Some(KEY))
    }

    async fn fetch(&self) -> Result<crate::FetchedBatch, OnceFailure> {
        self.fetcher("spool").fetch_now(&Seen::default(), CancellationToken::new()).await
    }

    /// Fetches at `time`, and returns the check that found something.
    async fn verdict_at(&self, time: &str) -> String {
        self.lab.clock.0.set(instant(time));
        let fetched = self.fetch().await.unwrap();
        assert_eq!(self.announced().verdict, fetched.verdict);
        fetched.verdict.map_or_else(|| "sound".to_owned(), |Verdict { doubt, why }| format!("{doubt}: {why}"))
    }

    /// The newest announcement.
    fn announced(&self) -> Fetched {
        let message = self.lab.announcements().pop().unwrap();
        let RowsMessage::Fetched(fetched) = wire::decode(&message.body).unwrap() else { panic!("a chunk") };
        fetched
    }

    /// How many snapshots ended how.
    fn endings(&self) -> [(&'static str, usize); 4] {
        let counted = self.lab.metrics.render();
        ["complete", "incomplete", "suspect", "gave_up"].map(|ending| {
            let series = format!(r#"coinpipe_snapshots_total{{ending="{ending}"}} "#);
            let count = counted.lines().find_map(|line| line.strip_prefix(&series));
            (ending, count.map_or(0, |count| count.parse().unwrap()))
        })
    }

    /// The first coins that were asked for.
    fn starts(&self) -> Vec<String> {
        let requests = self.simulator.requests();
        requests.iter().map(|seen| seen.query.split('&').next().unwrap_or_default().to_owned()).collect()
    }
}

/// What was wrong once is asked for again, alone, and then nothing is wrong; a letter about the try names the batch.
#[tokio::test]
async fn a_bad_page_is_asked_for_again_without_its_siblings() {
    for (fault, code, page) in [
        ("short=7:1", "short_listing", 2),
        ("empty-data:1", "empty_listing", 2),
        ("same-page:1", "page_again", 2),
        ("without-top=100:1", "top_missing", 1),
        ("empty-data:1", "empty_listing", 1),
    ] {
        let api = Api::start(400, 200).await;
        let fetcher = api.fetcher("spool");
        if page == 1 {
            api.faults(&[fault]);
        }
        let spoil_second = || {
            if page == 2 {
                api.faults(&[fault]);
            }
        };
        let seen = Spy { seen: Seen::default(), then: Box::new(spoil_second) };
        let snapshot = fetcher.fetch_now(&seen, CancellationToken::new()).await.unwrap();
        assert_eq!((snapshot.pages, snapshot.coins, snapshot.verdict), (2, 400, None), "{code}");
        let again = [["start=1", "start=1", "start=201"], ["start=1", "start=201", "start=201"]];
        assert_eq!(api.starts(), again[page - 1], "{code}");
        // One credit each; the page that was no good cost one, too.
        assert_eq!((snapshot.credits, api.announced().credits), (3, 3), "{code}");
        let slot = format!("{code}/2026-11-22T14:00:00Z");
        assert_eq!(incidents(&api.lab), [slot], "{code}");
        let letter = api.lab.queue.messages(QueueName::Dead).pop().unwrap();
        assert_eq!(letter.headers.get("x-batch"), Some("2026-11-22T14:00:00Z/listings/USD"), "{code}");
    }
}

/// A coin that comes on two pages is one coin, whoever counts.
#[tokio::test]
async fn coins_that_come_again_on_another_page_are_counted() {
    let api = Api::start(400, 200).await;
    let fetched = api.fetch().await.unwrap();
    assert_eq!((fetched.coins, fetched.coins_again), (400, 0));
    let api = Api::start(400, 200).await;
    api.faults(&["same-page"]);
    let fetched = api.fetch().await.unwrap();
    assert_eq!((fetched.pages, fetched.coins, fetched.coins_again), (2, 400, 200));
}

/// Calls `then` when the first page was received.
struct Spy<'a> {
    seen: Seen,
    then: Box<dyn Fn() + Send + Sync + 'a>,
}

impl ProgressObserver for Spy<'_> {
    fn step(&self, step: Step<'_>) {
        if matches!(step, Step::Received { page: 1, .. }) {
            (self.then)();
        }
        self.seen.step(step);
    }
}

/// Nothing that came is dropped: the fullest answer is loaded, all that was paid is told, and one letter says the numbers.
#[tokio::test]
async fn what_stays_short_is_loaded_and_called_incomplete() {
    let api = Api::start(200, 200).await;
    api.faults(&["short=7:1", "short=9"]);
    let fetched = api.fetch().await.unwrap();
    assert_eq!((fetched.coins, fetched.credits, api.starts().len()), (9, 3, 3));
    let Verdict { doubt, why } = api.announced().verdict.unwrap();
    assert_eq!(doubt, Doubt::Incomplete);
    assert!(
        why.starts_with("page 1 has 9 of the 200 coins that are due [short_listing]; 91 of the 100"),
        "{why}"
    );
    let mut letters = incidents(&api.lab);
    letters.sort();
    let expected =
        ["batch_incomplete/2026-11-22T14:00:00Z/listings/USD", "short_listing/2026-11-22T14:00:00Z"];
    assert_eq!(letters, expected);
    assert!(reasons(&api.lab).iter().any(|reason| reason.ends_with(&why)), "{why}");
    assert_eq!(api.endings(), [("complete", 0), ("incomplete", 1), ("suspect", 0), ("gave_up", 0)]);
}

/// Field case 05, on the schedule, too, which goes on with the next slot.
#[tokio::test]
async fn an_empty_listing_is_a_failure_of_the_api() {
    let api = Api::start(200, 200).await;
    api.faults(&["empty-data"]);
    let failure = api.fetch().await.unwrap_err();
    let OnceFailure::GaveUp { code, reason, .. } = &failure else { panic!("{failure:?}") };
    assert_eq!((code.as_str(), api.starts().len()), ("empty_listing", 3));
    assert!(reason.contains("page 1 has no coins, and 200 were asked for"), "{reason}");
    assert!(api.lab.ids(QueueName::Raw).is_empty() && api.lab.ids(QueueName::Rows).is_empty());
    run_idle(&api.fetcher("spool")).await;
    assert_eq!((api.starts().len(), api.lab.waiting().len()), (6, 0));
    assert!(incidents(&api.lab).iter().any(|letter| letter.ends_with("14:00:00Z/given-up")));
    api.faults(&[]);
    api.lab.clock.0.set(instant("2026-11-22T15:00:00Z"));
    run_idle(&api.fetcher("spool")).await;
    assert_eq!(api.announced().verdict, None);
}

/// Each in a market that is otherwise as usual, also after the restarts that lie between.
#[tokio::test]
async fn snapshots_are_held_against_those_before() {
    let api = Api::start(200, 200).await;
    assert_eq!(api.verdict_at("2026-11-22T14:00:30Z").await, "sound");
    assert_eq!(api.verdict_at("2026-11-22T15:00:30Z").await, "sound");
    api.faults(&["times=1.65e7"]);
    let found = api.verdict_at("2026-11-22T16:00:30Z").await;
    assert!(
        found.starts_with("suspect: 200 of 200 prices")
            && found.contains("e7 times as high as before [price_jump]"),
        "{found}"
    );
    api.faults(&[]);
    assert_eq!(api.verdict_at("2026-11-22T17:00:30Z").await, "sound");
    api.faults(&["null=volume_24h"]);
    let found = api.verdict_at("2026-11-22T18:00:30Z").await;
    assert!(found.contains("gone: volume_24h (0 of 200, 200 of 200 before) [null_column]"), "{found}");
    api.faults(&["ahead=2h"]);
    let found = api.verdict_at("2026-11-22T19:00:30Z").await;
    assert_eq!(found, "suspect: the API's clock is 2 h ahead of this machine's [clock]");
    api.faults(&["frozen"]);
    let found = api.verdict_at("2026-11-22T20:00:30Z").await;
    assert!(found.contains("[old_quotes]") && found.contains("200 of 200 quotes are no newer"), "{found}");
    api.faults(&["old=30d"]);
    let found = api.verdict_at("2026-11-22T21:00:30Z").await;
    assert!(found.contains("the newest quote is 30 days old [old_quotes]"), "{found}");
    let judged = incidents(&api.lab).iter().filter(|letter| letter.starts_with("batch_suspect/")).count();
    assert_eq!(judged, 5);
    assert_eq!(api.endings(), [("complete", 3), ("incomplete", 0), ("suspect", 5), ("gave_up", 0)]);
}

/// The disk refuses the seal, or the process dies before it: the same is found again.
#[tokio::test]
async fn a_snapshot_that_is_judged_again_is_held_against_the_one_before() {
    let api = Api::start(200, 200).await;
    assert_eq!(api.verdict_at("2026-11-22T14:00:00Z").await, "sound");
    api.faults(&["null=volume_24h"]);
    api.lab.clock.0.set(instant("2026-11-22T15:00:00Z"));
    let fetcher = api.fetcher("spool");
    let is_full = Arc::new(AtomicBool::new(false));
    let fails = Arc::clone(&is_full);
    fetcher.spool.disk.set_fault(Some(Box::new(move |op, path| {
        let is_seal = op == Op::Change && path.ends_with("batch.json") && fails.load(Ordering::Relaxed);
        is_seal.then(|| std::io::Error::from_raw_os_error(28))
    })));
    let seen = Spy { seen: Seen::default(), then: Box::new(|| is_full.store(true, Ordering::Relaxed)) };
    assert!(fetcher.fetch_now(&seen, CancellationToken::new()).await.is_err());
    drop(fetcher);
    run_until(&api.fetcher("spool"), "the second", || api.lab.ids(QueueName::Rows).len() == 2).await;
    assert_eq!(api.starts().len(), 2, "it is paid for once");
    let why = api.announced().verdict.unwrap().why;
    assert!(why.contains("[null_column]"), "{why}");
}

/// The one that leads next has another spool, perhaps on another machine.
#[tokio::test]
async fn the_next_leader_knows_what_the_market_was_like() {
    let api = Api::start(200, 200).await;
    run_until(&api.fetcher("one"), "a batch", || api.lab.ids(QueueName::Rows).len() == 1).await;
    // It leads again, and settles its claim.
    run_idle(&api.fetcher("one")).await;
    api.lab.clock.0.set(instant("2026-11-22T15:00:00Z"));
    api.faults(&["times=1e6"]);
    run_until(&api.fetcher("another"), "the next", || api.lab.ids(QueueName::Rows).len() == 2).await;
    let why = api.announced().verdict.unwrap().why;
    assert!(why.contains("200 of 200 prices"), "{why}");
}
