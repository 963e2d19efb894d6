//! What [`Drops`] promises: a batch that was dropped has never been.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Measure, Origin};

use super::StoreLab;
use super::rows::numbered_chunks;
use super::sample::{Dice, at, batch, chunk, fetched, row};
use crate::memory::MemoryStore;
use crate::tables::Tables;
use ports::store::{DropPosition, Drops, Freshness, Ledger, Proofs, Quotes, Store};

const HOUR: i64 = 3600;

/// What was taken out: rows of `quotes_latest`, coins, and rows of the history.
#[derive(Debug, Default, PartialEq, Eq)]
struct TakenOut {
    latest: u64,
    coins: u64,
    quotes: Vec<DateTime<Utc>>,
}

/// Drops `batch`, all portions of it.
async fn take_out(store: &(impl Drops + Ledger), batch: &BatchId) -> TakenOut {
    let mut out = TakenOut::default();
    let mut next = Some(DropPosition::START);
    let is_half =
        async || store.batch(batch).await.expect("it answers").expect("it is there").is_half_dropped;
    store.mark_dropped(batch, "nonsense").await.expect("it is marked").expect("it is there");
    while let Some(at) = next {
        let portion = store.drop_portion(batch, at).await.expect("it is taken out");
        out.latest += portion.latest;
        assert!(portion.fell_back <= portion.latest, "{portion:?}");
        out.coins += portion.coins;
        out.quotes.extend(portion.quotes);
        next = portion.next;
    }
    out.quotes.sort_unstable();
    assert!(!is_half().await, "all is out");
    out
}

/// `tables`, of which these coins have fallen back: what the history does not keep is not known of them.
fn fallen(mut tables: Tables, coins: impl Fn(u32) -> bool) -> Tables {
    for entry in tables.latest.iter_mut().filter(|entry| coins(entry.coin_id)) {
        for measure in [Measure::SelfReportedCirculatingSupply, Measure::SelfReportedMarketCap, Measure::Tvl]
        {
            entry.quote.numbers[measure as usize] = None;
            entry.quote.missing.insert(measure);
        }
    }
    tables
}

/// The tables after these chunks, one after the other.
async fn oracle<'a>(lab: &impl StoreLab, chunks: impl IntoIterator<Item = &'a Chunk>) -> Tables {
    let oracle = MemoryStore::new(Arc::new(lab.clock().clone()));
    for chunk in chunks {
        oracle.load(chunk).await.expect("memory takes it");
    }
    oracle.tables()
}

/// An hourly snapshot: every coin has a new quote.
fn snapshot(hour: i64, coins: &[u32]) -> Chunk {
    let mut chunk = chunk(coins);
    chunk.page.batch = batch(hour * HOUR);
    chunk.page.fetched_at = at(hour * HOUR + 1);
    let price = |id: u32| f64::from(id) + f64::from(u32::try_from(hour).expect("a few hours")) / 8.0;
    chunk.rows = coins.iter().map(|&id| row(id, price(id), at(hour * HOUR - 30))).collect();
    chunk
}

/// The field case 03: every price a million times too high, right again an hour later; also while it is the newest, with a coin
/// and names that nobody else has.
pub async fn a_snapshot_of_nonsense_that_is_dropped_was_never_there(lab: &impl StoreLab) {
    let store = lab.store();
    let coins: Vec<u32> = (1..=1200).collect();
    let mut nonsense = snapshot(1, &coins);
    nonsense.rows.push(row(9000, 1.0, at(HOUR)));
    for row in &mut nonsense.rows {
        row.quotes[0].numbers[Measure::Price as usize] = Some(1e12);
        if row.coin.id == 7 {
            "Seventh".clone_into(&mut row.coin.name);
        }
    }
    let around = [snapshot(0, &coins), snapshot(2, &coins[..1000]), snapshot(3, &coins)];
    store.load(&around[0]).await.expect("loads");
    let before = store.freshness().await.expect("it answers");
    store.load(&nonsense).await.expect("loads");
    let out = take_out(&*store, &nonsense.page.batch).await;
    assert_eq!((out.latest, out.coins, out.quotes.len()), (1201, 1, 1201));
    assert_eq!((out.quotes[0], out.quotes[1200]), (at(HOUR - 30), at(HOUR)));
    let expected = fallen(oracle(lab, &around[..1]).await, |_| true);
    assert_eq!(lab.tables().await, expected, "while it is the newest");
    assert_eq!(store.freshness().await.expect("it answers"), before);

    assert!(store.readmit(&nonsense.page.batch).await.expect("it answers"));
    for chunk in [&nonsense, &around[1], &around[2]] {
        store.load(chunk).await.expect("loads");
    }
    let out = take_out(&*store, &nonsense.page.batch).await;
    assert_eq!((out.latest, out.coins, out.quotes.len()), (1, 1, 1201));
    assert_eq!(lab.tables().await, oracle(lab, &around).await, "after others");
    let fresh =
        Freshness { newest_quote_at: Some(at(3 * HOUR - 30)), newest_fetch_at: Some(at(3 * HOUR + 1)) };
    assert_eq!(store.freshness().await.expect("it answers"), fresh);
}

