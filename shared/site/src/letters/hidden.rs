//! Headers and fields of bodies that `[http] hide` keeps from whoever looks.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// What stands in the place of what is hidden.
pub(crate) const HIDDEN: &str = "hidden by [http] hide";

/// What is hidden, by name, whatever its case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hidden<'a>(pub(crate) &'a [String]);

impl Hidden<'_> {
    /// Whether nothing is.
    pub(crate) fn is_nothing(self) -> bool {
        self.0.is_empty()
    }

    fn has(self, name: &str) -> bool {
        self.0.iter().any(|hidden| hidden.eq_ignore_ascii_case(name))
    }

    /// The value of the header `name` as it is shown.
    pub(crate) fn header<'v>(self, name: &str, value: &'v str) -> &'v str {
        if self.has(name) { HIDDEN } else { value }
    }

    /// The text of JSON with the values of hidden fields replaced, and every other byte as it was; `None` when it is no JSON and so
    /// nobody knows what is in it.
    pub(crate) fn body(self, text: &str) -> Option<Cow<'_, str>> {
        if self.is_nothing() {
            return Some(Cow::Borrowed(text));
        }
        let whole: &RawValue = serde_json::from_str(text).ok()?;
        let mut spans = Vec::new();
        self.find(whole.get(), &mut spans)?;
        let (mut shown, mut done) = (String::with_capacity(text.len()), 0);
        for value in spans {
            let at = value.as_ptr().addr() - text.as_ptr().addr();
            shown.extend([&text[done..at], "\"", HIDDEN, "\""]);
            done = at + value.len();
        }
        shown.push_str(&text[done..]);
        Some(Cow::Owned(shown))
    }

    /// The values of hidden fields in `json`, in the order in which they stand there.
    fn find<'j>(self, json: &'j str, spans: &mut Vec<&'j str>) -> Option<()> {
        match json.as_bytes().first() {
            Some(b'{' | b'[') => {}
            _ => return Some(()),
        }
        let Parts(parts) = serde_json::from_str(json).ok()?;
        for (name, value) in parts {
            if name.is_some_and(|name| self.has(&name)) {
                spans.push(value.get());
            } else {
                self.find(value.get(), spans)?;
            }
        }
        Some(())
    }
}

/// What an object or an array has in it, in its order; names may come twice.
struct Parts<'j>(Vec<(Option<String>, &'j RawValue)>);

impl<'de> Deserialize<'de> for Parts<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Parts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or an array")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts<'de>, A::Error> {
                let mut parts = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    parts.push((Some(name), value));
                }
                Ok(Parts(parts))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Parts<'de>, A::Error> {
                let mut parts = Vec::new();
                while let Some(value) = elements.next_element::<&RawValue>()? {
                    parts.push((None, value));
                }
                Ok(Parts(parts))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_fields_are_replaced_and_every_other_byte_stays() {
        let names = ["Secret".to_owned()];
        let hidden = Hidden(&names);
        let text = r#"{"price": 0.10000000000000000001, "secret": {"a": [1]}, "x": [{"SECRET": "y", "z": 1e400}],
            "secret": 1, "\u0073ecret": 2}"#;
        let shown = hidden.body(text).unwrap();
        let expected = format!(
            r#"{{"price": 0.10000000000000000001, "secret": "{HIDDEN}", "x": [{{"SECRET": "{HIDDEN}", "z": 1e400}}],
            "secret": "{HIDDEN}", "\u0073ecret": "{HIDDEN}"}}"#
        );
        assert_eq!(shown, expected);
        assert_eq!(hidden.body("secret: 1"), None, "nobody knows what is in it");
        assert_eq!(Hidden(&[]).body("secret: 1").as_deref(), Some("secret: 1"));
        assert_eq!((hidden.header("x-SECRET", "1"), hidden.header("sECRET", "1")), ("1", HIDDEN));
    }
}
