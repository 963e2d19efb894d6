//! How long something has been so, as far as anybody looked.

use chrono::{DateTime, TimeDelta, Utc};

/// A look counts for no more than this: a machine that slept, or a process that was stopped, has seen nothing meanwhile.
const LONGEST_LOOK: TimeDelta = TimeDelta::seconds(30);

/// What was so at each look since one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    since: DateTime<Utc>,
    newest: DateTime<Utc>,
    time: TimeDelta,
}

impl Watched {
    /// It is so for the first time.
    pub(super) fn begin(now: DateTime<Utc>) -> Self {
        Self { since: now, newest: now, time: TimeDelta::zero() }
    }

    /// It is still so.
    pub(super) fn go_on(self, now: DateTime<Utc>) -> Self {
        let passed = (now - self.newest).clamp(TimeDelta::zero(), LONGEST_LOOK);
        Self { newest: now, time: self.time + passed, ..self }
    }

    /// When the first look was.
    pub(super) fn since(self) -> DateTime<Utc> {
        self.since
    }

    /// How long it was watched.
    pub(super) fn time(self) -> TimeDelta {
        self.time
    }
}
