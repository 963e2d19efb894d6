//! What the filling of gaps has to know of snapshots: the coins of the newest, and the slots of which nothing came.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use domain::{Slot, decompress_body};

use super::Collector;
use crate::history::{KnownCoin, coins_in_listing};
use crate::spool::{Manifest, blocking};

/// Slots that are remembered.
const MOST_MISSED: usize = 800;

/// Of the snapshots of this run.
#[derive(Default)]
pub(super) struct Listed {
    /// Whether anybody wants to know the coins: finding them takes as long as cleaning a page.
    is_wanted: AtomicBool,
    coins: Mutex<Option<Vec<KnownCoin>>>,
    missed: Mutex<BTreeSet<Slot>>,
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

    /// Slots of which nothing came, and which nobody has been told of.
    pub(crate) fn take_missed(&self) -> BTreeSet<Slot> {
        std::mem::take(&mut *self.listed.missed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes what became of the batch of `order`, which is fetched as far as it comes and not sealed yet.
    pub(super) async fn note_outcome(&self, order: &Manifest, is_whole: bool) {
        // What cannot be read now is no reason to do anything.
        let Ok(pages) = self.pages_of(order).await else { return };
        if pages.is_empty() && !is_whole {
            let mut missed = self.listed.missed.lock().unwrap_or_else(PoisonError::into_inner);
            missed.insert(order.slot);
            while missed.len() > MOST_MISSED {
                missed.pop_first();
            }
        }
        if !is_whole || !self.listed.is_wanted.load(Ordering::Relaxed) {
            return;
        }
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
