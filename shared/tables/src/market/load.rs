//! Loading a chunk of a kind: what is newer is written, what the table refuses is set aside, and the ledger gets its line.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use domain::{BatchId, MarketChunk, Record, timestamp};
use ports::{Loaded, Refused, StoreError};

use super::statements::{MarketStatements, Sql};
use super::table::{insert, select};
use super::values::{Held, coin_id, key, row, says_the_same};

/// Rows of a full statement. Those of a list are many and small; others are few, and each may hold long JSON.
const ROWS: usize = 250;

/// A chunk to load.
#[derive(Clone, Copy, Debug)]
pub struct MarketLoad<'a> {
    chunk: &'a MarketChunk,
    now: DateTime<Utc>,
}

impl<'a> MarketLoad<'a> {
    /// Of `chunk`, at `now`.
    pub fn of(chunk: &'a MarketChunk, now: DateTime<Utc>) -> Self {
        Self { chunk, now }
    }

    /// The rows of the chunk and its row in the ledger, unless its batch was dropped; what became of them. `None` when it is of the other kind of data than what
    /// is there, simulated or real.
    ///
    /// # Errors
    ///
    /// The error of a statement, unless it is a [refusal](crate::load::statements::Statements::refusal). The caller has to roll back then.
    pub async fn run<S: MarketStatements>(&self, statements: &mut S) -> Result<Option<Loaded>, S::Error> {
        if !statements.admit(self.chunk.head.page.simulated).await? {
            return Ok(None);
        }
        let numbers = statements.batch_numbers(&[self.batch()]).await?;
        if numbers.iter().any(|batch| batch.is_dropped) {
            return Ok(Some(Loaded { is_dropped: true, ..Loaded::default() }));
        }
        let records = self.records();
        let most = if self.chunk.kind.is_list() { ROWS } else { 1 };
        let mut pending: Vec<_> = records.chunks(most).rev().collect();
        let mut loaded = Loaded::default();
        while let Some(part) = pending.pop() {
            statements.execute("SAVEPOINT part").await?;
            match self.write(statements, part, most).await {
                Ok(written) => loaded.add(written),
                Err(error) => {
                    let Some(reason) = S::refusal(&error) else { return Err(error) };
                    statements.execute("ROLLBACK TO SAVEPOINT part").await?;
                    if let [record] = part {
                        let coin_id = coin_id(self.chunk.kind, record);
                        loaded.refused.push(Refused { coin_id, reason });
                    } else {
                        let (first, second) = part.split_at(part.len() / 2);
                        pending.extend([second, first]);
                    }
                }
            }
            statements.execute("RELEASE SAVEPOINT part").await?;
        }
        statements.record(&self.chunk.head, &loaded, self.now).await?;
        Ok(Some(loaded))
    }

    /// The batch that the chunk is of.
    pub fn batch(&self) -> &'a BatchId {
        &self.chunk.head.page.batch
    }

    /// What callers are told when it is of the other kind of data.
    pub fn mixed(&self) -> StoreError {
        StoreError::Mixed { simulated: self.chunk.head.page.simulated }
    }

    /// By key, in the order in which all lock; of one key the first.
    fn records(&self) -> Vec<&'a Record> {
        let mut records: Vec<_> = self.chunk.records.iter().collect();
        records.sort_by(|one, other| one.order(other, self.chunk.kind));
        records.dedup_by(|next, first| first.order(next, self.chunk.kind).is_eq());
        records
    }

    /// Writes all of `records`, or fails. A statement is for one row or for `most`, so that there are few to be prepared: the last row is
    /// repeated, which changes nothing.
    async fn write<S: MarketStatements>(
        &self,
        statements: &mut S,
        records: &[&Record],
        most: usize,
    ) -> Result<Loaded, S::Error> {
        let kind = self.chunk.kind;
        let rows = if records.len() == 1 { 1 } else { most };
        let filled = || records.iter().chain(records.last().into_iter().cycle()).take(rows);
        let keys = filled().flat_map(|record| key(kind, record)).collect();
        let found = statements.held(Sql { text: select(kind, rows), values: keys }, kind).await?;
        let values = filled().flat_map(|record| row(self.chunk, record)).collect();
        let text = insert::<S>(kind, rows, self.chunk.head.is_rebuild());
        statements.run(Sql { text, values }).await?;
        Ok(self.judge(records, found))
    }

    /// What `records` count as, beside what the table held.
    fn judge(&self, records: &[&Record], mut found: Vec<Held>) -> Loaded {
        let kind = self.chunk.kind;
        let fetched_at = timestamp::to_millis(self.chunk.head.page.fetched_at);
        found.sort_by(|one, other| one.record.order(&other.record, kind));
        let mut loaded = Loaded::default();
        for record in records {
            let place = found.binary_search_by(|held| held.record.order(record, kind));
            let Ok(held) = place.map(|place| &found[place]) else {
                loaded.written += 1;
                continue;
            };
            let is_rebuilt = self.chunk.head.is_rebuild() && fetched_at == held.fetched_at;
            if says_the_same(kind, record, &held.record) {
                loaded.unchanged += 1;
            } else {
                match fetched_at.cmp(&held.fetched_at) {
                    Ordering::Less => loaded.stale += 1,
                    Ordering::Equal if !is_rebuilt => loaded.unchanged += 1,
                    Ordering::Equal | Ordering::Greater => loaded.written += 1,
                }
            }
        }
        loaded
    }
}
