//! Processes in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::timestamp::to_millis;
use ports::store::{ProcessRecord, Processes, StoreError};

use super::MemoryStore;

#[async_trait]
impl Processes for MemoryStore {
    async fn note_process(&self, process: &ProcessRecord) -> Result<(), StoreError> {
        let mut state = self.state()?;
        let noted = state
            .processes
            .entry(process.id.clone())
            .or_insert_with(|| ProcessRecord { since: to_millis(process.since), ..process.clone() });
        noted.seen_at = to_millis(process.seen_at);
        noted.asked_at = process.asked_at.map(to_millis);
        noted.ended_at = process.ended_at.map(to_millis);
        noted.rates.clone_from(&process.rates);
        Ok(())
    }

    async fn processes(&self, since: DateTime<Utc>, limit: u32) -> Result<Vec<ProcessRecord>, StoreError> {
        let state = self.state()?;
        let mut processes: Vec<_> =
            state.processes.values().filter(|process| process.seen_at >= since).cloned().collect();
        processes.sort_by(|one, other| (other.since, &other.id).cmp(&(one.since, &one.id)));
        processes.truncate(limit as usize);
        Ok(processes)
    }

    async fn forget_processes(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.state()?;
        let mut old: Vec<_> =
            state.processes.values().filter(|process| process.seen_at < before).cloned().collect();
        old.sort_by_key(|process| process.seen_at);
        old.truncate(limit as usize);
        for process in &old {
            state.processes.remove(&process.id);
        }
        Ok(old.len() as u64)
    }
}
