//! Writing JSON field by field, so that a row has the order of the real API.

use std::fmt::{Display, Write as _};

/// Writes the fields of one JSON object. Writing to a `String` cannot fail, so results of `write!` are dropped.
pub(super) struct Object<'o> {
    pub(super) out: &'o mut String,
    empty: bool,
}

impl<'o> Object<'o> {
    pub(super) fn open(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    pub(super) fn key(&mut self, name: &str) {
        self.out.push_str(if self.empty { "\"" } else { ",\"" });
        self.out.push_str(name);
        self.out.push_str("\":");
        self.empty = false;
    }

    /// A field whose value shows itself as JSON.
    pub(super) fn field(&mut self, name: &str, value: impl Display) {
        self.key(name);
        let _ = write!(self.out, "{value}");
    }

    pub(super) fn field_if(&mut self, wanted: bool, name: &str, value: impl Display) {
        if wanted {
            self.field(name, value);
        }
    }

    /// A text that may need escapes.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.field(name, serde_json::Value::from(value));
    }

    pub(super) fn close(self) {
        self.out.push('}');
    }
}

/// A text that needs no escapes.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}
