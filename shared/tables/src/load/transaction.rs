//! Loading chunks: judge each quote against the table, write what is new, and set aside what the tables refuse.
//!
//! What the chunks say is brought down to one row for each key in memory, so the number of statements does not grow with the
//! number of chunks.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::Chunk;
use ports::{Loaded, Refused, StoreError};

use super::coins::{Changes, IdentityChanges, SeenIdentity, changes, identity_changes, seen};
use super::loading::Loading;
use super::quotes::{Held, Judged, judge};
use super::statements::{OfCoins, Rows, Statements};
use super::{LoadRow, Split, read, rows};

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
        for (chunk, loaded) in self.chunks.iter().zip(&all) {
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
    let mut loaded = vec![Loaded::default(); chunks.len()];
    let batches: Vec<_> = chunks.iter().map(|chunk| &chunk.page.batch).collect();
    let numbers = statements.batch_numbers(&batches).await?;
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
async fn write_part<S: Statements>(
    statements: &mut S,
    chunks: usize,
    rows: &[LoadRow<'_>],
) -> Result<Vec<Loaded>, S::Error> {
    let ids = write_coins(statements, rows).await?;
    let mut held = Held::default();
    held.extend(statements.of_coins(&read::latest_keys(), &ids, read::held).await?);
    let equal: Vec<u32> = held.coins_to_compare(rows).into_iter().collect();
    held.extend(statements.of_coins(&read::latest(), &equal, read::held_whole).await?);
    let Judged { latest, history, loaded } = judge(rows, &held, chunks);
    insert(statements, &history, Rows::History).await?;
    insert(statements, &latest, Rows::Latest).await?;
    Ok(loaded)
}

/// Locks the coins of `rows`, and writes of them, and of their identities, what is new. Gives their ids.
async fn write_coins<S: Statements>(statements: &mut S, rows: &[LoadRow<'_>]) -> Result<Vec<u32>, S::Error> {
    let (coins, identities) = seen(rows);
    let ids: Vec<u32> = coins.iter().map(|seen| seen.coin.id).collect();
    let known = statements
        .of_coins(&read::coins().locked(S::COINS_LOCK), &ids, read::coin)
        .await?
        .into_iter()
        .collect();
    let Changes { write, seen_again } = changes(coins, &known);
    insert(statements, &write, Rows::Coins).await?;
    let seen_coins = |ids: &str| format!("UPDATE coins SET last_seen_at = ? WHERE id IN ({ids})");
    set_seen(statements, seen_coins, &seen_again).await?;
    write_identities(statements, &ids, identities).await?;
    Ok(ids)
}

/// Writes what is new of the identities of the coins `ids`, which are locked.
async fn write_identities<S: Statements>(
    statements: &mut S,
    ids: &[u32],
    identities: Vec<SeenIdentity<'_>>,
) -> Result<(), S::Error> {
    let known = statements
        .of_coins(&read::identities(S::IDENTITY_COLUMNS), ids, S::known_identity)
        .await?
        .into_iter()
        .collect();
    let key = |coin: &domain::Coin| (coin.id, S::identity_key(coin));
    let IdentityChanges { seen_again, write } = identity_changes(identities, &known, key);
    let seen_identities =
        |ids: &str| format!("UPDATE coin_identities SET last_seen_at = ? WHERE coin_id IN ({ids})");
    set_seen(statements, seen_identities, &seen_again).await?;
    statements.insert(Rows::Identities(&write), false).await
}

/// Sets when the rows of these coins were seen last.
async fn set_seen<S: Statements>(
    statements: &mut S,
    sql: OfCoins,
    seen: &BTreeMap<DateTime<Utc>, Vec<u32>>,
) -> Result<(), S::Error> {
    for (at, ids) in seen {
        statements.set_seen(sql, *at, ids).await?;
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
