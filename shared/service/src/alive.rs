//! Says in the store from time to time that this process lives: for people who look, and for the alerter, which tells of one that
//! starts again and again (decision 35).
//!
//! It is beside the work: nothing waits for it, and what it cannot write is not written.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{StageName, one_line};
use outage::{AwayOnce, Backoff};
use ports::store::{ALIVE_EVERY, ProcessRecord, Processes, StageRate};
use ports::{Clock, StoreError};
use stage::StageMetrics;
use telemetry::Metrics;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// How long one that is gone stays on record.
const KEPT: TimeDelta = TimeDelta::days(3);

/// So many are deleted at once.
const AT_ONCE: u32 = 500;

/// After so many times it deletes again: about an hour.
const BETWEEN_DELETIONS: u32 = 240;

/// The last word waits no longer for the store.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The longest name of a machine, in characters.
const NAME: usize = 100;

/// What this process says of itself.
pub(crate) struct Alive {
    processes: Arc<dyn Processes>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    asked: CancellationToken,
    record: Mutex<ProcessRecord>,
    /// What each stage has done so far, a minute back: each time with the counts of then.
    counts: Mutex<VecDeque<(DateTime<Utc>, Vec<StageRate>)>>,
    away: AwayOnce,
}

impl Alive {
    /// A process of `stages` that started at `since`. `asked`: it was asked to stop.
    pub(crate) fn new(
        processes: Arc<dyn Processes>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        asked: CancellationToken,
        (stages, since): (&[StageName], DateTime<Utc>),
    ) -> Self {
        let record = ProcessRecord {
            id: format!("{:016x}", fastrand::u64(..)),
            roles: stages.to_vec(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: host(),
            pid: std::process::id(),
            since,
            seen_at: since,
            asked_at: None,
            ended_at: None,
            rates: Vec::new(),
        };
        let (record, counts) = (Mutex::new(record), Mutex::default());
        Self { processes, clock, metrics, asked, record, counts, away: AwayOnce::default() }
    }

    /// The same under the id `id`.
    pub(crate) fn called(self, id: &str) -> Self {
        id.clone_into(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner).id);
        self
    }

    /// Says it again and again, for as long as it is polled.
    pub(crate) async fn run(&self) {
        let every = ALIVE_EVERY.to_std().unwrap_or_default();
        let mut backoff = Backoff::default();
        for times in 0_u32.. {
            let told = self.tell(false).await;
            let pause = match &told {
                Ok(()) => {
                    backoff.reset();
                    every
                }
                Err(_) => every.max(backoff.next_wait()),
            };
            if told.is_ok() && times.is_multiple_of(BETWEEN_DELETIONS) {
                let before = self.clock.now() - KEPT;
                if let Err(error) = self.processes.forget_processes(before, AT_ONCE).await {
                    debug!(%error, "processes that are gone stay on record for now");
                }
            }
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                // At once: who is killed a moment later was asked all the same.
                () = self.asked.cancelled(), if !self.knows_that_it_was_asked() => {}
            }
        }
    }

    /// Says that it ends now.
    pub(crate) async fn end(&self) {
        tokio::select! {
            _ = self.tell(true) => {}
            () = self.clock.sleep(LAST_WORD) => {}
        }
    }

    async fn tell(&self, is_end: bool) -> Result<(), StoreError> {
        let told = self.processes.note_process(&self.record(is_end)).await;
        match &told {
            Ok(()) => drop(self.away.worked()),
            Err(error) if error.is_transient() => {
                debug!(%error, "cannot say that this process lives");
            }
            Err(error) => {
                if self.away.failed() {
                    warn!(%error, "nobody sees that this process lives");
                }
            }
        }
        told
    }

    fn record(&self, is_end: bool) -> ProcessRecord {
        let now = self.clock.now();
        let rates = self.rates(now);
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that is set back makes nobody look gone.
        record.seen_at = record.seen_at.max(now);
        record.rates = rates;
        if self.asked.is_cancelled() {
            record.asked_at.get_or_insert(now);
        }
        if is_end {
            record.ended_at = Some(now);
        }
        record.clone()
    }

    fn knows_that_it_was_asked(&self) -> bool {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).asked_at.is_some()
    }

    /// What each stage did in the last minute, or since the start.
    fn rates(&self, now: DateTime<Utc>) -> Vec<StageRate> {
        let roles = self.record.lock().unwrap_or_else(PoisonError::into_inner).roles.clone();
        let done: Vec<_> = roles.into_iter().map(|stage| done(&self.metrics, stage)).collect();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        while counts.front().is_some_and(|(at, _)| now - *at > TimeDelta::minutes(1)) {
            counts.pop_front();
        }
        let before = counts.front().map(|(_, before)| before.clone()).unwrap_or_default();
        counts.push_back((now, done.clone()));
        let since = |rate: &StageRate| {
            let before = before.iter().find(|before| before.stage == rate.stage);
            let (messages, rows) = before.map_or((0, 0), |before| (before.messages, before.rows));
            StageRate { messages: rate.messages - messages, rows: rate.rows - rows, ..*rate }
        };
        done.iter().map(since).collect()
    }
}

