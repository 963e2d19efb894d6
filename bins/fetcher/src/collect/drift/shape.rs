//! The shape of a page: which fields its coins and quotes have, and of what types, from a sample of its coins.

mod bounded;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use domain::timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use self::bounded::{Fields, Items, MOST_FIELDS};

/// Coins that are looked at, all over the page.
const SAMPLED: usize = 200;
/// The longest name of a field, so that no page makes a shape large.
const LONGEST_NAME: usize = 80;

/// A type of JSON. Null has none: any field may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Text,
    Number,
    Flag,
    List,
    Object,
}

impl Kind {
    fn of(json: &str) -> Option<Self> {
        match json.trim_start().as_bytes().first()? {
            b'"' => Some(Self::Text),
            b'[' => Some(Self::List),
            b'{' => Some(Self::Object),
            b't' | b'f' => Some(Self::Flag),
            b'n' => None,
            _ => Some(Self::Number),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Number => "a number",
            Self::Flag => "true or false",
            Self::List => "a list",
            Self::Object => "an object",
        })
    }
}

/// What was seen of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// The types of each field; empty for one that is always null.
    pub(super) fields: BTreeMap<String, BTreeSet<Kind>>,
    /// The currencies of its quotes.
    pub(super) currencies: BTreeSet<String>,
    taken_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Items<'a>,
    #[serde(borrow, default)]
    status: Option<Status<'a>>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
}

impl Shape {
    /// The shape of a listing; `None` for what is none, or has no coins.
    pub(super) fn of(body: &[u8]) -> Option<Self> {
        let page: Page<'_> = serde_json::from_slice(body).ok()?;
        let taken_at = page.status.and_then(|status| text(status.timestamp?));
        let mut shape =
            Self { taken_at: taken_at.and_then(|text| timestamp::from_text(&text)), ..Self::default() };
        let Items(coins) = page.data;
        let step = coins.len().div_ceil(SAMPLED).max(1);
        for coin in coins.into_iter().step_by(step) {
            shape.add_coin(coin);
        }
        (!shape.fields.is_empty()).then_some(shape)
    }

    /// Whether the page says that it was made within `span` of `now`, or does not say when.
    pub(super) fn is_from(&self, now: DateTime<Utc>, span: TimeDelta) -> bool {
        self.taken_at.is_none_or(|at| (now - at).abs() <= span)
    }

    fn add_coin(&mut self, coin: &RawValue) {
        let Ok(Fields(fields)) = serde_json::from_str(coin.get()) else { return };
        for (name, value) in fields {
            if name == "quote" {
                self.add_quotes(value);
            }
            self.add(name, value);
        }
    }

    fn add_quotes(&mut self, quotes: &RawValue) {
        if let Ok(Fields(by_currency)) = serde_json::from_str(quotes.get()) {
            for (currency, quote) in by_currency {
                self.add_quote(Some(currency), quote);
            }
        } else if let Ok(Items(list)) = serde_json::from_str(quotes.get()) {
            for quote in list {
                self.add_quote(None, quote);
            }
        }
    }

    fn add_quote(&mut self, currency: Option<String>, quote: &RawValue) {
        let Ok(Fields(fields)) = serde_json::from_str(quote.get()) else { return };
        let named = fields.iter().find(|(name, _)| name == "symbol").and_then(|(_, symbol)| text(symbol));
        if let Some(currency) = currency.or(named).filter(|_| self.currencies.len() < MOST_FIELDS) {
            self.currencies.insert(cut(currency).to_uppercase());
        }
        for (name, value) in fields {
            self.add(format!("quote.{name}"), value);
        }
    }

    fn add(&mut self, name: String, value: &RawValue) {
        let name = cut(name);
        if self.fields.len() < MOST_FIELDS || self.fields.contains_key(&name) {
            self.fields.entry(name).or_default().extend(Kind::of(value.get()));
        }
    }
}

fn text(json: &RawValue) -> Option<String> {
    serde_json::from_str(json.get()).ok()
}

fn cut(name: String) -> String {
    if name.len() <= LONGEST_NAME { name } else { name.chars().take(LONGEST_NAME).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_have_their_fields_types_and_currencies() {
        let v1 = br#"{"status":{"timestamp":"2026-11-22T14:00:00.000Z"},"data":[
            {"id":1,"max_supply":null,"quote":{"USD":{"price":1.5},"EUR":{"price":null}}},
            {"id":2,"max_supply":7,"tags":[],"quote":{"USD":{"price":"1.5"}}}]}"#;
        let shape = Shape::of(v1).unwrap();
        let kinds = |field: &str| shape.fields[field].iter().copied().collect::<Vec<_>>();
        assert_eq!(
            shape.fields.keys().collect::<Vec<_>>(),
            ["id", "max_supply", "quote", "quote.price", "tags"]
        );
        assert_eq!((kinds("max_supply"), kinds("quote")), (vec![Kind::Number], vec![Kind::Object]));
        assert_eq!(kinds("quote.price"), [Kind::Text, Kind::Number]);
        assert_eq!(shape.currencies.iter().collect::<Vec<_>>(), ["EUR", "USD"]);
        let now = timestamp::from_text("2026-11-22T15:00:00Z").unwrap();
        assert!(shape.is_from(now, TimeDelta::hours(1)) && !shape.is_from(now, TimeDelta::minutes(59)));

        let v3 = br#"{"data":[{"id":1,"x":true,"quote":[{"symbol":"usd","price":1}]}]}"#;
        let shape = Shape::of(v3).unwrap();
        assert_eq!((shape.fields.len(), shape.currencies.iter().next().unwrap().as_str()), (5, "USD"));
        assert!(shape.is_from(now, TimeDelta::zero()), "it does not say when");
    }

    #[test]
    fn whatever_it_is_the_shape_stays_small_and_nothing_breaks() {
        for odd in ["", "[]", "{}", r#"{"data":[]}"#, r#"{"data":{}}"#, r#"{"data":[1,"x",null,[]]}"#] {
            assert_eq!(Shape::of(odd.as_bytes()), None, "{odd}");
        }
        let many: Vec<_> = (0..10_000).map(|number| format!("\"{number}{}\":1", "x".repeat(500))).collect();
        let shape = Shape::of(format!(r#"{{"data":[{{{}}}]}}"#, many.join(",")).as_bytes()).unwrap();
        assert_eq!(shape.fields.len(), MOST_FIELDS);
        assert!(shape.fields.keys().all(|name| name.len() <= LONGEST_NAME));
        let deep = format!(r#"{{"data":[{{"id":{}1{}}}]}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Shape::of(deep.as_bytes()).map(|shape| shape.fields.len()), Some(1));
    }
}
