//! Which slots have a snapshot, as `coinpipe gaps` and the fetcher see it too.

use domain::HeldSlots;
use ports::FetchedSlot;

/// The slots of `fetched`. What was fetched of some coins alone stands for none.
pub(crate) fn held_slots(fetched: &[FetchedSlot]) -> HeldSlots<'_, ()> {
    let mut held = HeldSlots::default();
    for FetchedSlot { batch, slot, endpoint, convert } in fetched {
        if batch.coins_named().is_none() {
            held.add(endpoint, convert, *slot, ());
        }
    }
    held
}
