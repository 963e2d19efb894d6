//! Letters are sent again to the queues that they came from, a few first, and what becomes of them is waited for.
//!
//! A letter is published, the queue confirms it, and only then it is noted as sent; so whoever stops this, or kills the process, loses
//! none: a letter that was published and not noted is sent once more.

mod archived_pages;
mod progress;
mod sender;
mod waiting;
mod waves;

use std::num::NonZeroU32;

use anyhow::Context;
use domain::ReplayId;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::acting::Acting;
use domain::counted;
pub use progress::{Progress, Sent};
use sender::Sender;

/// How fast letters are sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// At most so many a minute.
    pub rate: Option<NonZeroU32>,
    /// Whether it goes on although letters come back.
    pub keep_going: bool,
    /// Whether many go at once, not one first.
    pub at_once: bool,
}

/// How a replay ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// What became of the letters.
    pub sent: Sent,
    /// How it ended, as it is written down.
    pub outcome: String,
    /// Whether it was stopped.
    pub is_stopped: bool,
}

impl Replayed {
    /// What became of the letters, of which there were `matched`, in words.
    pub fn told(&self, matched: u64) -> String {
        let Sent { done, arrived, came_back, nowhere, why_nowhere } = self.sent;
        let mut told = vec![format!("Replayed {} of {matched}", counted(done, "letter"))];
        told.push(format!("{arrived} arrived"));
        if came_back > 0 {
            told.push(format!("{came_back} came back"));
        }
        let watched = self.sent.watched();
        if watched > 0 {
            told.push(format!("{watched} watched: resolved when they do not come back ([desk] clean_after)"));
        }
        if nowhere > 0 {
            told.push(format!("{nowhere} not sent ({why_nowhere})"));
        }
        if self.is_stopped {
            told.push("stopped; the same replay sends the rest".to_owned());
        }
        told.join(", ")
    }
}

/// Sends the letters of `acting`, whose record has begun, until one of a wave comes back or `stop`. How it ended is written down.
///
/// # Errors
///
/// When queue or store refuse, or nothing could be sent.
pub async fn replay(
    access: &Access,
    acting: &mut Acting,
    pace: Pace,
    progress: &dyn Progress,
    stop: &CancellationToken,
) -> anyhow::Result<Replayed> {
    let replay = ReplayId::new(acting.id()).context("the id of the action is no id of a replay")?;
    let mut sender = Sender::new(access, replay, pace, progress, stop);
    let ended = sender.send_all(acting).await;
    let sent = sender.sent();
    let is_stopped = stop.is_cancelled();
    let outcome = match &ended {
        Err(error) => format!("failed: {error:#}"),
        Ok(()) if is_stopped => "stopped".to_owned(),
        Ok(()) if sent.came_back > 0 => format!("{} came back", counted(sent.came_back, "letter")),
        Ok(()) => "done".to_owned(),
    };
    acting.end(&access.stores, sent.done, &outcome).await?;
    ended.map(|()| Replayed { sent, outcome, is_stopped })
}