/// What a stage of this process has done since it started.
fn done(metrics: &Metrics, stage: StageName) -> StageRate {
    let metrics = StageMetrics::new(metrics, stage);
    let messages =
        if stage == StageName::Fetcher { metrics.count_published() } else { metrics.count_finished() };
    StageRate { stage, messages, rows: metrics.count_rows() }
}

/// The name of this machine, or container.
fn host() -> String {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let mut named = files.into_iter().filter_map(|file| std::fs::read_to_string(file).ok());
    let named = named.find(|name| !name.trim().is_empty());
    named.map_or_else(|| "unknown".to_owned(), |name| one_line(name.trim(), NAME))
}

#[cfg(test)]
mod tests {
    use ports::store::Life;
    use stage::RowMetrics;
    use testkit::clock::ManualClock;
    use testkit::memory::MemoryStore;

    use super::*;

    struct Bench {
        clock: ManualClock,
        store: Arc<MemoryStore>,
        metrics: Metrics,
        asked: CancellationToken,
        alive: Arc<Alive>,
    }

    impl Bench {
        fn new() -> Self {
            let clock = ManualClock::default();
            let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
            let (metrics, asked) = (Metrics::default(), CancellationToken::new());
            let (token, since) = (asked.clone(), clock.now());
            let stages: &[StageName] = &[StageName::Loader];
            let alive =
                Alive::new(store.clone(), Arc::new(clock.clone()), metrics.clone(), token, (stages, since));
            Self { clock, store, metrics, asked, alive: Arc::new(alive) }
        }

        async fn seen(&self) -> ProcessRecord {
            let mut seen = self.store.processes(DateTime::UNIX_EPOCH, 9).await.unwrap();
            assert_eq!(seen.len(), 1);
            seen.pop().unwrap()
        }
    }

    /// Polls `running`, which never ends, until it waits.
    async fn poll(running: std::pin::Pin<&mut (impl Future<Output = ()> + ?Sized)>) {
        tokio::select! {
            biased;
            () = running => panic!("it ended"),
            () = std::future::ready(()) => {}
        }
    }

    #[tokio::test]
    async fn a_process_says_that_it_lives_and_how_much_it_did_in_a_minute() {
        let bench = Bench::new();
        let alive = bench.alive.clone();
        let mut running = Box::pin(async move { alive.run().await });
        let rows = RowMetrics::new(&bench.metrics, StageName::Loader, &["written"]);
        let mut rates = Vec::new();
        for _ in 0..7 {
            poll(running.as_mut()).await;
            let seen = bench.seen().await;
            assert_eq!((seen.seen_at, seen.life(bench.clock.now())), (bench.clock.now(), Life::Running));
            rates.push(seen.rates[0].rows);
            rows.add("written", 10);
            bench.clock.advance(Duration::from_secs(15));
        }
        assert_eq!(rates, [0, 10, 20, 30, 40, 40, 40]);
    }

    #[tokio::test]
    async fn an_outage_is_waited_out_and_holds_up_nothing() {
        let bench = Bench::new();
        let alive = bench.alive.clone();
        let mut running = Box::pin(async move { alive.run().await });
        poll(running.as_mut()).await;
        bench.store.set_available(false);
        for _ in 0..40 {
            bench.clock.advance(Duration::from_secs(15));
            poll(running.as_mut()).await;
        }
        bench.store.set_available(true);
        assert_eq!(bench.seen().await.life(bench.clock.now()), Life::Gone);
        bench.clock.advance(Duration::from_secs(15));
        poll(running.as_mut()).await;
        assert_eq!(bench.seen().await.life(bench.clock.now()), Life::Running);
    }

    #[tokio::test]
    async fn that_it_was_asked_to_stop_is_said_at_once_and_that_it_ends_at_the_end() {
        let bench = Bench::new();
        let alive = bench.alive.clone();
        let mut running = Box::pin(async move { alive.run().await });
        poll(running.as_mut()).await;
        bench.clock.advance(Duration::from_secs(1));
        bench.asked.cancel();
        poll(running.as_mut()).await;
        let seen = bench.seen().await;
        assert_eq!((seen.asked_at, seen.ended_at), (Some(bench.clock.now()), None));
        drop(running);
        bench.clock.advance(Duration::from_secs(1));
        bench.alive.end().await;
        let ended = bench.seen().await;
        assert_eq!((ended.asked_at, ended.ended_at), (seen.asked_at, Some(bench.clock.now())));
        assert_eq!(ended.life(bench.clock.now()), Life::Stopped);
    }

    #[tokio::test]
    async fn those_that_are_gone_for_days_are_forgotten_by_whoever_starts() {
        let bench = Bench::new();
        bench.alive.tell(false).await.unwrap();
        bench.clock.advance(Duration::from_hours(73));
        let asked = CancellationToken::new();
        let clock: Arc<dyn Clock> = Arc::new(bench.clock.clone());
        let stages: &[StageName] = &[StageName::Loader];
        let next =
            Alive::new(bench.store.clone(), clock, Metrics::default(), asked, (stages, bench.clock.now()));
        poll(Box::pin(next.run()).as_mut()).await;
        assert_eq!(bench.seen().await.since, bench.clock.now());
    }
}
