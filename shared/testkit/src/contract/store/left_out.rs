//! What the store promises about rows that are left out of a chunk.

use domain::{Chunk, CoinRow};
use ports::store::{Loaded, Store};

use super::StoreLab;
use super::sample::{at, chunk, chunk_of, quote, row};
use crate::tables::Tables;

async fn load(lab: &impl StoreLab, chunk: &Chunk) -> Loaded {
    lab.store().load(chunk).await.expect("the chunk loads")
}

/// Neither the first time, nor as a newer description, nor before a row of the same coin.
pub async fn a_row_without_quotes_changes_nothing(lab: &impl StoreLab) {
    let named = |id, name: &str, quotes| {
        let mut row = CoinRow { quotes, ..row(id, 1.0, at(0)) };
        name.clone_into(&mut row.coin.name);
        row
    };
    let loaded = load(lab, &Chunk { rows: vec![named(1, "None", Vec::new())], ..chunk(&[]) }).await;
    assert_eq!(loaded, Loaded::default());
    assert_eq!(lab.tables().await, Tables::default());
    let rows = vec![named(2, "None", Vec::new()), named(2, "Two", vec![quote("USD", 2.0, at(0))])];
    load(lab, &Chunk { rows, ..chunk(&[]) }).await;
    let before = lab.tables().await;
    assert_eq!((before.coins[0].coin.name.as_str(), before.identities.len()), ("Two", 1));
    load(lab, &chunk_of(named(2, "Newer", Vec::new()), at(100))).await;
    assert_eq!(lab.tables().await, before);
}

/// Ids start at 1, so every store refuses 0; wherever it is, the rest is loaded.
pub async fn a_refused_coin_does_not_take_the_others_with_it(lab: &impl StoreLab) {
    for bad in [0, 3, 6] {
        let mut ids: Vec<u32> = (1..=6).map(|id| id + 10 * bad).collect();
        ids.insert(bad as usize, 0);
        let mut chunk = chunk(&ids);
        chunk.rows[bad as usize].quotes.push(quote("EUR", 1.0, at(0)));
        let loaded = load(lab, &chunk).await;
        assert_eq!((loaded.written, loaded.unchanged, loaded.stale), (6, 0, 0), "coin 0 at {bad}");
        assert_eq!(loaded.refused.iter().map(|refused| refused.coin_id).collect::<Vec<_>>(), [0, 0]);
        assert!(loaded.refused.iter().all(|refused| !refused.reason.is_empty()));
    }
    let tables = lab.tables().await;
    assert_eq!((tables.coins.len(), tables.latest.len(), tables.history.len()), (18, 18, 18));
    assert_eq!(tables.identities.len(), 18);
}
