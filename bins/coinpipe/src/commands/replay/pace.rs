//! Keeps a replay from running ahead of the workers, and waits until all of it arrived.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::PageMeta;
use indicatif::ProgressBar;
use ports::{Depth, QueueName};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::arrivals::Arrivals;
use super::waiting::until_answered;
use super::{POLL_INTERVAL, Replay};
use crate::numbers;
use crate::output;

/// No more pages are published while so many pages, or chunks, are in their queues.
const PAGES_AHEAD: u64 = 8;
const CHUNKS_AHEAD: u64 = 100;
/// When nothing arrives for so long, the progress says what it waits for.
const QUIET: TimeDelta = TimeDelta::seconds(9);

/// Keeps a replay from running ahead of the workers, and shows how far they are.
pub(super) struct Pace<'a> {
    replay: &'a Replay<'a>,
    bar: &'a ProgressBar,
    arrivals: Arrivals,
    /// Between two pages.
    interval: Option<tokio::time::Interval>,
    started: tokio::time::Instant,
    /// Since when nothing has arrived.
    quiet_since: DateTime<Utc>,
    /// Whether the operator was asked about it.
    has_asked: bool,
}

impl<'a> Pace<'a> {
    /// For `replay`, which shows how far it is on `bar`.
    pub(super) fn new(replay: &'a Replay<'a>, bar: &'a ProgressBar) -> Self {
        let interval = replay.pages.rate().map(|rate| {
            let mut interval = tokio::time::interval(Duration::from_mins(1) / rate.get());
            // What was not published while the queue was full is not caught up with.
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        });
        Self {
            replay,
            bar,
            arrivals: Arrivals::new(replay.adapters.stores.ledger.clone(), replay.pages.replay().clone()),
            interval,
            started: tokio::time::Instant::now(),
            quiet_since: replay.process.clock.now(),
            has_asked: false,
        }
    }

    /// Notes that `page` is about to be published.
    pub(super) fn expect(&mut self, page: &PageMeta) {
        self.arrivals.expect(page);
    }

    /// What has arrived, and what has not.
    pub(super) fn into_arrivals(self) -> Arrivals {
        self.arrivals
    }

    /// Waits until another page may be published; `false` when asked to stop first.
    pub(super) async fn wait_for_room(&mut self, stop: &CancellationToken) -> anyhow::Result<bool> {
        if let Some(interval) = &mut self.interval {
            tokio::select! {
                () = stop.cancelled() => return Ok(false),
                _ = interval.tick() => {}
            }
        }
        while !stop.is_cancelled() {
            // What waits for a retry is in nobody's way.
            let (raw, rows) =
                (self.depth(QueueName::Raw, stop).await?, self.depth(QueueName::Rows, stop).await?);
            let waiting = raw.total() + rows.total();
            // Those that a transformer holds are not in front of a live page any more.
            if raw.ready < PAGES_AHEAD && rows.ready + rows.unsettled < CHUNKS_AHEAD {
                self.quiet_since = self.replay.process.clock.now();
                break;
            }
            self.look(stop).await?;
            self.ask_operator(waiting);
            self.pause(stop).await;
        }
        Ok(!stop.is_cancelled())
    }

    /// Waits until all is loaded, or nothing more can come.
    pub(super) async fn wait_for_arrivals(&mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        self.quiet_since = self.replay.process.clock.now();
        let patience = self.replay.patience();
        let mut waited = 0;
        loop {
            let (raw, rows) =
                (self.depth(QueueName::Raw, stop).await?, self.depth(QueueName::Rows, stop).await?);
            let waiting = raw.total() + rows.total();
            if waiting != waited {
                self.quiet_since = self.replay.process.clock.now();
            }
            waited = waiting;
            // After the queues: what was in neither of them then is in the tables, or held by somebody.
            self.look(stop).await?;
            let gives_up = waiting == 0 && self.quiet() >= patience;
            if self.arrivals.all() || stop.is_cancelled() || gives_up {
                return Ok(());
            }
            self.ask_operator(waiting);
            self.pause(stop).await;
        }
    }

    /// For how long nothing has arrived.
    fn quiet(&self) -> TimeDelta {
        self.replay.process.clock.now() - self.quiet_since
    }

    /// Asks the operator, once, when the queues do not get shorter.
    fn ask_operator(&mut self, waiting: u64) {
        if waiting > 0 && !self.has_asked && self.quiet() >= QUIET * 3 {
            self.has_asked = true;
            let messages = numbers::counted(waiting, "message");
            output::say(format!(
                "waiting   {messages} in the queue; are a transformer and a loader running?"
            ));
        }
    }

    async fn depth(&self, queue: QueueName, stop: &CancellationToken) -> anyhow::Result<Depth> {
        let queues = &self.replay.adapters.queues.queue;
        until_answered(&*self.replay.process.clock, stop, async || queues.depth(queue).await).await
    }

    /// Looks what arrived.
    async fn look(&mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        let clock = &*self.replay.process.clock;
        let news = until_answered(clock, stop, async || self.arrivals.look().await).await?;
        let (batches, coins) = (self.arrivals.batches(), self.arrivals.coins());
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = coins as f64 / self.started.elapsed().as_secs_f64().max(0.1);
        let (coins, rate) = (numbers::counted(coins, "coin"), numbers::money(Some(rate)));
        self.bar.set_message(format!("{} and {coins} loaded, {rate}/s", numbers::batches(batches)));
        if news {
            (self.quiet_since, self.has_asked) = (self.replay.process.clock.now(), false);
        }
        Ok(())
    }

    async fn pause(&self, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.replay.process.clock.sleep(POLL_INTERVAL) => {}
        }
    }
}
