//! Progress of a snapshot, for the person who waits for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output;

/// Progress on stderr: a spinner on a terminal, a line for each new step elsewhere.
pub(super) struct Progress {
    bar: ProgressBar,
    last: Mutex<String>,
    has_received: AtomicBool,
}

impl Progress {
    pub(super) fn start() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} [{elapsed}]") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, last: Mutex::default(), has_received: AtomicBool::new(false) }
    }

    pub(super) fn show(&self, step: &str) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == step {
            return;
        }
        step.clone_into(&mut last);
        if self.bar.is_hidden() {
            output::say(step);
        } else {
            self.bar.set_message(domain::one_line(step, 500));
        }
    }

    /// Whether a page of the snapshot has arrived.
    pub(super) fn has_received(&self) -> bool {
        self.has_received.load(Ordering::Relaxed)
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl fetcher::ProgressObserver for Progress {
    fn step(&self, step: fetcher::Step<'_>) {
        if let fetcher::Step::Received { .. } = step {
            self.has_received.store(true, Ordering::Relaxed);
        }
        self.show(&step.to_string());
    }
}
