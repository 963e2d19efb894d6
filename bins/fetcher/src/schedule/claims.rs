//! Which slots some fetcher has claimed: the note that passes from leader to leader.
//!
//! A slot is claimed before anything is asked for it. Whoever leads next leaves it alone, so it is never
//! paid for twice, by any number of fetchers. A claim stays *open* until its fetcher, leading, says that its spool holds
//! nothing of the slot any more: published, or given up with a letter. When its fetcher dies for good, the claim stays
//! open; whoever leads when the slot is over writes the letter (`settle`).

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{BatchId, Slot, timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use tracing::warn;

use super::followed::Followed;
use super::owed::Owed;
use super::slots;
use crate::judge::Memory;
use crate::spool::Manifest;

/// Claims that are kept of the listings, and of each kind of the market: enough for the clock of a schedule of one minute to step back four hours.
const MOST: usize = 256;

/// The claims, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claims {
    #[serde(rename = "claims")]
    all: Vec<Claim>,
    /// What the snapshots before were like, so that another leader can hold the next one against them. Absent in the notes of
    /// older programs. One that cannot be read is no reason to forget what is claimed.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    memory: Option<Memory>,
    /// Which schedule is followed. Absent and unreadable as above.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    schedule: Option<Followed>,
    /// Which slots were missed and are to be filled. Absent in the notes of older programs, which drop it.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    owed: Option<Owed>,
}

fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(serde_json::Value::deserialize(deserializer)?).ok())
}

/// A slot of one source and one list of currencies: another source's slot is another thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    slot: String,
    batch: String,
    host: String,
    /// Absent once it is settled, and in the notes of older programs, which settled nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open: Option<Open>,
}

/// Which fetcher has still to settle a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    /// The id of its fetcher's spool.
    by: String,
    at: String,
}

/// A claim that is not settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenClaim {
    pub(crate) batch: BatchId,
    pub(crate) slot: Slot,
    /// The id of the spool of the one who claimed it.
    pub(crate) by: String,
    /// When, as its clock said.
    pub(crate) at: String,
}

/// Which fetcher claimed a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// No fetcher claimed it.
    Nobody,
    /// The fetcher that asks claimed it and has not settled it.
    Us,
    /// Another fetcher claimed it; or ours did and has settled it.
    Settled,
}

impl Claim {
    fn of(order: &Manifest) -> Self {
        Self {
            slot: timestamp::to_text(order.slot.starts_at()),
            batch: order.batch.as_str().to_owned(),
            host: order.host.clone(),
            open: None,
        }
    }

