//! Writing JSON field by field, so that a row has the order of the real API.

use std::fmt::{Display, Write as _};

/// Writes the fields of one JSON object. Writing to a `String` cannot fail, so results of `write!` are dropped.
pub(in crate::market) struct Object<'o> {
    pub(in crate::market) out: &'o mut String,
    empty: bool,
}

impl<'o> Object<'o> {
    pub(in crate::market) fn open(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    pub(in crate::market) fn key(&mut self, name: &str) {
        self.out.push_str(if self.empty { "\"" } else { ",\"" });
        self.out.push_str(name);
        self.out.push_str("\":");
        self.empty = false;
    }

    /// A field whose value shows itself as JSON.
    pub(in crate::market) fn field(&mut self, name: &str, value: impl Display) {
        self.key(name);
        let _ = write!(self.out, "{value}");
    }

    pub(in crate::market) fn field_if(&mut self, wanted: bool, name: &str, value: impl Display) {
        if wanted {
            self.field(name, value);
        }
    }

    /// A text that may need escapes.
    pub(in crate::market) fn text(&mut self, name: &str, value: &str) {
        self.field(name, serde_json::Value::from(value));
    }

    pub(in crate::market) fn close(self) {
        self.out.push('}');
    }
}

/// A text that needs no escapes.
pub(in crate::market) struct Quoted<'a>(pub(in crate::market) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}
