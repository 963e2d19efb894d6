//! Which processes there are: each that opened the store says from time to time that it lives.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::StageName;

use super::StoreError;

/// How often a process says that it lives.
pub const ALIVE_EVERY: TimeDelta = TimeDelta::seconds(15);

/// A process that has said nothing for so long is gone: two times that it may have missed, and a clock that is a little off.
pub const GONE_AFTER: TimeDelta = TimeDelta::seconds(45);

/// A process, as it last told of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRecord {
    /// Made at random when it starts: one that starts again is another.
    pub id: String,
    /// The stages that it runs.
    pub roles: Vec<StageName>,
    /// Version of the program.
    pub version: String,
    /// Name of its machine, or of its container.
    pub host: String,
    /// Its number there.
    pub pid: u32,
    /// When it started.
    pub since: DateTime<Utc>,
    /// When it last said that it lives.
    pub seen_at: DateTime<Utc>,
    /// When it was asked to stop; `None` until then.
    pub asked_at: Option<DateTime<Utc>>,
    /// When it said that it ends. One that was killed did not.
    pub ended_at: Option<DateTime<Utc>>,
    /// What it did in the minute before it was last seen.
    pub rates: Vec<StageRate>,
}

/// What a stage of a process did in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageRate {
    /// The stage.
    pub stage: StageName,
    /// Messages that it finished, whether handled or dead; that a fetcher published.
    pub messages: u64,
    /// Rows in them, as far as the stage counts rows.
    pub rows: u64,
}

/// How a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It lives.
    Running,
    /// It was asked to stop, and finishes what is in flight.
    Stopping,
    /// It ended because it was asked to.
    Stopped,
    /// It ended by itself, or says nothing any more: it was killed, it crashed, its machine is off, or it does not reach the store.
    Gone,
}

impl ProcessRecord {
    /// How it is at `now`, as far as it said.
    pub fn life(&self, now: DateTime<Utc>) -> Life {
        let is_silent = now.signed_duration_since(self.seen_at) >= GONE_AFTER;
        match (self.asked_at, self.ended_at) {
            (Some(_), Some(_)) => Life::Stopped,
            (None, Some(_)) => Life::Gone,
            // Who was asked to stop and was killed then did what it was asked for.
            (Some(_), None) => {
                if is_silent {
                    Life::Stopped
                } else {
                    Life::Stopping
                }
            }
            (None, None) => {
                if is_silent {
                    Life::Gone
                } else {
                    Life::Running
                }
            }
        }
    }
}

/// The processes that opened the store for work. Commands that end by themselves are not among them.
#[async_trait]
pub trait Processes: Send + Sync + 'static {
    /// Notes how `process` is. A repeat replaces what it said before, but for what it is and when it started. One small
    /// transaction.
    async fn note_process(&self, process: &ProcessRecord) -> Result<(), StoreError>;

    /// Those that were seen at `since` or later, the `limit` newest: by their start, newest first.
    async fn processes(&self, since: DateTime<Utc>, limit: u32) -> Result<Vec<ProcessRecord>, StoreError>;

    /// Deletes up to `limit` that were last seen before `before`, and says how many.
    async fn forget_processes(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_nothing_is_gone_unless_it_was_asked_to_stop() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        let check = |silent: i64, was_asked: bool, has_ended: bool, life: Life| {
            let seen_at = now - TimeDelta::seconds(silent);
            let process = ProcessRecord {
                id: "a".to_owned(),
                roles: StageName::ALL.to_vec(),
                version: "1".to_owned(),
                host: "h".to_owned(),
                pid: 1,
                since: DateTime::UNIX_EPOCH,
                seen_at,
                asked_at: was_asked.then_some(seen_at),
                ended_at: has_ended.then_some(seen_at),
                rates: Vec::new(),
            };
            assert_eq!(process.life(now), life, "{silent} s, asked {was_asked}, ended {has_ended}");
        };
        check(44, false, false, Life::Running);
        check(45, false, false, Life::Gone);
        check(44, true, false, Life::Stopping);
        check(45, true, false, Life::Stopped);
        check(0, true, true, Life::Stopped);
        check(0, false, true, Life::Gone);
        // The clock of its machine is ahead.
        check(-3600, false, false, Life::Running);
    }
}
