//! JSON from outside, read piece by piece: an array of millions of zeros takes no more memory than its text.

use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Gives each element of the array `raw` to `take`, in order, until it fails. `None` when `raw` is no array.
pub fn each_element<'a, E>(
    raw: &'a RawValue,
    take: impl FnMut(&'a RawValue) -> Result<(), E>,
) -> Option<Result<(), E>> {
    let mut failed = None;
    let mut json = serde_json::Deserializer::from_str(raw.get());
    match json.deserialize_seq(Elements { take, failed: &mut failed }) {
        Ok(()) => Some(Ok(())),
        Err(_) => failed.map(Err),
    }
}

/// The names in an object of at most `MOST` fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names<const MOST: usize>(pub Vec<String>);

impl<'de, const MOST: usize> Deserialize<'de> for Names<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object::<MOST>)
    }
}

struct Elements<'e, F, E> {
    take: F,
    failed: &'e mut Option<E>,
}

impl<'a, F: FnMut(&'a RawValue) -> Result<(), E>, E> Visitor<'a> for Elements<'_, F, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<S: SeqAccess<'a>>(mut self, mut elements: S) -> Result<(), S::Error> {
        while let Some(raw) = elements.next_element()? {
            if let Err(error) = (self.take)(raw) {
                *self.failed = Some(error);
                return Err(S::Error::custom("enough was read"));
            }
        }
        Ok(())
    }
}

struct Object<const MOST: usize>;

impl<'de, const MOST: usize> Visitor<'de> for Object<MOST> {
    type Value = Names<MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of at most {MOST} fields")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut names = Vec::new();
        while let Some((name, IgnoredAny)) = map.next_entry()? {
            if names.len() == MOST {
                return Err(M::Error::invalid_length(MOST + 1, &self));
            }
            names.push(name);
        }
        Ok(Names(names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_given_one_by_one_until_it_is_enough() {
        let each = |json: &str, most: usize| {
            let raw = RawValue::from_string(json.to_owned()).unwrap();
            let mut taken = Vec::new();
            let ended = each_element(&raw, |raw| {
                taken.push(raw.get().to_owned());
                if taken.len() < most { Ok(()) } else { Err("enough") }
            });
            (ended, taken)
        };
        assert_eq!(each("[1, [2], {}]", 9), (Some(Ok(())), vec!["1".into(), "[2]".into(), "{}".into()]));
        assert_eq!(each("[1, 2, 3]", 2), (Some(Err("enough")), vec!["1".into(), "2".into()]));
        assert_eq!(each("[]", 1), (Some(Ok(())), vec![]));
        for json in ["{}", "1", "null", "\"[]\""] {
            assert_eq!(each(json, 1), (None, vec![]), "{json}");
        }
    }

    #[test]
    fn an_object_of_more_fields_than_asked_for_has_no_names() {
        let names = |json| serde_json::from_str::<Names<2>>(json).ok().map(|names| names.0);
        assert_eq!(names(r#"{"b": [], "a": 1}"#), Some(vec!["b".to_owned(), "a".to_owned()]));
        assert_eq!(names(r#"{"a": 1, "b": 2, "c": 3}"#), None);
        assert_eq!(names("[]"), None);
    }
}
