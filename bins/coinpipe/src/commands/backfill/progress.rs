//! How far a backfill is, for the person who waits for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fetcher::{ProgressObserver, Step};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output;

/// A bar on a terminal; elsewhere a line for each new step.
pub(super) struct Progress {
    bar: ProgressBar,
    last: Mutex<String>,
    slots: u64,
}

impl Progress {
    /// Of so many `slots`.
    pub(super) fn start(slots: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(slots), ProgressDrawTarget::stderr());
        let template = "{wide_bar} {pos}/{len} slots, {msg} [{elapsed}, {eta} left]";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if slots > 0 {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar, last: Mutex::default(), slots }
    }

    /// So many slots are in the queue.
    pub(super) fn fetched(&self, slots: u64) {
        self.bar.set_position(slots);
        if self.bar.is_hidden() {
            output::say(format!("fetched   {slots} of {} slots", self.slots));
        }
    }

    /// What is done now.
    pub(super) fn show(&self, step: &str) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != step {
            step.clone_into(&mut last);
            self.bar.set_message(step.to_owned());
            if self.bar.is_hidden() {
                output::say(step);
            }
        }
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl ProgressObserver for Progress {
    fn step(&self, step: Step<'_>) {
        match step {
            // There is one for each hundred coins.
            Step::Fetching { .. } | Step::Received { .. } => self.bar.set_message("fetching"),
            Step::Waiting { .. } | Step::Published { .. } => self.show(&step.to_string()),
        }
    }
}
