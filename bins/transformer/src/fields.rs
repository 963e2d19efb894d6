//! JSON objects whose fields stay raw until someone asks for them.
//!
//! The derive of serde cannot tell null from missing, and fails a whole struct for one odd field that
//! nobody uses. Here each field is read alone, so its fault has a name.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// What the API sent for a field. Zero, null and missing mean different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent<T> {
    /// The field is not there.
    Missing,
    /// The field is null.
    Null,
    /// The field has a value.
    Value(T),
}

impl<T> Sent<T> {
    /// The value, when neither null nor missing.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Missing | Self::Null => None,
        }
    }
}

/// The fields of one JSON object. Nested values are checked JSON, but not looked into, so that no depth
/// of nesting can exhaust the stack.
pub(crate) struct Fields<'a>(Vec<(Name<'a>, &'a RawValue)>);

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Fields<'a> {
    /// Reads `text`, which must be an object.
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The fields of `raw`; `None` when it is not an object.
    pub(crate) fn of(raw: &'a RawValue) -> Option<Self> {
        Self::parse(raw.get()).ok()
    }

    /// What was sent as `name`. Of repeated fields the last one counts, as in most JSON readers.
    pub(crate) fn get(&self, name: &str) -> Sent<&'a RawValue> {
        match self.0.iter().rfind(|(field, _)| field.0 == name) {
            None => Sent::Missing,
            Some((_, raw)) if raw.get() == "null" => Sent::Null,
            Some((_, raw)) => Sent::Value(raw),
        }
    }

    /// The field `name` as a `T`; `None` when it is missing, null, or not a `T`.
    pub(crate) fn optional<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        parse_as(self.get(name).value()?)
    }
}

/// `raw` as a `T`, if it is one.
pub(crate) fn parse_as<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// The beginning of `raw`, short enough to quote in a reason.
pub(crate) fn excerpt(raw: &RawValue) -> String {
    const CHARS: usize = 60;
    let text = raw.get();
    match text.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_missing_and_zero_are_three_things() {
        let fields =
            Fields::parse(r#"{"zero": 0, "null": null, "twice": 1, "twice": 2, "\u0061": 3}"#).unwrap();
        let text = |name| match fields.get(name) {
            Sent::Missing => "missing",
            Sent::Null => "null",
            Sent::Value(raw) => raw.get(),
        };
        assert_eq!(["zero", "null", "other", "twice", "a"].map(text), ["0", "null", "missing", "2", "3"]);
    }

    #[test]
    fn only_objects_have_fields() {
        for text in ["[]", "1", "\"x\"", "null", "[[\"a\", 1]]"] {
            assert!(Fields::parse(text).is_err(), "{text}");
        }
    }
}
