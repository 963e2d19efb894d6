//! Waits until it is known what became of the letters of a wave, or nothing more can be known.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use outage::{Away, until_answered};
use ports::QueueName;
use ports::store::{DeskLetter, LetterFilter, LetterState};
use tokio_util::sync::CancellationToken;

use super::Progress;
use crate::access::Access;
use crate::replayed_letters::ReplayedLetters;

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
    access: &'a Access,
    keep_going: bool,
    progress: &'a dyn Progress,
    stop: &'a CancellationToken,
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
    pub(super) fn new(
        access: &'a Access,
        keep_going: bool,
        progress: &'a dyn Progress,
        stop: &'a CancellationToken,
    ) -> Self {
        let (queue, clock) = (access.queues.queue.clone(), access.clock.clone());
        let replayed = ReplayedLetters::new(&access.stores, queue, clock, access.clean_after);
        Self { access, keep_going, progress, stop, replayed, letters: BTreeMap::new() }
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
    pub(super) async fn wait(mut self) -> anyhow::Result<WaveEnd> {
        let clock = &*self.access.clock;
        let mut end = WaveEnd { arrived: 0, came_back: 0 };
        let (mut quiet_since, mut held) = (clock.now(), 0);
        let mut has_asked = false;
        loop {
            let waits = self.queues_hold().await?;
            self.answered(async || self.replayed.look().await).await?;
            let before = self.letters.len();
            self.look(&mut end).await?;
            self.progress.waits(self.letters.len());
            if self.letters.is_empty() || self.stop.is_cancelled() || (end.came_back > 0 && !self.keep_going)
            {
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
                self.progress.stands_still(waits);
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = clock.sleep(POLL_INTERVAL) => {}
            }
        }
    }

    /// Whether nothing more is to be expected soon: the queues are empty, and nothing came for a time.
    fn is_over(&self, quiet_since: DateTime<Utc>) -> bool {
        let patience = if self.access.is_queue_in_file { PATIENCE_WITH_FILES } else { PATIENCE };
        self.access.clock.now() - quiet_since >= patience
    }

    /// How many messages are in the queues.
    async fn queues_hold(&self) -> anyhow::Result<u64> {
        let mut held = 0;
        for queue in QueueName::ALL {
            let queues = &self.access.queues.queue;
            held += self.answered(async || queues.depth(queue).await).await?.total();
        }
        Ok(held)
    }

    /// Takes those out of which something is known.
    async fn look(&mut self, end: &mut WaveEnd) -> anyhow::Result<()> {
        let desk = &self.access.stores.desk;
        for id in self.letters.keys().cloned().collect::<Vec<_>>() {
            let filter = LetterFilter { id: Some(id.clone()), ..LetterFilter::default() };
            let listed = self.answered(async || desk.list(&filter, None, 1).await).await?.pop();
            if self.stop.is_cancelled() {
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

    async fn answered<T: Default, E: Away>(&self, call: impl AsyncFnMut() -> Result<T, E>) -> Result<T, E> {
        until_answered(&*self.access.clock, self.stop, call, |error| self.progress.is_away(error)).await
    }
}
