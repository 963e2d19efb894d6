//! Loading chunks: judge each quote against the table, write what is new, and set aside what the tables refuse.
//!
//! What the chunks say is brought down to one row for each key in memory, so the number of statements does not grow with the
//! number of chunks.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Chunk, Coin};
use ports::{Loaded, Refused, StoreError};

use super::coins::{
    Changes, IdentityChanges, Known, SeenCoin, SeenIdentity, changes, identity_changes, seen,
};
use super::loading::Loading;
use super::quotes::{Judged, history, judge};
use super::statements::{OfCoins, Rows, Statements};
use super::stored::{Found, Stored};
use super::{BatchNumber, LoadRow, Split, read, rows};

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
/// What the tables hold is read while the server is busy with the history, which needs none of it.
async fn write_part<S: Statements>(
    statements: &mut S,
    chunks: usize,
    rows: &[LoadRow<'_>],
) -> Result<Vec<Loaded>, S::Error> {
    let (coins, identities) = seen(rows);
    let found = Found::lock(statements, &coins).await?;
    let history = history(rows);
    let written = insert(statements, &history, Rows::History);
    let (written, stored) = tokio::join!(biased; written, Stored::read::<S>(&found));
    written?;
    let Stored { coins: known, identities: known_identities, latest: mut held } = stored?;
    write_coins(statements, coins, &known).await?;
    write_identities(statements, identities, &known_identities).await?;
    let equal: Vec<u32> = held.coins_to_compare(rows).into_iter().collect();
    let mut whole = Vec::with_capacity(equal.len());
    for found in statements.of_coins(&read::latest(), &equal).await? {
        S::read(&found, read::held_whole, &mut whole)?;
    }
    held.extend(whole);
    let Judged { latest, loaded } = judge(rows, &held, chunks);
    insert(statements, &latest, Rows::Latest).await?;
    Ok(loaded)
}

/// Writes what is new of the coins, of which the table holds what is `known`.
async fn write_coins<S: Statements>(
    statements: &mut S,
    coins: Vec<SeenCoin<'_>>,
    known: &BTreeMap<u32, Known<Coin>>,
) -> Result<(), S::Error> {
    let Changes { write, seen_again } = changes(coins, known);
    insert(statements, &write, Rows::Coins).await?;
    let seen_coins = |ids: &str| format!("UPDATE coins SET last_seen_at = ? WHERE id IN ({ids})");
    set_seen(statements, seen_coins, &seen_again).await
}

/// Writes what is new of the identities, of which the table holds what is `known`.
async fn write_identities<S: Statements>(
    statements: &mut S,
    identities: Vec<SeenIdentity<'_>>,
    known: &BTreeMap<(u32, S::IdentityKey), Known<()>>,
) -> Result<(), S::Error> {
    let key = |coin: &Coin| (coin.id, S::identity_key(coin));
    let IdentityChanges { seen_again, write } = identity_changes(identities, known, key);
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
