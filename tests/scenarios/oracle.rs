//! What the tables must hold: the same snapshots, one after the other, without queues, processes or threads.

use std::sync::Arc;

use domain::wire::{RowsMessage, decode};
use domain::{Chunk, Message, Origin};
use ports::Store;
use stage::Stage;
use testkit::clock::ManualClock;
use testkit::memory::MemoryStore;
use testkit::tables::Tables;
use transformer::Transformer;

use crate::market;

/// The tables that these snapshots of `coins` coins give.
pub(crate) async fn tables(batches: impl IntoIterator<Item = u32>, coins: u32) -> Tables {
    let store = MemoryStore::new(Arc::new(ManualClock::default()));
    for batch in batches {
        for chunk in chunks(batch, coins).await {
            store.load(&chunk).await.expect("memory takes it");
        }
    }
    store.tables()
}

/// The tables that these pages give.
pub(crate) async fn tables_of(pages: &[Message]) -> Tables {
    let store = MemoryStore::new(Arc::new(ManualClock::default()));
    for page in pages {
        for chunk in chunks_of(page).await {
            store.load(&chunk).await.expect("memory takes it");
        }
    }
    store.tables()
}

/// What the transformer makes of this snapshot.
pub(crate) async fn chunks(batch: u32, coins: u32) -> Vec<Chunk> {
    chunks_of(&market::page_of(batch, coins, Origin::Live)).await
}

/// What the transformer makes of this page.
pub(crate) async fn chunks_of(page: &Message) -> Vec<Chunk> {
    let clock = Arc::new(ManualClock::default());
    let transformer =
        Transformer::new(config::Config::defaults().transform, clock, &telemetry::Metrics::default());
    let outputs = transformer.handle(page).await.expect("the page is clean");
    let chunks =
        outputs.iter().map(|output| match decode(&output.message.body).expect("the chunk decodes") {
            RowsMessage::Chunk(chunk) => chunk,
            RowsMessage::Fetched(_) | RowsMessage::Market(_) | RowsMessage::Schedule(_) => {
                panic!("the transformer announces nothing")
            }
        });
    chunks.collect()
}
