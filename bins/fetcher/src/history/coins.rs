//! The coins that the history is asked for. It knows no slugs, and a coin is not to get another one by that: so each comes with
//! the slug of the newest listing.

use std::collections::BTreeSet;

use domain::json::each_element;
use domain::{BatchId, Slot, endpoint};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A coin of the newest listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KnownCoin {
    /// CoinMarketCap's id.
    pub id: u32,
    /// Its slug.
    pub slug: String,
}

/// The coins that a part of the past is asked for, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PastCoins {
    coins: Vec<KnownCoin>,
    is_named: bool,
}

impl PastCoins {
    /// All that the slots are due: who has them has filled the slots.
    pub fn all(coins: Vec<KnownCoin>) -> Self {
        Self { coins, is_named: false }
    }

    /// Some of them, which fill no slot.
    pub fn some(coins: Vec<KnownCoin>) -> Self {
        Self { coins, is_named: true }
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.coins.len()
    }

    pub(crate) fn coins(&self) -> &[KnownCoin] {
        &self.coins
    }

    pub(crate) fn ids(&self) -> Vec<u32> {
        self.coins.iter().map(|coin| coin.id).collect()
    }

    /// The batch that fills `slot`, or that part of it.
    pub fn batch(&self, slot: Slot, convert: &[String]) -> BatchId {
        if self.is_named {
            BatchId::of_coins(slot, endpoint::HISTORY, convert, &self.ids())
        } else {
            BatchId::new(slot, endpoint::HISTORY, convert)
        }
    }
}

/// What is kept in the spool about the coins that are asked for.
pub(crate) fn coins_to_json(coins: &[KnownCoin]) -> Vec<u8> {
    serde_json::to_vec(coins).expect("texts and numbers are JSON")
}

/// The coins that `json` is of; `None` when it is not.
pub(crate) fn coins_from_json(json: &[u8]) -> Option<Vec<KnownCoin>> {
    serde_json::from_slice(json).ok()
}

/// The coins in the listing `body`, sorted by id. Those without id or slug are left out.
pub(crate) fn coins_in_listing(body: &[u8]) -> BTreeSet<KnownCoin> {
    #[derive(Deserialize)]
    struct Listing<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let mut coins = BTreeSet::new();
    if let Ok(Listing { data }) = serde_json::from_slice(body) {
        let _ = each_element(data, |raw| {
            coins.extend(serde_json::from_str::<KnownCoin>(raw.get()).ok());
            Ok::<(), ()>(())
        });
    }
    coins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coins_of_a_listing_are_those_with_an_id_and_a_slug() {
        let body = br#"{"status": {}, "data": [{"id": 2, "name": "B", "slug": "b"}, {"id": 1, "slug": "a", "quote": {}},
            {"id": "x", "slug": "c"}, {"id": 3}, 7]}"#;
        let coins: Vec<_> = coins_in_listing(body).into_iter().collect();
        let coin = |id, slug: &str| KnownCoin { id, slug: slug.to_owned() };
        assert_eq!(coins, [coin(1, "a"), coin(2, "b")]);
        assert_eq!(coins_from_json(&coins_to_json(&coins)), Some(coins));
        assert_eq!(coins_in_listing(b"<html>"), BTreeSet::new());
        assert_eq!(coins_from_json(b"{}"), None);
    }
}
