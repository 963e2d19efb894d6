//! What was told about changes, so that each is told once.

use std::collections::{BTreeMap, BTreeSet};

use domain::one_line;
use serde::{Deserialize, Serialize};

use super::known::{FIELDS, kinds};
use super::shape::{Kind, Shape};

/// By version of the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told(BTreeMap<String, OfVersion>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct OfVersion {
    /// Fields that were told as new, or as of another type, and their types.
    fields: BTreeMap<String, BTreeSet<Kind>>,
    missing: BTreeSet<String>,
    currencies: BTreeSet<String>,
}

impl Told {
    /// What was noted; nothing when that cannot be read.
    pub(super) fn from_json(json: &[u8]) -> Self {
        serde_json::from_slice(json).unwrap_or_default()
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are JSON")
    }

    /// Notes the `shape` of a page of `version`, for which the currencies `asked` were asked, and returns what is to be told.
    pub(super) fn take_in(&mut self, version: &str, shape: &Shape, asked: &[String]) -> Vec<String> {
        let is_missing = |field: &&str| !shape.fields.contains_key(*field);
        let always = FIELDS.iter().filter(|(.., always)| *always).map(|(name, ..)| *name);
        let missing: BTreeSet<&str> = always.clone().filter(is_missing).collect();
        if missing.len() * 2 > always.count() {
            // That is no listing; the cleaning rules say what it lacks.
            return Vec::new();
        }
        let told = self.0.entry(version.to_owned()).or_default();
        let mut news = Vec::new();
        let mut new_fields = Vec::new();
        for (field, seen) in &shape.fields {
            let before = told.fields.get(field);
            let expected: BTreeSet<Kind> =
                kinds(field).into_iter().flatten().chain(before.into_iter().flatten()).copied().collect();
            let is_new = kinds(field).is_none() && before.is_none();
            let retyped: Vec<Kind> = seen.difference(&expected).copied().collect();
            if is_new {
                new_fields.push(shown(field));
            } else if !retyped.is_empty() && !expected.is_empty() {
                let kinds = |kinds: &mut dyn Iterator<Item = Kind>| {
                    kinds.map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or ")
                };
                let (now, was) = (kinds(&mut retyped.iter().copied()), kinds(&mut expected.iter().copied()));
                news.push(format!("{} is {now}, and was {was}", shown(field)));
            }
            if is_new || !retyped.is_empty() {
                told.fields.entry(field.clone()).or_default().extend(seen);
            }
        }
        if !new_fields.is_empty() {
            news.insert(0, format!("new fields: {}", new_fields.join(", ")));
        }
        let gone: Vec<_> = missing.iter().filter(|field| !told.missing.contains(**field)).copied().collect();
        if !gone.is_empty() {
            news.push(format!("no coin has {}", gone.join(", ")));
        }
        // One that comes back and goes again is told again.
        told.missing = missing.into_iter().map(str::to_owned).collect();
        let is_foreign =
            |currency: &&String| !asked.contains(*currency) && !told.currencies.contains(*currency);
        let foreign: Vec<_> = shape.currencies.iter().filter(is_foreign).cloned().collect();
        if !foreign.is_empty() {
            let names: Vec<_> = foreign.iter().map(|currency| shown(currency)).collect();
            news.push(format!("quotes in {}, which was not asked for", names.join(", ")));
            told.currencies.extend(foreign);
        }
        news
    }
}

/// A name from outside, for a letter.
fn shown(name: &str) -> String {
    one_line(name, 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(edit: impl Fn(&mut serde_json::Map<String, serde_json::Value>)) -> Shape {
        let mut coin = serde_json::Map::new();
        let mut quote = serde_json::Map::new();
        for (field, kinds, _) in FIELDS {
            let value = match kinds[0] {
                Kind::Text => "x".into(),
                Kind::Number => 1.into(),
                Kind::Flag => true.into(),
                Kind::List => Vec::<u8>::new().into(),
                Kind::Object => serde_json::Map::new().into(),
            };
            match field.strip_prefix("quote.") {
                Some(field) => drop(quote.insert(field.to_owned(), value)),
                None => drop(coin.insert((*field).to_owned(), value)),
            }
        }
        coin.insert("quote".to_owned(), serde_json::json!({ "USD": quote }));
        edit(&mut coin);
        Shape::of(serde_json::json!({ "data": [coin] }).to_string().as_bytes()).unwrap()
    }

    fn usd() -> Vec<String> {
        vec!["USD".to_owned()]
    }

    #[test]
    fn what_is_known_is_no_news_and_each_change_is_told_once_a_version() {
        let mut told = Told::default();
        assert_eq!(told.take_in("v1", &page(|_| {}), &usd()), [""; 0]);
        let changed = page(|coin| {
            coin.insert("burned\n".to_owned(), 1.into());
            coin.insert("slug".to_owned(), 7.into());
            coin.remove("platform");
            coin["quote"]["XAU"] = serde_json::json!({ "price": "1" });
        });
        let expected = [
            "new fields: burned ",
            "quote.price is text, and was a number",
            "slug is a number, and was text",
            "no coin has platform",
            "quotes in XAU, which was not asked for",
        ];
        assert_eq!(told.take_in("v1", &changed, &usd()), expected);
        // Also after a restart.
        let mut told = Told::from_json(&told.to_json());
        assert_eq!(told.take_in("v1", &changed, &usd()), [""; 0]);
        assert_eq!(told.take_in("v3", &changed, &usd()), expected, "the other version is another thing");
        // The new field changes, too; and what came back may go again.
        let again = page(|coin| drop(coin.insert("burned\n".to_owned(), "x".into())));
        assert_eq!(told.take_in("v1", &again, &usd()), ["burned  is text, and was a number"]);
        let gone = page(|coin| drop(coin.remove("platform")));
        assert_eq!(told.take_in("v1", &gone, &usd()), ["no coin has platform"]);
    }

    #[test]
    fn null_is_of_every_type_and_no_listing_is_no_drift() {
        let mut told = Told::default();
        let null = page(|coin| drop(coin.insert("max_supply".to_owned(), serde_json::Value::Null)));
        assert_eq!(told.take_in("v3", &null, &usd()), [""; 0]);
        let new = page(|coin| drop(coin.insert("burned".to_owned(), serde_json::Value::Null)));
        assert_eq!(told.take_in("v3", &new, &usd()), ["new fields: burned"]);
        let typed = page(|coin| drop(coin.insert("burned".to_owned(), 1.into())));
        assert_eq!(told.take_in("v3", &typed, &usd()), [""; 0], "its first type is no change");
        let other = Shape::of(br#"{"data":[{"id":1,"x":2}]}"#).unwrap();
        assert_eq!(told.take_in("v3", &other, &usd()), [""; 0]);
        assert_eq!(Told::from_json(b"\xff"), Told::default());
    }
}
