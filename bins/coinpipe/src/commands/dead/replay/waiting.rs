//! Waits until it is known what became of the letters of a wave, or nothing more can be known.

use std::collections::BTreeMap;
use std::time::Duration;

use alerter::ReplayedLetters;
use chrono::{DateTime, TimeDelta, Utc};
use indicatif::ProgressBar;
use ports::QueueName;
use ports::store::{DeskLetter, LetterFilter, LetterState};
use service::Process;
use tokio_util::sync::CancellationToken;

use crate::adapters::Adapters;
use crate::commands::transit::until_answered;
use crate::{numbers, output};

/// How often it is looked.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// When nothing happens for so long, the operator is asked whether anybody works.
const QUIET: TimeDelta = TimeDelta::seconds(30);
/// A queue in a file counts what every process holds: when that is nothing, nothing more can come.
const PATIENCE_WITH_FILES: TimeDelta = TimeDelta::seconds(8);
/// RabbitMQ does not tell what other processes hold; most of them need no more.
const PATIENCE: TimeDelta = TimeDelta::seconds(20);

/// Letters that were sent and not heard of.
pub(super) struct Wave<'a> {
    process: &'a Process,
    adapters: &'a Adapters,
    keep_going: bool,
    replayed: ReplayedLetters,
    /// How often each had died when it was sent.
    letters: BTreeMap<String, u64>,
}

/// What became of them. Of the rest nothing is known yet.
pub(super) struct WaveEnd {
    pub(super) arrived: u64,
    pub(super) came_back: u64,
}

impl<'a> Wave<'a> {
    pub(super) fn new(process: &'a Process, adapters: &'a Adapters, keep_going: bool) -> Self {
        let (queue, clock) = (adapters.queues.queue.clone(), process.clock.clone());
        let clean_after = process.config().desk.clean_after;
        let replayed = ReplayedLetters::new(&adapters.stores, queue, clock, clean_after);
        Self { process, adapters, keep_going, replayed, letters: BTreeMap::new() }
    }

    /// Adds a letter that was sent.
    pub(super) fn add(&mut self, letter: &DeskLetter) {
        self.letters.insert(letter.summary.id.to_string(), letter.summary.deaths);
    }

    pub(super) fn len(&self) -> usize {
        self.letters.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Waits for them.
    pub(super) async fn wait(
        mut self,
        bar: &ProgressBar,
        stop: &CancellationToken,
    ) -> anyhow::Result<WaveEnd> {
        let clock = &*self.process.clock;
        let mut end = WaveEnd { arrived: 0, came_back: 0 };
        let (mut quiet_since, mut held) = (clock.now(), 0);
        let mut has_asked = false;
        loop {
            let waits = self.queues_hold(stop).await?;
            until_answered(clock, stop, async || self.replayed.look().await).await?;
            let before = self.letters.len();
            self.look(&mut end, stop).await?;
            bar.set_message(format!("waiting for {}", self.letters.len()));
            if self.letters.is_empty() || stop.is_cancelled() || (end.came_back > 0 && !self.keep_going) {
                return Ok(end);
            }
            if self.letters.len() < before || waits != held {
                quiet_since = clock.now();
            }
            held = waits;
            if waits == 0 && self.is_over(quiet_since) {
                return Ok(end);
            }
            if waits > 0 && !has_asked && clock.now() - quiet_since >= QUIET {
                has_asked = true;
                let messages = numbers::counted(waits, "message");
                bar.suspend(|| {
                    output::say(format!(
                        "waiting   {messages} in the queues; are a transformer, a loader and an alerter running?"
                    ));
                });
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = clock.sleep(POLL_INTERVAL) => {}
            }
        }
    }

    /// Whether nothing more is to be expected soon: the queues are empty, and nothing came for a time.
    fn is_over(&self, quiet_since: DateTime<Utc>) -> bool {
        let is_file = service::file_of(&self.process.config().queue.url).is_some();
        let patience = if is_file { PATIENCE_WITH_FILES } else { PATIENCE };
        self.process.clock.now() - quiet_since >= patience
    }

    /// How many messages are in the queues.
    async fn queues_hold(&self, stop: &CancellationToken) -> anyhow::Result<u64> {
        let mut held = 0;
        for queue in QueueName::ALL {
            let queues = &self.adapters.queues.queue;
            let depth =
                until_answered(&*self.process.clock, stop, async || queues.depth(queue).await).await?;
            held += depth.total();
        }
        Ok(held)
    }

    /// Takes those out of which something is known.
    async fn look(&mut self, end: &mut WaveEnd, stop: &CancellationToken) -> anyhow::Result<()> {
        let (clock, desk) = (&*self.process.clock, &self.adapters.stores.desk);
        for id in self.letters.keys().cloned().collect::<Vec<_>>() {
            let filter = LetterFilter { id: Some(id.clone()), ..LetterFilter::default() };
            let listed = until_answered(clock, stop, async || desk.list(&filter, None, 1).await).await?.pop();
            if stop.is_cancelled() {
                return Ok(());
            }
            let died = self.letters.get(&id).copied().unwrap_or_default();
            match listed {
                Some(letter) if letter.summary.deaths > died => end.came_back += 1,
                Some(letter) if letter.handling.state == LetterState::Replayed => continue,
                // Somebody dropped or purged it meanwhile: nobody waits for it any more.
                _ => end.arrived += 1,
            }
            self.letters.remove(&id);
        }
        Ok(())
    }
}
