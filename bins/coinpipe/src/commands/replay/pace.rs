//! Keeps a replay from running ahead of the workers, and waits until all of it arrived.

use std::time::Duration;

use domain::PageMeta;
use indicatif::ProgressBar;
use ports::StoreError;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Replay;
use super::arrivals::Arrivals;
use crate::commands::transit::{Arriving, Wait};
use crate::numbers;

/// No more pages are published while so many pages, or chunks, are in their queues.
const PAGES_AHEAD: u64 = 8;
const CHUNKS_AHEAD: u64 = 100;

/// Keeps a replay from running ahead of the workers, and shows how far they are.
pub(super) struct Pace<'a> {
    wait: Wait<'a>,
    shown: Shown<'a>,
    /// Between two pages.
    interval: Option<tokio::time::Interval>,
}

/// What arrives, as the person who waits sees it.
struct Shown<'a> {
    arrivals: Arrivals,
    bar: &'a ProgressBar,
    started: tokio::time::Instant,
}

impl Arriving for Shown<'_> {
    async fn look(&mut self) -> Result<bool, StoreError> {
        self.arrivals.look().await
    }

    fn has_ended(&self) -> bool {
        self.arrivals.all()
    }

    fn show(&self) {
        let (batches, coins) = (self.arrivals.batches(), self.arrivals.coins());
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = coins as f64 / self.started.elapsed().as_secs_f64().max(0.1);
        let (coins, rate) = (numbers::counted(coins, "coin"), numbers::money(Some(rate)));
        self.bar.set_message(format!("{} and {coins} loaded, {rate}/s", numbers::batches(batches)));
    }
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
        let arrivals = Arrivals::new(replay.adapters.stores.ledger.clone(), replay.pages.replay().clone());
        Self {
            wait: Wait::new(replay.process, replay.adapters),
            shown: Shown { arrivals, bar, started: tokio::time::Instant::now() },
            interval,
        }
    }

    /// Notes that `page` is about to be published.
    pub(super) fn expect(&mut self, page: &PageMeta) {
        self.shown.arrivals.expect(page);
    }

    /// What has arrived, and what has not.
    pub(super) fn into_arrivals(self) -> Arrivals {
        self.shown.arrivals
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
            let [raw, rows] = self.wait.depths(stop).await?;
            // Those that a transformer holds are not in front of a live page any more.
            if raw.ready < PAGES_AHEAD && rows.ready + rows.unsettled < CHUNKS_AHEAD {
                self.wait.begin_anew();
                break;
            }
            self.wait.look(&mut self.shown, stop).await?;
            self.wait.ask_operator(raw.total() + rows.total());
            self.wait.pause(stop).await;
        }
        Ok(!stop.is_cancelled())
    }

    /// Waits until all is loaded, or nothing more can come.
    pub(super) async fn wait_for_arrivals(&mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        self.wait.until_ended(&mut self.shown, stop).await
    }
}
