//! Rows of the kinds of the market: the rules of [`Store::load_market`](ports::Store::load_market), one row after the other.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{BatchId, MarketChunk, MarketKind, Record, Slot, Value, timestamp};
use ports::store::{Loaded, Refused};

use crate::tables::{MarketEntry, Vanished};

/// The tables of all kinds, and the maps that are whole.
#[derive(Default)]
pub(super) struct MarketRows {
    /// By the key of the row, as it is shown.
    tables: BTreeMap<MarketKind, BTreeMap<String, MarketEntry>>,
    whole: BTreeMap<BatchId, Slot>,
}

impl MarketRows {
    pub(super) fn load(&mut self, chunk: &MarketChunk) -> Loaded {
        let MarketChunk { kind, head, records } = chunk;
        let fetched_at = timestamp::to_millis(head.page.fetched_at);
        let slot = head.page.slot.starts_at();
        let table = self.tables.entry(*kind).or_default();
        let mut loaded = Loaded::default();
        let mut seen = Vec::new();
        for record in records {
            let key = format!("{:?}", record.key(*kind));
            if seen.contains(&key) {
                continue;
            }
            seen.push(key.clone());
            if *kind == MarketKind::Map && coin_id(record) == 0 {
                loaded.refused.push(Refused { coin_id: 0, reason: "coin ids start at 1".to_owned() });
                continue;
            }
            let is_list = kind.is_list();
            let new = MarketEntry {
                record: record.clone(),
                fetched_at,
                batch: head.page.batch.clone(),
                seen: is_list.then_some((slot, slot)),
            };
            let Some(held) = table.get_mut(&key) else {
                loaded.written += 1;
                table.insert(key, new);
                continue;
            };
            let is_later = fetched_at > held.fetched_at || fetched_at == held.fetched_at && head.is_rebuild();
            if held.record == *record || fetched_at == held.fetched_at && !is_later {
                loaded.unchanged += 1;
            } else if is_later {
                loaded.written += 1;
            } else {
                loaded.stale += 1;
            }
            let span = held.seen.map(|(first, last)| (first.min(slot), last.max(slot)));
            if is_later {
                *held = new;
            }
            held.seen = span;
        }
        loaded
    }

    /// How many rows name `batch`.
    pub(super) fn of_batch(&self, batch: &BatchId) -> u64 {
        let rows = self.tables.values().flat_map(BTreeMap::values);
        rows.filter(|entry| entry.batch == *batch).count() as u64
    }

    /// The map `batch` is whole, and of this slot, or it is not.
    pub(super) fn note(&mut self, batch: &BatchId, whole: Option<Slot>) {
        match whole {
            Some(slot) => self.whole.insert(batch.clone(), slot),
            None => self.whole.remove(batch),
        };
    }

    pub(super) fn of(&self, kind: MarketKind) -> Vec<MarketEntry> {
        let mut entries: Vec<_> =
            self.tables.get(&kind).into_iter().flat_map(BTreeMap::values).cloned().collect();
        entries.sort_by(|one, other| one.record.order(&other.record, kind));
        entries
    }

    pub(super) fn vanished(&self) -> Vec<Vanished> {
        let coins = self.of(MarketKind::Map).into_iter();
        let after = |last: DateTime<Utc>| {
            self.whole.values().map(|slot| slot.starts_at()).filter(|slot| *slot > last).min()
        };
        coins.map(|coin| (coin_id(&coin.record), coin.seen.and_then(|(_, last)| after(last)))).collect()
    }
}

fn coin_id(record: &Record) -> u32 {
    match record.get(MarketKind::Map, "coin_id") {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ids are whole and fit")]
        Some(Value::Number(id)) => *id as u32,
        _ => 0,
    }
}
