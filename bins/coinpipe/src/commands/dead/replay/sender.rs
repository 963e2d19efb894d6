//! Sends letters, wave by wave.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use domain::{BatchId, QueueName, ReplayId};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ports::store::DeskLetter;
use service::Process;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::ReplayArgs;
use super::waiting::{Wave, WaveEnd};
use crate::adapters::Adapters;
use crate::commands::dead::acting::Acting;
use crate::commands::dead::archived_pages::ArchivedPages;
use crate::commands::dead::message::{Way, way};
use crate::commands::dead::waves::Waves;
use crate::commands::transit::until_answered;
use crate::output;

/// How often the progress is drawn.
const TICK: Duration = Duration::from_millis(200);

/// What became of the letters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub(super) done: u64,
    pub(super) arrived: u64,
    pub(super) came_back: u64,
    /// They have no message, or it is not there any more.
    pub(super) nowhere: u64,
    /// Why the first of those was not sent.
    pub(super) why_nowhere: &'static str,
}

/// Sends letters again.
pub(super) struct Sender<'a> {
    process: &'a Process,
    adapters: &'a Adapters,
    args: &'a ReplayArgs,
    replay: ReplayId,
    archived: ArchivedPages,
    /// Pages of the archive that were sent: several letters may be about one.
    pages: BTreeSet<(BatchId, u32)>,
    interval: Option<Interval>,
    bar: ProgressBar,
    sent: Sent,
}

impl<'a> Sender<'a> {
    pub(super) fn new(
        process: &'a Process,
        adapters: &'a Adapters,
        replay: ReplayId,
        matched: u64,
        args: &'a ReplayArgs,
    ) -> Self {
        let interval = args.rate.map(|rate| {
            let mut interval = tokio::time::interval(Duration::from_mins(1) / rate.get());
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        });
        let bar = ProgressBar::with_draw_target(Some(matched), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} letters, {msg} [{elapsed}]") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self {
            process,
            adapters,
            args,
            replay,
            archived: ArchivedPages::new(adapters.queues.archive.clone()),
            pages: BTreeSet::new(),
            interval,
            bar,
            sent: Sent::default(),
        }
    }

    /// What was sent, and what became of it.
    pub(super) fn finish(&self) -> Sent {
        self.bar.finish_and_clear();
        self.sent
    }

    /// Sends the letters of `acting`, until one of a wave comes back, or somebody asks to stop.
    pub(super) async fn send_all(&mut self, acting: &mut Acting<'_>) -> anyhow::Result<()> {
        let stop = self.process.shutdown.soft();
        let mut waves = Waves::new(self.args.at_once);
        let mut waiting = Vec::new().into_iter();
        loop {
            let mut wave = Wave::new(self.process, self.adapters, self.args.keep_going);
            while wave.len() < waves.size() {
                let Some(letter) = waiting.next() else {
                    waiting = acting.next(&self.adapters.stores).await?.into_iter();
                    if waiting.len() == 0 {
                        break;
                    }
                    continue;
                };
                if !self.wait_for_turn(&stop).await {
                    break;
                }
                if self.send(&letter, &stop).await? {
                    wave.add(&letter);
                    self.sent.done += 1;
                } else if !stop.is_cancelled() {
                    self.sent.nowhere += 1;
                }
                self.bar.inc(1);
            }
            self.adapters.stores.desk.note(acting.id(), self.sent.done, None).await?;
            if wave.is_empty() {
                return self.check();
            }
            let WaveEnd { arrived, came_back } = wave.wait(&self.bar, &stop).await?;
            self.sent.arrived += arrived;
            self.sent.came_back += came_back;
            if stop.is_cancelled() || (came_back > 0 && !self.args.keep_going) {
                return Ok(());
            }
            waves.went_well();
        }
    }

    /// Fails when nothing could be sent.
    fn check(&self) -> anyhow::Result<()> {
        if self.sent.done == 0 && self.sent.nowhere > 0 {
            bail!("nothing was sent: {}", self.sent.why_nowhere);
        }
        Ok(())
    }

    /// Waits until the rate allows another; `false` when asked to stop first.
    async fn wait_for_turn(&mut self, stop: &CancellationToken) -> bool {
        if let Some(interval) = &mut self.interval {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = interval.tick() => {}
            }
        }
        !stop.is_cancelled()
    }

    /// Publishes the message of a letter, and then notes that it was sent. `false` when it has none, or when asked to stop before.
    async fn send(&mut self, listed: &DeskLetter, stop: &CancellationToken) -> anyhow::Result<bool> {
        let (clock, stores) = (&*self.process.clock, &self.adapters.stores);
        let id = listed.summary.id.as_str();
        let Some(filed) = until_answered(clock, stop, async || stores.letters.letter(id).await).await? else {
            return Ok(self.not_sent(id, "it was purged meanwhile"));
        };
        let is_edited = listed.handling.edited_from.is_some();
        let (queue, message) = match way(&filed.letter, is_edited, &self.replay) {
            Way::Nowhere(why) => return Ok(self.not_sent(id, why)),
            Way::Queue(queue, message) => (queue, Some(*message)),
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
            let queues = &self.adapters.queues.queue;
            let messages = [message];
            until_answered(clock, stop, async || queues.publish(queue, &messages).await).await?;
            if stop.is_cancelled() {
                return Ok(false);
            }
        }
        // It may have died again just now: then it is open, and stays so.
        let (key, replay) = (listed.key(), &self.replay);
        until_answered(clock, stop, async || stores.desk.replayed(&key, replay).await).await?;
        Ok(true)
    }

    fn not_sent(&mut self, id: &str, why: &'static str) -> bool {
        if self.sent.nowhere == 0 {
            self.sent.why_nowhere = why;
        }
        self.bar.suspend(|| output::say(format!("not sent  {}: {why}", domain::one_line(id, 255))));
        false
    }
}
