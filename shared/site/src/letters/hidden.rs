//! Headers and fields of bodies that `[http] hide` keeps from whoever looks.

use std::borrow::Cow;
use std::ops::Range;

use domain::Class;
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

    /// Whether the header or field `name` is hidden.
    pub(crate) fn has(self, name: &str) -> bool {
        self.0.iter().any(|hidden| hidden.eq_ignore_ascii_case(name))
    }

    /// The value of the header `name` as it is shown.
    pub(crate) fn header<'v>(self, name: &str, value: &'v str) -> &'v str {
        if self.has(name) { HIDDEN } else { value }
    }

    /// The reason of what is of `class` as it is shown. Why a message was not handled may quote any part of it, in a form of its own, so
    /// where something is hidden it is not shown; an incident is without a message.
    pub(crate) fn reason(self, class: Class, reason: &str) -> &str {
        if self.is_nothing() || class == Class::Incident { reason } else { HIDDEN }
    }

    /// The text of JSON with the values of hidden fields replaced, and every other byte as it was; `None` when it is no JSON and so
    /// nobody knows what is in it.
    pub(crate) fn body(self, text: &str) -> Option<Cow<'_, str>> {
        if self.is_nothing() {
            return Some(Cow::Borrowed(text));
        }
        // This neither recurses nor keeps anything; what is below relies on it.
        serde_json::from_str::<&RawValue>(text).ok()?;
        let (mut shown, mut done) = (String::with_capacity(text.len()), 0);
        for value in self.find(text)? {
            shown.extend([&text[done..value.start], "\"", HIDDEN, "\""]);
            done = value.end;
        }
        shown.push_str(&text[done..]);
        Some(Cow::Owned(shown))
    }

    /// Where the values of hidden fields are in `json`, in their order. Objects within objects are not followed but read over, once, so
    /// that their depth costs nothing. `None` when the name of a field is no text.
    fn find(self, json: &str) -> Option<Vec<Range<usize>>> {
        let bytes = json.as_bytes();
        let (mut found, mut at) = (Vec::new(), 0);
        while let Some(byte) = bytes.get(at) {
            if *byte != b'"' {
                at += 1;
                continue;
            }
            let end = text_end(bytes, at);
            let colon = after_blanks(bytes, end);
            // Only the name of a field has a colon behind it.
            let is_name = bytes.get(colon) == Some(&b':');
            if is_name && self.has(&serde_json::from_str::<Cow<'_, str>>(&json[at..end]).ok()?) {
                let begin = after_blanks(bytes, colon + 1);
                at = value_end(bytes, begin);
                found.push(begin..at);
            } else {
                at = end;
            }
        }
        Some(found)
    }
}

/// Behind the text of JSON that begins at `at`.
fn text_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'"' => return end + 1,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    bytes.len()
}

fn after_blanks(bytes: &[u8], at: usize) -> usize {
    let blanks = bytes.iter().skip(at).take_while(|byte| byte.is_ascii_whitespace());
    at + blanks.count()
}

/// Behind the value of JSON that begins at `at`.
fn value_end(bytes: &[u8], at: usize) -> usize {
    let (mut end, mut depth) = (at, 0_usize);
    while let Some(byte) = bytes.get(end) {
        end = match byte {
            b'"' => text_end(bytes, end),
            b'{' | b'[' => {
                depth += 1;
                end + 1
            }
            // The end of what the value is in.
            byte if depth == 0 && (b"}],".contains(byte) || byte.is_ascii_whitespace()) => return end,
            b'}' | b']' => {
                depth -= 1;
                end + 1
            }
            // A part of a number or of a word.
            _ => {
                end += 1;
                continue;
            }
        };
        if depth == 0 {
            return end;
        }
    }
    bytes.len()
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

    /// Each of these once ended the process.
    #[test]
    fn a_body_of_any_depth_is_read_over() {
        let names = ["secret".to_owned()];
        let hidden = Hidden(&names);
        let depth = 200_000;
        let arrays = format!("{}{{\"secret\": 1}}{}", "[".repeat(depth), "]".repeat(depth));
        let shown = hidden.body(&arrays).unwrap();
        assert_eq!(shown, arrays.replace(": 1", &format!(": \"{HIDDEN}\"")));
        let objects = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert_eq!(hidden.body(&objects).unwrap(), objects);
        let within = format!("{{\"secret\": {arrays}, \"b\": [true, \"secret\"]}}");
        let expected = format!("{{\"secret\": \"{HIDDEN}\", \"b\": [true, \"secret\"]}}");
        assert_eq!(hidden.body(&within).unwrap(), expected);
    }
}
