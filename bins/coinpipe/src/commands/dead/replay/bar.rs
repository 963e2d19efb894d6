//! The progress of a replay in a terminal.

use std::fmt::Display;
use std::time::Duration;

use desk::{Progress, Sent};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{numbers, output};

/// How often the progress is drawn.
const TICK: Duration = Duration::from_millis(200);

/// A bar, and lines beside it.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// The bar of a replay of so many letters.
    pub(super) fn new(matched: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(matched), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} letters, {msg} [{elapsed}]") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn went(&self, sent: &Sent) {
        self.0.set_position(sent.done + sent.nowhere);
    }

    fn not_sent(&self, id: &str, why: &str) {
        self.0.suspend(|| output::say(format!("not sent  {}: {why}", desk::shown_name(id))));
    }

    fn waits(&self, letters: usize) {
        self.0.set_message(format!("waiting for {letters}"));
    }

    fn stands_still(&self, messages: u64) {
        let messages = numbers::counted(messages, "message");
        self.0.suspend(|| {
            output::say(format!(
                "waiting   {messages} in the queues; are a transformer, a loader and an alerter running?"
            ));
        });
    }

    fn is_away(&self, error: &dyn Display) {
        self.0.suspend(|| output::say(format!("waiting   {error}")));
    }
}
