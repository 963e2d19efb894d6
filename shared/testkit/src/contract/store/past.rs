//! What [`Store::load`](ports::store::Store::load) promises about rows that fill a gap.

use domain::{BatchId, Measure, Origin, Slot};
use ports::store::Store as _;

use super::StoreLab;
use super::sample::{Dice, at, batch, chunk_of, row};
use crate::tables::QuoteEntry;

fn prices(entries: &[QuoteEntry]) -> Vec<f64> {
    entries.iter().map(|entry| entry.quote.get(Measure::Price).expect("a price")).collect()
}

/// Not even when the quote stood still and was fetched live long before the slot, and in whatever order they come. The coin was
/// there at the slot, and is described by what was fetched live.
pub async fn what_fills_a_gap_never_takes_the_place_of_what_was_fetched_live(lab: &impl StoreLab) {
    let live = |price: f64, last_updated: i64, fetched_at: i64| {
        let mut chunk = chunk_of(row(1, price, at(last_updated)), at(fetched_at));
        chunk.rows[0].coin.tags = Some(vec!["live".to_owned()]);
        chunk.page.batch = batch(fetched_at);
        chunk
    };
    let history = |price: f64, last_updated: i64, slot: i64| {
        let mut chunk = chunk_of(row(1, price, at(last_updated)), at(slot));
        "history".clone_into(&mut chunk.page.endpoint);
        chunk.page.origin = Origin::Backfill;
        chunk.page.batch = BatchId::new(Slot::at(at(slot)), "history", &["USD".to_owned()]);
        chunk
    };
    let chunks = [
        live(1.0, 0, 5),
        // The price stood still for an hour; a third of it was missed.
        history(8.0, 0, 1200),
        history(9.0, 1000, 2400),
        live(2.0, 2000, 3600),
        history(7.0, 2000, 2400),
    ];
    let mut dice = Dice::new(1);
    for _ in 0..4 {
        for chunk in dice.shuffle_with_repeats(&chunks) {
            lab.store().load(&chunk).await.expect("the chunk loads");
        }
        let tables = lab.tables().await;
        assert_eq!(prices(&tables.latest), [2.0]);
        assert_eq!(prices(&tables.history), [1.0, 9.0, 2.0]);
        assert_eq!(tables.history[1].fetched_at, at(1000));
        let coin = &tables.coins[0];
        assert_eq!((coin.first_seen_at, coin.last_seen_at), (at(5), at(3600)));
        assert_eq!(coin.coin.tags, Some(vec!["live".to_owned()]));
    }
}
