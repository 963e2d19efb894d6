//! Sends letters, wave by wave.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{BatchId, QueueName, ReplayId};
use outage::{Away, until_answered};
use ports::store::DeskLetter;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::archived_pages::ArchivedPages;
use super::waiting::{Wave, WaveEnd};
use super::waves::Waves;
use super::{Pace, Progress, Sent};
use crate::access::Access;
use crate::acting::Acting;
use crate::message::{Way, message, way};

/// How far it is is written down at most so often, beside after each wave: at a slow rate a wave takes hours.
const NOTED_EVERY: TimeDelta = TimeDelta::seconds(2);

/// Sends letters again.
pub(super) struct Sender<'a> {
    access: &'a Access,
    replay: ReplayId,
    pace: Pace,
    progress: &'a dyn Progress,
    stop: &'a CancellationToken,
    archived: ArchivedPages,
    /// Pages of the archive that were sent: several letters may be about one.
    pages: BTreeSet<(BatchId, u32)>,
    interval: Option<Interval>,
    sent: Sent,
    noted_at: Option<DateTime<Utc>>,
}

impl<'a> Sender<'a> {
    pub(super) fn new(
        access: &'a Access,
        replay: ReplayId,
        pace: Pace,
        progress: &'a dyn Progress,
        stop: &'a CancellationToken,
    ) -> Self {
        let interval = pace.rate.map(|rate| {
            let mut interval = tokio::time::interval(Duration::from_mins(1) / rate.get());
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        });
        let archived = ArchivedPages::new(access.queues.archive.clone());
        let pages = BTreeSet::new();
        let (sent, noted_at) = (Sent::default(), None);
        Self { access, replay, pace, progress, stop, archived, pages, interval, sent, noted_at }
    }

    /// What was sent, and what became of it.
    pub(super) fn sent(&self) -> Sent {
        self.sent
    }

    /// Sends the letters of `acting`, until one of a wave comes back, or somebody asks to stop.
    pub(super) async fn send_all(&mut self, acting: &mut Acting) -> anyhow::Result<()> {
        let mut waves = Waves::new(self.pace.at_once);
        let mut waiting = Vec::new().into_iter();
        loop {
            let mut wave = Wave::new(self.access, self.pace.keep_going, self.progress, self.stop);
            while wave.len() < waves.size() {
                let Some(letter) = waiting.next() else {
                    waiting = acting.next(&self.access.stores).await?.into_iter();
                    if waiting.len() == 0 {
                        break;
                    }
                    continue;
                };
                if !self.wait_for_turn().await {
                    break;
                }
                if self.send(&letter).await? {
                    wave.add(&letter);
                    self.sent.done += 1;
                    self.note_at_times(acting).await?;
                } else if !self.stop.is_cancelled() {
                    self.sent.nowhere += 1;
                }
                self.progress.went(&self.sent);
            }
            acting.note(&self.access.stores, self.sent.done).await?;
            if wave.is_empty() {
                return self.check();
            }
            let WaveEnd { arrived, came_back } = wave.wait().await?;
            self.sent.arrived += arrived;
            self.sent.came_back += came_back;
            self.progress.went(&self.sent);
            if self.stop.is_cancelled() || (came_back > 0 && !self.pace.keep_going) {
                return Ok(());
            }
            waves.went_well();
        }
    }

    /// Writes down how far it is, if that was not done just now: whoever finds the record of one that was killed sees it.
    async fn note_at_times(&mut self, acting: &Acting) -> anyhow::Result<()> {
        let now = self.access.clock.now();
        if self.noted_at.is_none_or(|noted_at| now - noted_at >= NOTED_EVERY) {
            self.answered(async || acting.note(&self.access.stores, self.sent.done).await).await?;
            self.noted_at = Some(now);
        }
        Ok(())
    }

    /// Fails when nothing could be sent.
    fn check(&self) -> anyhow::Result<()> {
        if self.sent.done == 0 && self.sent.nowhere > 0 {
            bail!("nothing was sent: {}", self.sent.why_nowhere);
        }
        Ok(())
    }

    /// Waits until the rate allows another; `false` when asked to stop first.
    async fn wait_for_turn(&mut self) -> bool {
        if let Some(interval) = &mut self.interval {
            tokio::select! {
                () = self.stop.cancelled() => {}
                _ = interval.tick() => {}
            }
        }
        !self.stop.is_cancelled()
    }

    /// Publishes the message of a letter, and then notes that it was sent. `false` when it has none, or when asked to stop before.
    async fn send(&mut self, listed: &DeskLetter) -> anyhow::Result<bool> {
        let stores = &self.access.stores;
        let id = listed.summary.id.as_str();
        let Some(filed) = self.answered(async || stores.letters.letter(id).await).await? else {
            return Ok(self.not_sent(id, "it was purged meanwhile"));
        };
        let is_edited = listed.handling.edited_from.is_some();
        let (queue, message) = match way(&filed.letter) {
            Way::Nowhere(why) => return Ok(self.not_sent(id, why)),
            Way::Queue(queue) => (queue, Some(message(&filed.letter, queue, is_edited, &self.replay))),
            Way::Archive { batch, page } => {
                let key = (batch, page);
                let message = if self.pages.contains(&key) {
                    None
                } else {
                    let (batch, replay) = (&key.0, self.replay.clone());
                    let Some(message) = self.archived.page(batch, page, &replay).await? else {
                        return Ok(self.not_sent(id, "the archive does not have its page any more"));
                    };
                    Some(message)
                };
                self.pages.insert(key);
                (QueueName::Raw, message)
            }
        };
        if let Some(message) = message {
            let queues = &self.access.queues.queue;
            let messages = [message];
            self.answered(async || queues.publish(queue, &messages).await).await?;
            if self.stop.is_cancelled() {
                return Ok(false);
            }
        }
        // It may have died again just now: then it is open, and stays so.
        let (key, replay) = (listed.key(), &self.replay);
        self.answered(async || stores.desk.replayed(&key, replay).await).await?;
        Ok(true)
    }

    async fn answered<T: Default, E: Away>(&self, call: impl AsyncFnMut() -> Result<T, E>) -> Result<T, E> {
        until_answered(&*self.access.clock, self.stop, call, |error| self.progress.is_away(error)).await
    }

    fn not_sent(&mut self, id: &str, why: &'static str) -> bool {
        if self.sent.nowhere == 0 && !self.stop.is_cancelled() {
            self.sent.why_nowhere = why;
        }
        if !self.stop.is_cancelled() {
            self.progress.not_sent(id, why);
        }
        false
    }
}
