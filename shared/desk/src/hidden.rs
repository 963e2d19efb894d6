//! Headers and fields of bodies that `[http] hide` keeps from whoever looks.
//!
//! A text may tell what is hidden, too: the `raw` of a rejected row is JSON in itself, and its `reason` quotes a value. A text that names a
//! hidden field, be it in a body or in a header, is hidden as a whole, and so is every `reason`.

use std::borrow::Cow;
use std::ops::Range;

use domain::{Class, header};
use serde_json::value::RawValue;

/// What stands in the place of what is hidden.
pub const HIDDEN: &str = "hidden by [http] hide";

/// The field of a body that says why something was not handled: it may quote any value without its name.
const REASON: &str = "reason";

/// What is hidden, by name, whatever its case.
#[derive(Clone, Copy, Debug)]
pub struct Hidden<'a>(pub &'a [String]);

impl Hidden<'_> {
    /// Whether nothing is.
    pub fn is_nothing(self) -> bool {
        self.0.is_empty()
    }

    /// Whether the header or field `name` is hidden.
    pub fn has(self, name: &str) -> bool {
        self.0.iter().any(|hidden| hidden.eq_ignore_ascii_case(name))
    }

    /// Whether the value of the field `name` of a body is hidden, whatever it is.
    pub fn has_field(self, name: &str) -> bool {
        self.has(name) || (!self.is_nothing() && name == REASON)
    }

    /// Whether the value of the header `name` is hidden. What a queue could not read of headers stands in one, in a form of its own.
    pub fn has_header(self, name: &str, value: &str) -> bool {
        self.has(name) || (!self.is_nothing() && name == header::UNREADABLE) || self.may_be_in(value)
    }

    /// Whether `text`, the value of a header, or one of a body or a part of that, may tell what is hidden.
    pub fn may_be_in(self, text: &str) -> bool {
        if self.is_nothing() {
            return false;
        }
        let lower = text.to_ascii_lowercase();
        if self.0.iter().any(|name| lower.contains(&name.to_ascii_lowercase())) {
            return true;
        }
        // Escapes may spell a name, those that JSON needs or others; and JSON may have a field that is always hidden. Each text within a
        // text needs twice the backslashes, so that this cannot go deep.
        let is_escaped = |name: &String| {
            name.contains(|letter: char| matches!(letter, '/' | '\\' | '"') || letter.is_control())
        };
        let may_spell = text.contains("\\u") || (text.contains('\\') && self.0.iter().any(is_escaped));
        let may_say_why = text.match_indices(REASON).any(|(at, _)| {
            let behind = text.as_bytes().get(at + REASON.len());
            matches!(behind, Some(b'"' | b'\\'))
        });
        (may_spell || may_say_why) && self.find(text).is_none_or(|found| !found.is_empty())
    }

    /// The same of a text as JSON writes it, with its quotes and escapes. What is no text after all, half a character say, cannot be
    /// looked into.
    pub(crate) fn may_be_in_json(self, text: &str) -> bool {
        !self.is_nothing()
            && serde_json::from_str::<Cow<'_, str>>(text).map_or(true, |text| self.may_be_in(&text))
    }

    /// The value of the header `name` as it is shown.
    pub fn header<'v>(self, name: &str, value: &'v str) -> &'v str {
        if self.has_header(name, value) { HIDDEN } else { value }
    }

    /// The reason of what is of `class` as it is shown. Why a message was not handled may quote any part of it, in a form of its own, so
    /// where something is hidden it is not shown; an incident is without a message.
    pub fn reason(self, class: Class, reason: &str) -> &str {
        if self.is_nothing() || class == Class::Incident { reason } else { HIDDEN }
    }

    /// The text of JSON with the values of hidden fields replaced, and every other byte as it was; `None` when it is no JSON and so
    /// nobody knows what is in it.
    pub fn body(self, text: &str) -> Option<Cow<'_, str>> {
        if self.is_nothing() {
            return Some(Cow::Borrowed(text));
        }
        let (mut shown, mut done) = (String::with_capacity(text.len()), 0);
        for value in self.find(text)? {
            shown.extend([&text[done..value.start], "\"", HIDDEN, "\""]);
            done = value.end;
        }
        shown.push_str(&text[done..]);
        Some(Cow::Owned(shown))
    }

    /// Where in `json` the values are that are hidden, in their order. Objects within objects are not followed but read over, once, so
    /// that their depth costs nothing. `None` when it is no JSON, or the name of a field is no text.
    fn find(self, json: &str) -> Option<Vec<Range<usize>>> {
        // This neither recurses nor keeps anything; what is below relies on it.
        serde_json::from_str::<&RawValue>(json).ok()?;
        let bytes = json.as_bytes();
        let (mut found, mut at) = (Vec::new(), 0);
        while let Some(byte) = bytes.get(at) {
            if *byte != b'"' {
                at += 1;
                continue;
            }
            let end = text_end(bytes, at);
            let text = &json[at..end];
            let colon = after_blanks(bytes, end);
            // Only the name of a field has a colon behind it.
            if bytes.get(colon) != Some(&b':') {
                if self.may_be_in_json(text) {
                    found.push(at..end);
                }
                at = end;
            } else if self.has_field(&serde_json::from_str::<Cow<'_, str>>(text).ok()?) {
                let begin = after_blanks(bytes, colon + 1);
                at = value_end(bytes, begin);
                found.push(begin..at);
            } else {
                at = colon + 1;
            }
        }
        Some(found)
    }
}

