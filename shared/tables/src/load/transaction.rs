//! Loading chunks: judge each quote against the table, write what is new, and set aside what the tables refuse.
//!
//! What the chunks say is brought down to one row for each key in memory, so the number of statements does not grow with the
//! number of chunks.

use chrono::{DateTime, Utc};
use domain::Chunk;
use ports::{Loaded, Refused, StoreError};

use super::coins::{Changes, SeenCoin, changes, seen};
use super::loading::Loading;
use super::quotes::{Judged, history, judge};
use super::statements::{Rows, Statements};
use super::stored::{Found, Stored};
use super::{BatchNumber, LoadRow, Split, read, rows};
use crate::told;

/// Chunks that are loaded in one transaction.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    chunks: &'a [&'a Chunk],
    /// Whether a simulator made them up, as of the first.
    simulated: bool,
    now: DateTime<Utc>,
}

impl<'a> Load<'a> {
    /// Of `chunks`, all of the same kind, at `now`; `None` when there are none.
    pub fn of(chunks: &'a [&'a Chunk], now: DateTime<Utc>) -> Option<Self> {
        let simulated = chunks.first()?.page.simulated;
        Some(Self { chunks, simulated, now })
    }

    /// The rows of the chunks and their rows in the ledger; what became of each chunk. `None` when they are of the other kind
    /// than what is there.
    ///
    /// # Errors
    ///
    /// The error of a statement, unless it is a [refusal](Statements::refusal). The caller has to roll back then.
    pub async fn run<S: Statements>(&self, statements: &mut S) -> Result<Option<Vec<Loaded>>, S::Error> {
        if !statements.admit(self.simulated).await? {
            return Ok(None);
        }
        let all = load_rows(statements, self.chunks).await?;
        for (chunk, loaded) in self.chunks.iter().zip(&all).filter(|(_, loaded)| !loaded.is_dropped) {
            statements.record(chunk, loaded, self.now).await?;
        }
        Ok(Some(all))
    }

    /// What callers are told when they are of the other kind.
    pub fn mixed(&self) -> StoreError {
        StoreError::Mixed { simulated: self.simulated }
    }
}

/// Loads the rows of `chunks`; what became of each chunk.
///
/// Rows the database refuses are found by halving: what is refused as a whole is rolled back, and its halves are tried one after
/// the other, down to a single quote.
async fn load_rows<S: Statements>(statements: &mut S, chunks: &[&Chunk]) -> Result<Vec<Loaded>, S::Error> {
    let batches: Vec<_> = chunks.iter().map(|chunk| &chunk.page.batch).collect();
    let numbers = statements.batch_numbers(&batches).await?;
    let none = |batch: &BatchNumber| Loaded { is_dropped: batch.is_dropped, ..Loaded::default() };
    let mut loaded: Vec<_> = numbers.iter().map(none).collect();
    let rows = fitting::<S>(rows(chunks, &numbers), &mut loaded);
    let mut loading = Loading::new(&rows, loaded);
    while let Some(part) = loading.next() {
        statements.execute("SAVEPOINT part").await?;
        match write_part(statements, loading.chunks(), part).await {
            Ok(judged) => loading.written(judged),
            Err(error) => {
                let Some(reason) = S::refusal(&error) else { return Err(error) };
                statements.execute("ROLLBACK TO SAVEPOINT part").await?;
                loading.refused(part, reason);
            }
        }
        // It stays after it was rolled back to.
        statements.execute("RELEASE SAVEPOINT part").await?;
    }
    Ok(loading.loaded())
}

/// `rows` without those that the tables cannot hold as they are, which are added to what was refused of their chunk.
fn fitting<'a, S: Statements>(mut rows: Vec<LoadRow<'a>>, loaded: &mut [Loaded]) -> Vec<LoadRow<'a>> {
    rows.retain(|row| {
        let refused = S::misfit(row).map(|reason| Refused { coin_id: row.coin.id, reason });
        let fits = refused.is_none();
        loaded[row.chunk].refused.extend(refused);
        fits
    });
    rows
}

/// Writes all of `rows`, or fails; what their quotes count as, for each of the chunks.
///
async fn write_part<S: Statements>(
    statements: &mut S,
    chunks: usize,
    rows: &[LoadRow<'_>],
) -> Result<Vec<Loaded>, S::Error> {
    let seen = seen(rows);
    let Stored { known, latest: mut held } = write_history(statements, &seen.coins, rows).await?;
    let equal: Vec<u32> = held.coins_to_compare(rows).into_iter().collect();
    let mut whole = Vec::with_capacity(equal.len());
    for found in statements.of_coins(&read::latest(), &equal).await? {
        S::read(&found, read::held_whole, &mut whole)?;
    }
    held.extend(whole);
    let Judged { latest, newest_fetches, loaded } = judge(rows, &held, chunks);
    let before = |id| held.newest_fetch(id);
    let after = |id| newest_fetches.get(&id).copied();
    write_coins(statements, &changes(&seen, &known, before, after, S::identity_key)).await?;
    insert(statements, &latest, Rows::Latest).await?;
    Ok(loaded)
}

/// Writes the history, and reads what the tables hold of the coins that were `seen`, which it locks.
///
/// The history needs no lock: its statements compare by themselves. Where others may load meanwhile it therefore comes first, beside
/// what a load before this one does with the coins. Otherwise what the tables hold is read while the history is written.
async fn write_history<S: Statements>(
    statements: &mut S,
    seen: &[SeenCoin<'_>],
    rows: &[LoadRow<'_>],
) -> Result<Stored<S::IdentityKey>, S::Error> {
    let history = history(rows);
    if S::SIDE_BY_SIDE {
        insert(statements, &history, Rows::History).await?;
        drop(history);
        statements.before_coins().await;
        return Stored::read::<S>(Found::lock(statements, seen).await?).await;
    }
    let found = Found::lock(statements, seen).await?;
    let written = insert(statements, &history, Rows::History);
    let (written, stored) = tokio::join!(biased; written, Stored::read::<S>(found));
    written.and(stored)
}

/// Writes what is new of the coins, before their newest quotes are written.
async fn write_coins<S: Statements>(statements: &mut S, changes: &Changes<'_>) -> Result<(), S::Error> {
    let Changes { untold, write, names, seen_again } = changes;
    for sql in [told::descriptions, told::names] {
        statements.update(sql, None, untold).await?;
    }
    insert(statements, write, Rows::Coins).await?;
    statements.insert(Rows::Identities(names), false).await?;
    let seen_coins = |ids: &str| format!("UPDATE coin_descriptions SET last_seen_at = ? WHERE id IN ({ids})");
    for (at, ids) in seen_again {
        statements.update(seen_coins, Some(*at), ids).await?;
    }
    Ok(())
}

/// Inserts what is new, and what was rebuilt, into the table of `rows`.
async fn insert<'r, 'a, S: Statements, T: Sync>(
    statements: &mut S,
    split: &'r Split<T>,
    rows: fn(&'r [T]) -> Rows<'r, 'a>,
) -> Result<(), S::Error> {
    statements.insert(rows(&split.new), false).await?;
    statements.insert(rows(&split.rebuilt), true).await
}