/// Snapshots that share quotes, names and coins, loaded in random orders, of which each is dropped once: when the others are
/// rebuilt from their pages, the tables are those of a store that never saw it.
pub async fn what_a_dropped_batch_had_in_common_comes_back_with_the_batches_around_it(lab: &impl StoreLab) {
    let store = lab.store();
    let mut kept = Vec::new();
    for round in 0..6_u32 {
        let chunks = numbered_chunks(round);
        // The same hours in each round, but other instants.
        let moved = |mut chunk: Chunk| {
            let shift = chrono::TimeDelta::milliseconds(i64::from(round) * 10);
            chunk.page.batch = BatchId::from_stored(format!("{}/{round}", chunk.page.batch));
            chunk.page.fetched_at += shift;
            chunk
        };
        let chunks: Vec<_> = chunks.into_iter().map(moved).collect();
        let bad = chunks[2 * round as usize].page.batch.clone();
        let rest: Vec<_> = chunks.iter().filter(|chunk| chunk.page.batch != bad).cloned().collect();
        for chunk in Dice::new(round).shuffle_with_repeats(&chunks) {
            store.load(&chunk).await.expect("loads");
        }
        take_out(&*store, &bad).await;
        let tables = lab.tables().await;
        let is_bad = |entry: &crate::tables::QuoteEntry| entry.batch == bad;
        assert!(!tables.latest.iter().chain(&tables.history).any(is_bad), "{bad}");
        let mut again = rest.clone();
        for chunk in &mut again {
            chunk.page.origin = Origin::Rebuild;
        }
        for chunk in &again {
            store.load(chunk).await.expect("loads");
        }
        kept.extend(rest);
        assert_eq!(lab.tables().await, oracle(lab, &kept).await, "round {round}, without {bad}");
    }
}

/// After each portion, and begun again from the start: the same tables.
pub async fn a_drop_that_is_interrupted_is_begun_again(lab: &impl StoreLab) {
    let store = lab.store();
    let coins: Vec<u32> = (1..=1200).collect();
    let (first, bad) = (snapshot(0, &coins), snapshot(1, &coins));
    store.load(&first).await.expect("loads");
    store.load(&bad).await.expect("loads");
    let is_half = async || {
        let record = store.batch(&bad.page.batch).await.expect("it answers").expect("it is there");
        record.is_half_dropped
    };
    assert!(!is_half().await);
    store.mark_dropped(&bad.page.batch, "nonsense").await.expect("it is marked").expect("it is there");
    let mut stop_after = 1;
    loop {
        let mut next = Some(DropPosition::START);
        for _ in 0..stop_after {
            let Some(at) = next else { break };
            assert!(is_half().await, "stopped after {stop_after}");
            next = store.drop_portion(&bad.page.batch, at).await.expect("it is taken out").next;
        }
        if next.is_none() {
            break;
        }
        stop_after += 1;
    }
    assert!(!is_half().await);
    assert_eq!(lab.tables().await, fallen(oracle(lab, [&first]).await, |_| true));
    assert_eq!(take_out(&*store, &bad.page.batch).await, TakenOut::default(), "all was out");
}

/// Live, replayed or rebuilt, and alone or with others; nothing is missing of it then.
pub async fn what_still_waits_of_a_dropped_batch_is_not_loaded(lab: &impl StoreLab) {
    let store = lab.store();
    let part =
        |number: u32, ids: &[u32]| Chunk { chunk: number, chunks: 3, size: Some(2), ..snapshot(0, ids) };
    store.load(&part(1, &[1, 2])).await.expect("loads");
    store.record_fetched(&fetched(1)).await.expect("it is recorded");
    lab.clock().set(at(500));
    let at_first =
        store.mark_dropped(&batch(0), "nonsense").await.expect("it is marked").expect("it is there").dropped;
    assert_eq!((at_first.at, at_first.why.as_str()), (at(500), "nonsense"));
    lab.clock().set(at(600));
    let again = store.mark_dropped(&batch(0), "another reason").await.expect("it is marked");
    let again = again.map(|marked| marked.dropped);
    assert_eq!(again.as_ref(), Some(&at_first), "what is on record stays");
    take_out(&*store, &batch(0)).await;

    let mut late = [part(2, &[3, 4]), part(3, &[5]), part(2, &[3, 4]), part(1, &[1, 2])];
    (late[2].page.origin, late[3].page.origin) = (Origin::Replay, Origin::Rebuild);
    let other = snapshot(1, &[1]);
    let loaded = store.load_all(&[&late[0], &other, &late[1], &late[2], &late[3]]).await.expect("loads");
    let left_out: Vec<_> = loaded.iter().map(|loaded| loaded.is_dropped).collect();
    assert_eq!(left_out, [true, false, true, true, true]);
    assert_eq!((loaded[0].written, loaded[1].written), (0, 1));
    assert_eq!(lab.tables().await, oracle(lab, [&other]).await);
    let record = store.batch(&batch(0)).await.expect("it answers").expect("it is on record");
    assert_eq!((record.dropped.as_ref(), record.is_complete()), (Some(&at_first), true));
    assert_eq!((record.coins_in, record.loads, record.credits), (2, 1, Some(25)));
    assert_eq!(store.dropped().await.expect("it answers").into_iter().collect::<Vec<_>>(), [batch(0)]);
}

