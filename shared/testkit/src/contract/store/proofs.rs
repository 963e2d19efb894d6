//! What [`Proofs`] promises: all that is there, and nothing else.

use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk};

use super::StoreLab;
use super::rows::numbered_chunks;
use super::sample::{at, batch};
use crate::tables::QuoteEntry;
use ports::store::{LedgerLine, Proofs, QuoteKey, Store};

fn keys<'a>(entries: impl IntoIterator<Item = &'a QuoteEntry>) -> Vec<QuoteKey> {
    let mut keys: Vec<_> = entries
        .into_iter()
        .map(|entry| QuoteKey {
            last_updated: entry.quote.last_updated,
            coin_id: entry.coin_id,
            currency: entry.quote.currency.clone(),
            fetched_at: entry.fetched_at,
        })
        .collect();
    keys.sort_unstable();
    keys
}

fn sorted(mut keys: Vec<QuoteKey>) -> Vec<QuoteKey> {
    keys.sort_unstable();
    keys
}

/// By range, by instants, and by batch, each against the tables.
pub async fn what_is_there_is_found_without_its_numbers(lab: &impl StoreLab) {
    let store = lab.store();
    assert_eq!(store.latest_quotes().await.expect("it answers"), []);
    for chunk in numbered_chunks(0) {
        store.load(&chunk).await.expect("loads");
    }
    let tables = lab.tables().await;
    assert_eq!(sorted(store.latest_quotes().await.expect("it answers")), keys(&tables.latest));
    let (from, to) = (at(0), at(2 * 3600));
    let between = |instant: DateTime<Utc>| (from..to).contains(&instant);
    let expected = || tables.history.iter().filter(|entry| between(entry.quote.last_updated));
    let found = sorted(store.quotes_between(from, to).await.expect("it answers"));
    assert_eq!(found, keys(expected()));
    assert!(!found.is_empty() && found.len() < tables.history.len());
    let instants = [at(0), at(-3600), at(1)];
    let expected_at = tables.history.iter().filter(|entry| instants.contains(&entry.quote.last_updated));
    let found = sorted(store.quotes_at(&instants).await.expect("it answers"));
    assert_eq!(found, keys(expected_at));
    assert_eq!(store.quotes_at(&[]).await.expect("it answers"), []);
    let mut by_batch = store.quotes_by_batch(from, to).await.expect("it answers");
    by_batch.sort();
    let count = |batch: &BatchId| expected().filter(|entry| entry.batch == *batch).count() as u64;
    assert!(by_batch.iter().all(|(batch, quotes)| *quotes == count(batch)), "{by_batch:?}");
    assert_eq!(by_batch.iter().map(|(_, quotes)| quotes).sum::<u64>(), expected().count() as u64);
}

/// One for each chunk, of the batches that are asked for.
pub async fn the_ledger_s_lines_are_found_by_batch(lab: &impl StoreLab) {
    let store = lab.store();
    let chunks = numbered_chunks(0).into_iter().map(|chunk| Chunk { size: Some(5), rejected: 2, ..chunk });
    let mut fetched_at = None;
    for chunk in chunks {
        store.load(&chunk).await.expect("loads");
        if chunk.page.batch == batch(3600) {
            fetched_at = Some(chunk.page.fetched_at);
        }
    }
    assert!(fetched_at.is_some());
    let mut lines = store.lines_of(&[batch(3600), batch(1)]).await.expect("it answers");
    lines.sort_by_key(|line| line.chunk);
    let line = |chunk| LedgerLine {
        batch: batch(3600),
        page: 1,
        chunk,
        chunks: 2,
        size: Some(5),
        fetched_at,
        rejected: 2,
    };
    assert_eq!(lines, [line(1), line(2)]);
    assert_eq!(store.lines_of(&[]).await.expect("it answers"), []);
}
