//! What a server had begun when it ended is written down by those that live: nobody does the rest by itself.
//!
//! Servers are told apart by the id that each process has in the store. Only what belongs to one that is known to be gone is ended.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ports::store::Life;
use ports::{Clock, StoreError};
use service::Stores;
use tracing::{debug, info};

/// Actions that are looked at.
const NEWEST: u32 = 500;
/// Processes that are looked at.
const PROCESSES: u32 = 1000;
/// How often it is looked: a process is known to be gone some time after it ended.
const EVERY: Duration = Duration::from_mins(1);
/// An action of a process that the store knows nothing of is that of one that was forgotten, or killed before it could say that it
/// lives, when it is as old as this: who lives says so four times a minute.
const FORGOTTEN: TimeDelta = TimeDelta::minutes(10);

/// What the record says then.
const ENDED: &str = "the server ended before it was done; nothing is lost, and the same action does the rest";

/// Recovers from time to time, for as long as it is polled.
pub(crate) async fn keep_recovering(stores: &Stores, clock: &dyn Clock) {
    loop {
        if let Err(error) = recover(stores, clock.now()).await {
            debug!(%error, "what servers had begun that are gone is not ended in the record for now");
        }
        clock.sleep(EVERY).await;
    }
}

/// Ends the records of actions without an end that were begun by processes that are gone `now`.
pub(crate) async fn recover(stores: &Stores, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let mut open = stores.desk.actions(NEWEST).await?;
    open.retain(|logged| logged.outcome.is_none() && logged.action.who.contains(VIA));
    if open.is_empty() {
        return Ok(0);
    }
    let processes = stores.processes.processes(DateTime::UNIX_EPOCH, PROCESSES).await?;
    let mut ended = 0;
    for logged in open {
        let (_, id) = logged.action.who.rsplit_once('/').unwrap_or_default();
        let process = processes.iter().find(|process| process.id == id);
        let is_gone = match process {
            Some(process) => matches!(process.life(now), Life::Stopped | Life::Gone),
            None => now - logged.at >= FORGOTTEN,
        };
        if is_gone {
            stores.desk.note(&logged.action.id, logged.done, Some(ENDED)).await?;
            info!(action = logged.action.id, "an action of the site was not done when its server ended");
            ended += 1;
        }
    }
    Ok(ended)
}

const VIA: &str = " via ";

/// What the name of whoever acts on the server `name` ends with.
pub(crate) fn via(name: &str) -> String {
    format!("{VIA}{name}")
}

/// The name of the server that is the process `id`.
pub(crate) fn server_name(id: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "unknown" } else { host.trim() };
    format!("{}/{id}", domain::one_line(host, 60))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use desk::{Acting, Verb};
    use ports::Clock;
    use ports::store::{LetterFilter, ProcessRecord};
    use testkit::clock::ManualClock;
    use testkit::memory::MemoryStore;

    use super::*;

    fn process(id: &str, seen_at: DateTime<Utc>, ended_at: Option<DateTime<Utc>>) -> ProcessRecord {
        ProcessRecord {
            id: id.to_owned(),
            roles: Vec::new(),
            version: "1".to_owned(),
            host: "one".to_owned(),
            pid: 1,
            since: seen_at,
            seen_at,
            asked_at: None,
            ended_at,
            rates: Vec::new(),
        }
    }

    /// Two on one machine that listen at the same address are two.
    #[tokio::test]
    async fn only_what_processes_that_are_gone_had_begun_is_ended() {
        let clock = ManualClock::default();
        let stores = Stores::of(Arc::new(MemoryStore::new(Arc::new(clock.clone()))));
        let now = clock.now();
        for process in [
            process("lives", now, None),
            process("killed", now - TimeDelta::minutes(1), None),
            process("ended", now, Some(now)),
        ] {
            stores.processes.note_process(&process).await.unwrap();
        }
        for who in ["a via one/lives", "b via one/killed", "c via one/ended", "d via one/unknown", "e@one"] {
            let planned = Acting::plan(&stores, LetterFilter::default(), Verb::Replay, who, now);
            let acting = planned.await.unwrap();
            acting.begin(&stores).await.unwrap();
            acting.note(&stores, 3).await.unwrap();
        }
        assert_eq!(recover(&stores, now).await.unwrap(), 2);
        assert_eq!(recover(&stores, now).await.unwrap(), 0, "once");
        let mut ended = stores.desk.actions(9).await.unwrap();
        ended.retain(|logged| logged.outcome.is_some());
        ended.sort_by_key(|logged| logged.action.who.clone());
        let whose: Vec<_> = ended.iter().map(|logged| (logged.action.who.as_str(), logged.done)).collect();
        assert_eq!(whose, [("b via one/killed", 3), ("c via one/ended", 3)]);
        assert!(ended[0].outcome.as_deref().is_some_and(|outcome| outcome.contains("nothing is lost")));
        // Nobody who lives is silent for so long, so who never said anything was killed first; the living one would have said so.
        clock.advance(Duration::from_mins(10));
        let now = clock.now();
        stores.processes.note_process(&process("lives", now, None)).await.unwrap();
        assert_eq!(recover(&stores, now).await.unwrap(), 1, "the unknown one");
    }
}
