//! Which slots some fetcher has claimed: the note that passes from leader to leader.
//!
//! A slot is claimed before anything is asked for it. Whoever leads next leaves it alone, so it is never
//! paid for twice, by any number of fetchers; when its fetcher dies for good before it published what it
//! fetched, the slot stays missing.

use domain::{Slot, timestamp};
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::spool::Manifest;

/// Claims that are kept: enough for the clock of a schedule of one minute to step back four hours.
const MOST: usize = 256;

/// The claims, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    claims: Vec<Claim>,
}

/// A slot of one source and one list of currencies: another source's slot is another thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    slot: String,
    batch: String,
    host: String,
}

impl Claim {
    fn of(order: &Manifest) -> Self {
        Self {
            slot: timestamp::to_text(order.slot.starts_at()),
            batch: order.batch.as_str().to_owned(),
            host: order.host.clone(),
        }
    }
}

impl Claims {
    /// The claims in a leader's note. One that cannot be read, as a newer program may leave it, claims
    /// nothing.
    pub(crate) fn from_note(note: Option<&[u8]>) -> Self {
        let Some(note) = note else { return Self::default() };
        serde_json::from_slice(note).unwrap_or_else(|error| {
            warn!(%error, "cannot read which slots the leader before claimed; one may be fetched again");
            Self::default()
        })
    }

    pub(crate) fn to_note(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are JSON")
    }

    /// Claims the slot of `order`.
    pub(crate) fn add(&mut self, order: &Manifest) {
        let claim = Claim::of(order);
        self.claims.retain(|known| *known != claim);
        self.claims.push(claim);
        let surplus = self.claims.len().saturating_sub(MOST);
        self.claims.drain(..surplus);
    }

    /// The slots that were claimed for what `order` would ask in them.
    pub(crate) fn slots(&self, order: impl Fn(Slot) -> Manifest) -> Vec<Slot> {
        let slots = self.claims.iter().filter_map(|claim| {
            let slot = Slot::at(timestamp::from_text(&claim.slot)?);
            (Claim::of(&order(slot)) == *claim).then_some(slot)
        });
        slots.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::DateTime;
    use domain::{ApiVersion, BatchId, Headers};

    use super::*;

    fn order(slot: Slot, currency: &str, host: &str) -> Manifest {
        let convert = vec![currency.to_owned()];
        Manifest {
            batch: BatchId::new(slot, "listings", &convert),
            slot,
            endpoint: "listings".to_owned(),
            api_version: ApiVersion::V3,
            convert,
            limit: 100,
            page_size: 100,
            host: host.to_owned(),
            pages: None,
            trace: Headers::new(),
        }
    }

    fn slot(minute: i64) -> Slot {
        Slot::current(DateTime::from_timestamp(minute * 60, 0).unwrap(), Duration::from_mins(1))
    }

    #[test]
    fn a_claim_is_for_what_was_asked_and_of_whom() {
        let mut claims = Claims::default();
        claims.add(&order(slot(1), "USD", "a"));
        claims.add(&order(slot(2), "USD", "a"));
        claims.add(&order(slot(2), "USD", "a"));
        let read = Claims::from_note(Some(&claims.to_note()));
        assert_eq!(read, claims);
        let slots = |currency: &str, host: &str| read.slots(|slot| order(slot, currency, host));
        assert_eq!(slots("USD", "a"), [slot(1), slot(2)]);
        assert_eq!(slots("EUR", "a"), []);
        assert_eq!(slots("USD", "b"), []);
    }

    #[test]
    fn a_note_that_is_missing_or_not_ours_claims_nothing() {
        assert_eq!(Claims::from_note(None), Claims::default());
        assert_eq!(Claims::from_note(Some(b"\xff")), Claims::default());
        assert_eq!(Claims::from_note(Some(b"{}")), Claims::default());
    }

    #[test]
    fn the_newest_claims_are_kept_and_the_note_stays_small() {
        let mut claims = Claims::default();
        for minute in 0..1000 {
            claims.add(&order(slot(minute), "USD", "pro-api.coinmarketcap.com"));
        }
        let slots = claims.slots(|slot| order(slot, "USD", "pro-api.coinmarketcap.com"));
        assert_eq!((slots.len(), slots[0], slots[255]), (256, slot(744), slot(999)));
        assert!(claims.to_note().len() < 64 << 10, "{}", claims.to_note().len());
    }
}