/// Its rows come back, and until then it is incomplete: what was loaded before proves nothing.
pub async fn a_dropped_batch_is_let_in_again_when_that_is_asked_for(lab: &impl StoreLab) {
    let store = lab.store();
    let mut chunks = [snapshot(0, &[1, 2]), snapshot(1, &[1, 2]), snapshot(2, &[1])];
    for chunk in &chunks {
        store.load(chunk).await.expect("loads");
    }
    take_out(&*store, &batch(HOUR)).await;
    assert!(store.readmit(&batch(HOUR)).await.expect("it answers"));
    assert!(!store.readmit(&batch(HOUR)).await.expect("it answers"), "it is in");
    let record = store.batch(&batch(HOUR)).await.expect("it answers").expect("it is on record");
    assert_eq!((record.dropped, record.coins_in, record.loads), (None, 0, 0));
    chunks[1].page.origin = Origin::Replay;
    store.load(&chunks[1]).await.expect("loads");
    let record = store.batch(&batch(HOUR)).await.expect("it answers").expect("it is on record");
    assert_eq!((record.is_complete(), record.coins_in, record.replays), (true, 2, 1));
    assert_eq!(lab.tables().await, oracle(lab, &chunks).await);
    assert!(store.dropped().await.expect("it answers").is_empty());
}

/// And nothing is made.
pub async fn a_batch_that_nobody_knows_is_not_dropped(lab: &impl StoreLab) {
    let store = lab.store();
    assert_eq!(store.mark_dropped(&batch(0), "nonsense").await.expect("it answers"), None);
    let portion = store.drop_portion(&batch(0), DropPosition::START).await.expect("it answers");
    assert_eq!((portion.latest, portion.quotes.len(), portion.next), (0, 0, None));
    assert!(!store.readmit(&batch(0)).await.expect("it answers"));
    assert_eq!(store.batch(&batch(0)).await.expect("it answers"), None);
    assert!(!store.load(&snapshot(0, &[1])).await.expect("loads").is_dropped);
}

/// An import of many pages, each fetched at a time of its own: more of them than a statement has places.
pub async fn a_batch_of_thousands_of_pages_is_taken_out(lab: &impl StoreLab) {
    const PAGES: u32 = 8200;
    let store = lab.store();
    let part = |page: u32| {
        // Each coin has many quotes, some before the snapshot and some after it; one coin has no others.
        let mut part = snapshot(0, &[1 + page % 20]);
        part.page.batch = batch(5 * HOUR);
        (part.page.page, part.page.pages) = (page, PAGES);
        part.page.fetched_at = at(i64::from(page) * 10);
        part.rows[0].quotes[0].last_updated = at(i64::from(page) * 10 - 1);
        part
    };
    let live = snapshot(10, &(1..=19).collect::<Vec<_>>());
    store.load(&live).await.expect("loads");
    let parts: Vec<_> = (1..=PAGES).map(part).collect();
    for group in parts.chunks(1000) {
        store.load_all(&group.iter().collect::<Vec<_>>()).await.expect("loads");
    }
    let out = take_out(&*store, &batch(5 * HOUR)).await;
    assert_eq!((out.coins, out.quotes.len()), (1, 8200));
    assert_eq!(lab.tables().await, fallen(oracle(lab, [&live]).await, |_| true));
}

/// What an earlier version loaded after the drop, or a backup brought back: the ledger does not know of it, and it is found all the same.
pub async fn what_the_ledger_does_not_know_of_a_dropped_batch_is_found_and_taken_out(lab: &impl StoreLab) {
    let store = lab.store();
    let (first, bad) = (snapshot(0, &[1, 2]), snapshot(1, &[1, 2, 3]));
    for chunk in [&first, &bad] {
        store.load(chunk).await.expect("loads");
    }
    assert_eq!(store.shown_of_dropped().await.expect("it answers"), []);
    store.mark_dropped(&bad.page.batch, "nonsense").await.expect("it is marked").expect("it is there");
    let shown = store.shown_of_dropped().await.expect("it answers");
    assert_eq!(shown, [(bad.page.batch.clone(), 3)]);
    let portion = store.drop_portion(&bad.page.batch, DropPosition::START).await.expect("it is taken out");
    assert_eq!((portion.latest, portion.fell_back), (3, 2));
    assert_eq!(store.shown_of_dropped().await.expect("it answers"), []);
    let mut next = Some(DropPosition::Anywhere(None));
    while let Some(at) = next {
        next = store.drop_portion(&bad.page.batch, at).await.expect("it is taken out").next;
    }
    assert_eq!(lab.tables().await, fallen(oracle(lab, [&first]).await, |_| true));
}
