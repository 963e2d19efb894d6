//! Lists and objects of JSON of which only the beginning is kept: a hostile page has millions of elements in a few bytes each.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The first elements of a list.
pub(super) struct Items<'a>(pub(super) Vec<&'a RawValue>);

/// The first fields of an object.
pub(super) struct Fields<'a>(pub(super) Vec<(String, &'a RawValue)>);

/// Elements that are kept: the API sends at most 5,000 coins.
const MOST_ITEMS: usize = 5000;
pub(super) const MOST_FIELDS: usize = 300;

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemsVisitor)
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = Items<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items<'de>, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MOST_ITEMS {
            let Some(item) = list.next_element()? else { return Ok(Items(kept)) };
            kept.push(item);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Items(kept))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Fields<'de>, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MOST_FIELDS {
            let Some(field) = object.next_entry()? else { return Ok(Fields(kept)) };
            kept.push(field);
        }
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Fields(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_is_kept_and_the_whole_is_read() {
        let list = format!("[{}1]", "1,".repeat(20_000));
        assert_eq!(serde_json::from_str::<Items<'_>>(&list).unwrap().0.len(), MOST_ITEMS);
        let object = format!("{{{}\"z\":1}}", "\"a\":1,".repeat(20_000));
        assert_eq!(serde_json::from_str::<Fields<'_>>(&object).unwrap().0.len(), MOST_FIELDS);
        // What follows has to be JSON all the same.
        assert!(serde_json::from_str::<Items<'_>>(&list[..list.len() - 1]).is_err());
        assert!(serde_json::from_str::<Fields<'_>>(&object[..object.len() - 1]).is_err());
        assert!(
            serde_json::from_str::<Items<'_>>("{}").is_err()
                && serde_json::from_str::<Fields<'_>>("[]").is_err()
        );
    }
}
