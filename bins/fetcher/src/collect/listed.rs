//! What the filling of gaps has to know of snapshots: the coins of the newest.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use domain::decompress_body;

use super::Collector;
use crate::history::{KnownCoin, coins_in_listing};
use crate::spool::{Manifest, blocking};

/// Of the snapshots of this run.
#[derive(Default)]
pub(super) struct Listed {
    /// Whether anybody wants to know the coins: finding them takes as long as cleaning a page.
    is_wanted: AtomicBool,
    coins: Mutex<Option<Vec<KnownCoin>>>,
}

impl Collector {
    /// The coins of the next snapshots are wanted, or not any more.
    pub(crate) fn want_coins(&self, is_wanted: bool) {
        self.listed.is_wanted.store(is_wanted, Ordering::Relaxed);
    }

    /// The coins of the newest snapshot that was fetched while they were wanted.
    pub(crate) fn listed_coins(&self) -> Option<Vec<KnownCoin>> {
        self.listed.coins.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the coins of the batch of `order`, which is whole and not sealed yet, if they are wanted.
    pub(super) async fn note_coins(&self, order: &Manifest) {
        if !self.listed.is_wanted.load(Ordering::Relaxed) {
            return;
        }
        // What cannot be read now is no reason to do anything.
        let Ok(pages) = self.pages_of(order).await else { return };
        let mut coins = BTreeSet::new();
        for page in pages {
            let batch = order.batch.clone();
            let found = blocking(&self.spool, move |spool| {
                let body = spool.page_body(&batch, page.page).items.pop()?;
                Some(coins_in_listing(&decompress_body(&body).ok()?))
            });
            coins.extend(found.await.unwrap_or_default());
        }
        if !coins.is_empty() {
            let coins = coins.into_iter().collect();
            *self.listed.coins.lock().unwrap_or_else(PoisonError::into_inner) = Some(coins);
        }
    }
}
