//! Past quotes: what quotes/historical answers, read as far as it takes to part it by the hours that it speaks of.
//!
//! Numbers stay the text that was sent. What cannot be read is kept as it came, so that the cleaning can say what is wrong with it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Quotes of some coins at past instants.
#[derive(Debug, Default)]
pub(crate) struct PastQuotes {
    /// The coins, as far as the API knows them.
    pub coins: Vec<PastCoin>,
    /// Coins and quotes that make no sense, as they were sent.
    pub odd: Vec<Box<RawValue>>,
    /// Credits that it cost, as the API says.
    pub credits: u32,
    /// Whether a simulator made it up.
    pub simulated: bool,
}

/// A coin, as JSON, and its quotes.
#[derive(Debug)]
pub(crate) struct PastCoin {
    pub id: u32,
    pub name: Box<RawValue>,
    pub symbol: Box<RawValue>,
    pub is_active: Option<Box<RawValue>>,
    pub points: Vec<PastPoint>,
}

/// The quotes of a coin at one instant.
#[derive(Debug)]
pub(crate) struct PastPoint {
    pub at: DateTime<Utc>,
    /// By currency, as JSON.
    pub quotes: BTreeMap<String, Box<RawValue>>,
}

#[derive(Deserialize)]
struct Coin<'a> {
    id: u32,
    #[serde(borrow)]
    name: &'a RawValue,
    #[serde(borrow)]
    symbol: &'a RawValue,
    #[serde(borrow, default)]
    is_active: Option<&'a RawValue>,
    #[serde(borrow)]
    quotes: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Point<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    quote: BTreeMap<Cow<'a, str>, &'a RawValue>,
}

impl PastQuotes {
    /// Reads `data`, which is one coin, a map of coins by id, or a list of coins: all have been seen or are documented. `None`: it is none
    /// of them.
    pub(crate) fn read(data: &RawValue, credits: u32, simulated: bool) -> Option<Self> {
        let mut past = Self { credits, simulated, ..Self::default() };
        for raw in coins(data)? {
            past.take(raw);
        }
        Some(past)
    }

    fn take(&mut self, raw: &RawValue) {
        // A struct would also be read from an array of its fields.
        let is_object = raw.get().starts_with('{');
        let Some(coin) = serde_json::from_str::<Coin<'_>>(raw.get()).ok().filter(|_| is_object) else {
            self.odd.push(raw.to_owned());
            return;
        };
        let mut points = Vec::with_capacity(coin.quotes.len());
        for raw in coin.quotes {
            match point(raw) {
                Some(point) => points.push(point),
                None => self.odd.push(raw.to_owned()),
            }
        }
        self.coins.push(PastCoin {
            id: coin.id,
            name: coin.name.to_owned(),
            symbol: coin.symbol.to_owned(),
            is_active: coin.is_active.map(ToOwned::to_owned),
            points,
        });
    }
}

fn coins(data: &RawValue) -> Option<Vec<&RawValue>> {
    let json = data.get();
    if json.starts_with('[') {
        return serde_json::from_str(json).ok();
    }
    let by_id: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(json).ok()?;
    if by_id.contains_key("quotes") {
        return Some(vec![data]);
    }
    let mut coins = Vec::new();
    for raw in by_id.into_values() {
        match serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
            Ok(of_id) if raw.get().starts_with('[') => coins.extend(of_id),
            _ => coins.push(raw),
        }
    }
    Some(coins)
}

fn point(raw: &RawValue) -> Option<PastPoint> {
    let Point { timestamp, quote } =
        serde_json::from_str(raw.get()).ok().filter(|_| raw.get().starts_with('{'))?;
    let quotes = quote.into_iter().map(|(currency, quote)| (currency.into_owned(), quote.to_owned()));
    Some(PastPoint { at: timestamp::from_text(&timestamp)?, quotes: quotes.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COIN: &str = r#"{"id": 1, "name": "Bitcoin", "symbol": "BTC", "is_active": 1, "quotes":
        [{"timestamp": "2026-11-22T14:00:00.000Z", "quote": {"USD": {"price": 1.50}}}]}"#;

    fn read(data: &str) -> Option<PastQuotes> {
        let raw = RawValue::from_string(data.to_owned()).unwrap();
        PastQuotes::read(&raw, 1, false)
    }

    #[test]
    fn one_coin_a_map_and_a_list_are_read_alike() {
        for data in [
            COIN.to_owned(),
            format!(r#"{{"1": {COIN}}}"#),
            format!(r#"{{"1": [{COIN}]}}"#),
            format!("[{COIN}]"),
        ] {
            let past = read(&data).unwrap();
            assert_eq!((past.coins.len(), past.odd.len()), (1, 0), "{data}");
            let quote = &past.coins[0].points[0].quotes["USD"];
            assert_eq!(quote.get(), r#"{"price": 1.50}"#, "the text of numbers stays");
        }
        assert!(read("{}").unwrap().coins.is_empty());
    }

    #[test]
    fn what_makes_no_sense_is_kept_as_it_came_and_costs_no_other() {
        let odd = r#"{"id": "x"}"#;
        let past = read(&format!(r#"{{"1": {COIN}, "2": {odd}, "3": null}}"#)).unwrap();
        let kept: Vec<_> = past.odd.iter().map(|raw| raw.get()).collect();
        assert_eq!((past.coins.len(), kept), (1, vec![odd, "null"]));
        let past = read(&COIN.replace("2026-11-22T14", "soon")).unwrap();
        assert_eq!((past.coins[0].points.len(), past.odd.len()), (0, 1));
        for data in ["null", "3", r#""x""#] {
            assert!(read(data).is_none(), "{data}");
        }
    }
}
