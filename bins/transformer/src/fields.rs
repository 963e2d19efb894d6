//! JSON objects whose fields stay raw until someone asks for them.
//!
//! What serde derives cannot tell null from missing, and refuses a whole struct for one odd field that nobody uses. Here
//! each field is read alone, so its fault has a name. Only the fields that someone wants are kept: an object with millions
//! of fields takes no memory of its own.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
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

/// Some fields of one JSON object. Nested values are checked JSON, but not looked into, so that no depth
/// of nesting can exhaust the stack.
pub(crate) struct Fields<'n, 'a>(Vec<(&'n str, &'a RawValue)>);

impl<'n, 'a> Fields<'n, 'a> {
    /// Reads the fields `names` of `text`, which must be an object. Others are passed over.
    pub(crate) fn parse<N: AsRef<str>>(text: &'a str, names: &'n [N]) -> Result<Self, serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(text);
        let fields = json.deserialize_map(Object(names))?;
        json.end()?;
        Ok(fields)
    }

    /// Reads the fields `names` of `raw`; `None` when it is not an object.
    pub(crate) fn of<N: AsRef<str>>(raw: &'a RawValue, names: &'n [N]) -> Option<Self> {
        // A parser would say so too, at a hundred times the cost, which counts where there are millions.
        if raw.get().starts_with('{') { Self::parse(raw.get(), names).ok() } else { None }
    }

    /// What was sent as `name`, which must be one of the names that were read. Of repeated fields the last one
    /// counts, as in most JSON readers.
    pub(crate) fn get(&self, name: &str) -> Sent<&'a RawValue> {
        match self.0.iter().find(|(field, _)| *field == name) {
            None => Sent::Missing,
            Some((_, raw)) if raw.get() == "null" => Sent::Null,
            Some((_, raw)) => Sent::Value(raw),
        }
    }

    /// The field `name` as a `T`; `None` when it is missing, null, or not a `T`.
    pub(crate) fn optional<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        parse_as(self.get(name).value()?)
    }

    /// The field `name` as text.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.optional::<Text>(name).map(|Text(text)| text)
    }
}

/// A text that is borrowed where it can be.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

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

struct Object<'n, N>(&'n [N]);

impl<'n, 'a, N: AsRef<str>> Visitor<'a> for Object<'n, N> {
    type Value = Fields<'n, 'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut fields: Vec<(&str, &RawValue)> = Vec::new();
        while let Some(wanted) = map.next_key_seed(Name(self.0))? {
            let Some(name) = wanted else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let raw = map.next_value()?;
            match fields.iter_mut().find(|(field, _)| *field == name) {
                Some(field) => field.1 = raw,
                None => fields.push((name, raw)),
            }
        }
        Ok(Fields(fields))
    }
}

/// Which of the names a key is.
struct Name<'n, N>(&'n [N]);

impl<'n, 'de, N: AsRef<str>> DeserializeSeed<'de> for Name<'n, N> {
    type Value = Option<&'n str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'n, N: AsRef<str>> Visitor<'_> for Name<'n, N> {
    type Value = Option<&'n str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().map(AsRef::as_ref).find(|name| *name == key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_missing_and_zero_are_three_things() {
        let names = ["zero", "null", "other", "twice", "a"];
        let json = r#"{"zero": 0, "null": null, "twice": 1, "odd": [], "twice": 2, "\u0061": 3}"#;
        let fields = Fields::parse(json, &names).unwrap();
        let text = |name| match fields.get(name) {
            Sent::Missing => "missing",
            Sent::Null => "null",
            Sent::Value(raw) => raw.get(),
        };
        assert_eq!(names.map(text), ["0", "null", "missing", "2", "3"]);
    }

    #[test]
    fn only_objects_have_fields() {
        for text in ["[]", "1", "\"x\"", "null", "[[\"a\", 1]]", "{} {}", "{\"a\": 1"] {
            assert!(Fields::parse(text, &["a"]).is_err(), "{text}");
        }
    }
}