    fn is_for(&self, other: &Self) -> bool {
        (&self.slot, &self.batch, &self.host) == (&other.slot, &other.batch, &other.host)
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

    /// What the leader before remembered of earlier snapshots.
    pub(crate) fn memory(&self) -> Memory {
        self.memory.clone().unwrap_or_default()
    }

    /// Passes on what is remembered of earlier snapshots.
    pub(crate) fn remember(&mut self, memory: Memory) {
        self.memory = Some(memory);
    }

    /// The schedule that is followed, if it is known.
    pub(crate) fn schedule(&self) -> Option<&Followed> {
        self.schedule.as_ref()
    }

    /// Follows another schedule, or more is known of it.
    pub(crate) fn follow(&mut self, schedule: Followed) {
        self.schedule = Some(schedule);
    }

    /// The slots that were missed and are to be filled, or are being filled.
    pub(crate) fn owed(&self) -> Option<&Owed> {
        self.owed.as_ref()
    }

    /// These are.
    pub(crate) fn owe(&mut self, owed: Option<Owed>) {
        self.owed = owed;
    }

    /// Claims the slot of `order` at `now` for the fetcher whose spool is `by`.
    pub(crate) fn add(&mut self, order: &Manifest, by: &str, now: DateTime<Utc>) {
        let open = Open { by: by.to_owned(), at: timestamp::to_text(now) };
        let claim = Claim { open: Some(open), ..Claim::of(order) };
        self.all.retain(|known| !known.is_for(&claim));
        self.all.push(claim);
        let is_of_it = |claim: &Claim| BatchId::from_stored(&claim.batch).endpoint() == order.endpoint;
        let mut surplus = self.all.iter().filter(|claim| is_of_it(claim)).count().saturating_sub(MOST);
        self.all.retain(|claim| {
            let goes = surplus > 0 && is_of_it(claim);
            surplus -= usize::from(goes);
            !goes
        });
    }

    /// Who claimed the slot of `order`, when the spool `by` asks.
    pub(crate) fn owner(&self, order: &Manifest, by: &str) -> Owner {
        let wanted = Claim::of(order);
        match self.all.iter().rfind(|claim| claim.is_for(&wanted)) {
            None => Owner::Nobody,
            Some(Claim { open: Some(open), .. }) if open.by == by => Owner::Us,
            Some(_) => Owner::Settled,
        }
    }

    /// The claims that are not settled, oldest first. One whose slot makes no sense counts as settled.
    pub(crate) fn open(&self) -> Vec<OpenClaim> {
        let open = self.all.iter().filter_map(|claim| {
            let Open { by, at } = claim.open.clone()?;
            let slot = Slot::at(timestamp::from_text(&claim.slot)?);
            Some(OpenClaim { batch: BatchId::from_stored(&claim.batch), slot, by, at })
        });
        open.collect()
    }

    /// Marks `claim` as settled: its fetcher has nothing of the slot any more.
    pub(crate) fn settle(&mut self, claim: &OpenClaim) {
        let is_it = |known: &&mut Claim| {
            known.batch == claim.batch.as_str() && known.open.as_ref().is_some_and(|open| open.by == claim.by)
        };
        self.all.iter_mut().filter(is_it).for_each(|known| known.open = None);
    }

    /// The slots that were claimed for what `order` would ask in them.
    pub(crate) fn slots(&self, order: impl Fn(Slot) -> Manifest) -> Vec<Slot> {
        let slots = self.all.iter().filter_map(|claim| {
            let slot = Slot::at(timestamp::from_text(&claim.slot)?);
            Claim::of(&order(slot)).is_for(claim).then_some(slot)
        });
        slots.collect()
    }
}

impl OpenClaim {
    /// Whether nothing can be fetched for it any more.
    pub(crate) fn is_over(&self, now: DateTime<Utc>, every: Duration) -> bool {
        slots::end_of(self.slot, every) <= now
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::{ApiVersion, BatchId, Headers};

    use super::*;
    use crate::spool;

    const MINUTE: Duration = Duration::from_mins(1);

    fn order(slot: Slot, currency: &str, host: &str) -> Manifest {
        let convert = vec![currency.to_owned()];
        Manifest {
            batch: BatchId::new(slot, "listings", &convert),
            slot,
            endpoint: "listings".to_owned(),
            api_version: ApiVersion::V3,
            convert,
            calls: spool::Calls::One,
            limit: 100,
            page_size: 100,
            ids: Vec::new(),
            host: host.to_owned(),
            pages: None,
            trace: Headers::new(),
            claim: spool::ClaimState::Claimed,
            verdict: None,
        }
    }

    fn instant(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(minute * 60, 0).unwrap()
    }

    fn slot(minute: i64) -> Slot {
        Slot::current(instant(minute), MINUTE)
    }

    #[test]
    fn a_claim_is_for_what_was_asked_and_of_whom() {
        let mut claims = Claims::default();
        claims.add(&order(slot(1), "USD", "a"), "me", instant(1));
        claims.add(&order(slot(2), "USD", "a"), "me", instant(2));
        claims.add(&order(slot(2), "USD", "a"), "me", instant(2));
        let read = Claims::from_note(Some(&claims.to_note()));
        assert_eq!(read, claims);
        let slots = |currency: &str, host: &str| read.slots(|slot| order(slot, currency, host));
        assert_eq!(slots("USD", "a"), [slot(1), slot(2)]);
        assert_eq!(slots("EUR", "a"), []);
        assert_eq!(slots("USD", "b"), []);
    }

    #[test]
    fn a_claim_is_open_until_it_is_settled_and_then_still_a_claim() {
        let mut claims = Claims::default();
        let asked = order(slot(1), "USD", "a");
        assert_eq!(claims.owner(&asked, "me"), Owner::Nobody);
        claims.add(&asked, "me", instant(1));
        assert_eq!((claims.owner(&asked, "me"), claims.owner(&asked, "you")), (Owner::Us, Owner::Settled));
        let open = claims.open();
        assert_eq!((open.len(), open[0].slot, open[0].by.as_str()), (1, slot(1), "me"));
        assert_eq!(open[0].at, "1970-01-01T00:01:00.000Z");
        assert!(!open[0].is_over(instant(2) - chrono::TimeDelta::milliseconds(1), MINUTE));
        assert!(open[0].is_over(instant(2), MINUTE));
        claims.settle(&open[0]);
        assert_eq!((claims.open(), claims.owner(&asked, "me")), (vec![], Owner::Settled));
        assert_eq!(claims.slots(|slot| order(slot, "USD", "a")), [slot(1)]);
    }

    /// As programs before 0.2 wrote it: they settled nothing, so nothing is said of their claims.
    #[test]
    fn the_note_of_an_older_program_claims_and_is_settled() {
        let note = br#"{"claims":[{"slot":"1970-01-01T00:01:00.000Z","batch":"1970-01-01T00:01:00Z/listings/USD","host":"a"}]}"#;
        let claims = Claims::from_note(Some(note));
        assert_eq!(claims.slots(|slot| order(slot, "USD", "a")), [slot(1)]);
        assert_eq!(claims.open(), []);
        assert_eq!(claims.to_note(), note);
    }

    /// Whoever forgets a claim pays for its slot again.
    #[test]
    fn a_memory_that_cannot_be_read_costs_no_claim() {
        let claim =
            r#"{"slot":"1970-01-01T00:01:00.000Z","batch":"1970-01-01T00:01:00Z/listings/USD","host":"a"}"#;
        for memory in ["null", "5", r#"{"newest":{"sample":[[1,null,0]]}}"#] {
            let note = format!(r#"{{"claims":[{claim}],"memory":{memory}}}"#);
            let claims = Claims::from_note(Some(note.as_bytes()));
            assert_eq!(claims.slots(|slot| order(slot, "USD", "a")), [slot(1)], "{memory}");
            assert_eq!(claims.memory(), Memory::default(), "{memory}");
            let note = format!(r#"{{"claims":[{claim}],"schedule":{memory}}}"#);
            let claims = Claims::from_note(Some(note.as_bytes()));
            assert_eq!(
                (claims.slots(|slot| order(slot, "USD", "a")), claims.schedule()),
                (vec![slot(1)], None)
            );
        }
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
            claims.add(
                &order(slot(minute), "USD", "pro-api.coinmarketcap.com"),
                "0123456789abcdef",
                instant(minute),
            );
        }
        let slots = claims.slots(|slot| order(slot, "USD", "pro-api.coinmarketcap.com"));
        assert_eq!((slots.len(), slots[0], slots[255]), (256, slot(744), slot(999)));
        assert!(claims.to_note().len() < 64 << 10, "{}", claims.to_note().len());
    }
}
