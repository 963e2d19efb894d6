//! A process that starts again and again, and nobody asks it to: it crashes, runs out of memory, or ends by itself.
//!
//! A start counts as unasked when it follows one of the same stages on the same machine, or container, that is gone without having been
//! asked to stop. What follows what makes a chain, so that many workers that are lost at once, and begun again, are many short chains,
//! and one that cannot live is a long one. Those that were asked to stop, as in a deployment, are in none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use config::Restarts;
use domain::{StageName, one_line, timestamp};
use ports::StoreError;
use ports::store::{Life, ProcessRecord, Processes};

use super::{Condition, Finding, Look};

/// As many processes are read: what starts twice a second for a quarter of an hour.
const MOST: u32 = 2000;

/// The longest name of a machine in what is said, in characters.
const NAME: usize = 100;

pub(super) struct AgainAndAgain {
    processes: Arc<dyn Processes>,
    limit: Restarts,
}

/// The longest chain of a machine's processes of the same stages.
struct Chain<'a> {
    newest: &'a ProcessRecord,
    restarts: u32,
}

impl AgainAndAgain {
    /// Tells of a process that started as often as `limit` says.
    pub(super) fn new(processes: Arc<dyn Processes>, limit: Restarts) -> Self {
        Self { processes, limit }
    }
}

#[async_trait]
impl Condition for AgainAndAgain {
    fn code(&self) -> &'static str {
        "process_restarts"
    }

    fn end(&self) -> &'static str {
        "no process starts again unasked"
    }

    async fn look(&self, now: DateTime<Utc>) -> Result<Look, StoreError> {
        let Some((most, within)) = self.limit.limit() else { return Ok(Look::Fine) };
        let from = now.checked_sub_signed(TimeDelta::from_std(within).unwrap_or(TimeDelta::MAX));
        let from = from.unwrap_or(DateTime::UNIX_EPOCH);
        let processes = self.processes.processes(from, MOST).await?;
        let mut chains = chains(&processes, from, now);
        chains.sort_by_key(|chain| std::cmp::Reverse(chain.restarts));
        // One that is as it was a while ago may still be waited for by what starts it, ever longer.
        Ok(match chains.first() {
            None => Look::Fine,
            Some(worst) if worst.restarts < most => Look::Unsure,
            Some(worst) => {
                let others = chains.iter().filter(|chain| chain.restarts >= most).count() - 1;
                Look::Wrong(finding(worst, others, within, now))
            }
        })
    }
}

/// Of each machine and stages, the longest chain of those that started after `from`; of such that are longer than one start.
fn chains(processes: &[ProcessRecord], from: DateTime<Utc>, now: DateTime<Utc>) -> Vec<Chain<'_>> {
    let mut alike = BTreeMap::<(&str, &[StageName]), Vec<&ProcessRecord>>::new();
    for process in processes {
        alike.entry((&process.host, &process.roles)).or_default().push(process);
    }
    let longest = alike.into_values().filter_map(|mut alike| {
        alike.sort_by_key(|process| (process.since, process.seen_at));
        // Those that are gone and that none follows yet, with the length of their chains.
        let mut ended: Vec<(&ProcessRecord, u32)> = Vec::new();
        let mut longest: Option<Chain<'_>> = None;
        for process in alike {
            let before = ended.iter().enumerate().filter(|(_, (gone, _))| gone.seen_at <= process.since);
            let newest = before.max_by_key(|(_, (gone, _))| gone.seen_at).map(|(index, _)| index);
            let restarts =
                newest.map_or(0, |index| ended.swap_remove(index).1 + u32::from(process.since >= from));
            if restarts > longest.as_ref().map_or(0, |longest| longest.restarts) {
                longest = Some(Chain { newest: process, restarts });
            }
            if process.life(now) == Life::Gone {
                ended.push((process, restarts));
            }
        }
        longest
    });
    longest.collect()
}

fn finding(worst: &Chain<'_>, others: usize, within: Duration, now: DateTime<Utc>) -> Finding {
    let Chain { newest, restarts } = worst;
    let what = match &newest.roles[..] {
        [stage] => stage.to_string(),
        _ => "coinpipe".to_owned(),
    };
    let host = one_line(&newest.host, NAME);
    let others = match others {
        0 => String::new(),
        1 => "; another one does so, too".to_owned(),
        others => format!("; {others} others do so, too"),
    };
    Finding {
        // Whoever resolved it by hand is told again the next day.
        occasion: format!("{host}/{what}/{}", now.date_naive()),
        reason: format!(
            "a process starts again and again: {what} on {host} did so {restarts} times in {} without being asked to stop, last at \
             {}{others}; its log says why, or who runs it: systemd, Docker or Kubernetes [alert.restarts]",
            humantime::format_duration(within),
            timestamp::to_text(newest.since),
        ),
    }
}

#[cfg(test)]
mod tests;