/// Behind the text of JSON that begins, with its quote, at `at`; the end of `bytes` when it has none.
pub fn text_end(bytes: &[u8], at: usize) -> usize {
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
        // What a queue could not read of headers, and what somebody wrote into another one.
        let unreadable = "x-deep: F\nsecret: pssst\n";
        for name in [header::UNREADABLE, "x-other"] {
            assert_eq!(hidden.header(name, unreadable), HIDDEN, "{name}");
            assert_eq!(Hidden(&[]).header(name, unreadable), unreadable);
        }
        // Its names may be cut, or written as bytes.
        assert_eq!(hidden.header(header::UNREADABLE, "{:?}: [115, 101, 99]"), HIDDEN);
    }

    #[test]
    fn a_text_that_may_tell_it_is_hidden_as_a_whole() {
        let names = ["Price".to_owned()];
        let hidden = Hidden(&names);
        let list = r#"[{"index": 1, "raw": "{\"id\": 2, \"price\": -1.5}", "reason": "-1.5 is less than zero"}, {"raw": "{\"id\": 3}"}]"#;
        let expected = format!(
            r#"[{{"index": 1, "raw": "{HIDDEN}", "reason": "{HIDDEN}"}}, {{"raw": "{{\"id\": 3}}"}}]"#
        );
        assert_eq!(hidden.body(list).unwrap(), expected);
        for (text, is_hidden) in [
            // The name is spelt with an escape, in the text of a text, too.
            (r#"["{\"\\u0070rice\": 1}"]"#, true),
            (r#"["{\"a\": \"{\\\"\\\\u0070rice\\\": 1}\"}"]"#, true),
            (r#"["{\"\\u0070lace\": 1}"]"#, false),
            // It was cut, so that nobody knows.
            (r#"["{\"\\u0070ri"]"#, true),
            (r#"["\ud800"]"#, true),
            (r#"["the PRICE is 3"]"#, true),
            (r#"["the prize is 3"]"#, false),
        ] {
            let expected = if is_hidden { format!("[\"{HIDDEN}\"]") } else { text.to_owned() };
            assert_eq!(hidden.body(text).unwrap(), expected);
        }
        assert_eq!(Hidden(&[]).body(list).unwrap(), list);
    }

    /// Every reason is hidden, those of JSON within a text, too; the word alone is none.
    #[test]
    fn a_text_that_has_a_reason_or_spells_a_name_with_other_escapes_is_hidden() {
        let names = ["price/usd".to_owned(), "a\\b".to_owned(), "a\"b".to_owned()];
        for (text, is_hidden) in [
            (r#"["{\"reason\": \"-1.5 is less than zero\"}"]"#, true),
            (r#"["{\"raw\": \"{\\\"reason\\\": 1}\"}"]"#, true),
            (r#"["{\"reason\": \"-1.5 is"]"#, true),
            (r#"["for no reason, \"they\" say"]"#, false),
            (r#"["{\"season\": 1}"]"#, false),
            (r#"["{\"why\": \"reason\"}"]"#, false),
            // As some write what others leave as it is.
            (r#"["{\"price\\/usd\": 1}"]"#, true),
            (r#"["{\"a\\\\b\": 1}"]"#, true),
            (r#"["{\"a\\\"b\": 1}"]"#, true),
            (r#"["{\"price\\/eur\": 1}"]"#, false),
        ] {
            let expected = if is_hidden { format!("[\"{HIDDEN}\"]") } else { text.to_owned() };
            assert_eq!(Hidden(&names).body(text).unwrap(), expected, "{text}");
            assert_eq!(Hidden(&[]).body(text).unwrap(), text);
        }
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
        let within = format!("{{\"secret\": {arrays}, \"b\": [true, \"public\"]}}");
        let expected = format!("{{\"secret\": \"{HIDDEN}\", \"b\": [true, \"public\"]}}");
        assert_eq!(hidden.body(&within).unwrap(), expected);
    }
}
