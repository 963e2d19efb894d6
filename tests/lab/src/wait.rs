//! Waiting for a level: the only place of this crate that looks at a clock.

use std::time::{Duration, Instant};

/// How long anything may take. Long, because a loaded machine is slow; only failures wait this long.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// How often the condition is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// An instant in the future.
pub(crate) struct Deadline(Instant);

impl Deadline {
    #[expect(clippy::disallowed_methods, reason = "servers and sockets live in the machine's own time")]
    pub(crate) fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    #[expect(clippy::disallowed_methods, reason = "servers and sockets live in the machine's own time")]
    pub(crate) fn left(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// Looks until `seen` gives something, for at most `duration`.
pub(crate) fn poll<T>(duration: Duration, mut seen: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Deadline::after(duration);
    loop {
        // Once more after the deadline: a machine that slept is not a failure.
        let last = deadline.left().is_zero();
        if let Some(found) = seen() {
            return Some(found);
        }
        if last {
            return None;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Waits until `level` is true; panics with `what` after [`DEADLINE`].
///
/// ```
/// let proxy = lab::Proxy::start("127.0.0.1:5672").unwrap();
/// lab::wait_until("nobody is connected", || proxy.live() == 0);
/// ```
#[track_caller]
pub fn wait_until(what: &str, level: impl FnMut() -> bool) {
    wait_until_or_tell(level, || what.to_owned());
}

/// The same, where `tell` says after the deadline what there is instead.
#[track_caller]
pub fn wait_until_or_tell(mut level: impl FnMut() -> bool, tell: impl FnOnce() -> String) {
    let came = poll(DEADLINE, || level().then_some(())).is_some();
    assert!(came, "not within {DEADLINE:?}: {}", tell());
}
