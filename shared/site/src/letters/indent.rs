//! JSON with a line for each value, for people to read. Texts and numbers stay as they were sent; only blanks between them change.

use std::borrow::Cow;

use desk::text_end;

/// What lies deeper is not indented further, so that a deep body is not blanks.
const DEEPEST: usize = 20;

/// The beginning of `json` in lines, of at most `most` characters, and how many characters of `json` are left.
pub(super) fn indented(json: &str, most: usize) -> (String, usize) {
    let (mut shown, mut room, mut depth, mut rest) = (String::new(), most, 0_usize, json.trim());
    while room > 0 && !rest.is_empty() {
        let token = token(rest);
        let text = match token.as_bytes() {
            [b'{' | b'['] => {
                depth += 1;
                Cow::Owned(format!("{token}{}", line(depth)))
            }
            // With nothing in it.
            [open @ (b'{' | b'['), .., close] => Cow::Owned([*open, *close].map(char::from).iter().collect()),
            [b'}' | b']'] => {
                depth = depth.saturating_sub(1);
                Cow::Owned(format!("{}{token}", line(depth)))
            }
            b"," => Cow::Owned(format!(",{}", line(depth))),
            b":" => Cow::Borrowed(": "),
            _ => Cow::Borrowed(token),
        };
        let end = text.char_indices().nth(room).map_or(text.len(), |(at, _)| at);
        shown.push_str(&text[..end]);
        room -= text[..end].chars().count();
        let is_shown = end == text.len() || (text.len() > token.len() && text.starts_with(token));
        let is_value = text == token;
        // A long text may be cut anywhere.
        let done = if is_shown { token.len() } else { usize::from(is_value) * end };
        rest = rest[done..].trim_start();
    }
    (shown, rest.chars().count())
}

fn line(depth: usize) -> String {
    format!("\n{}", "  ".repeat(depth.min(DEEPEST)))
}

/// The first thing in `json`, which does not begin with a blank: a bracket, or both of those around nothing; a comma or a colon; a text,
/// a number or a word.
fn token(json: &str) -> &str {
    let end = match json.as_bytes()[0] {
        open @ (b'{' | b'[') => {
            let within = json[1..].trim_start();
            let is_empty = within.as_bytes().first() == Some(&(open + 2));
            if is_empty { json.len() - within.len() + 1 } else { 1 }
        }
        b'}' | b']' | b',' | b':' => 1,
        b'"' => text_end(json.as_bytes(), 0),
        _ => {
            let is_end = |c: char| "{}[],:\"".contains(c) || c.is_whitespace();
            json.find(is_end).unwrap_or(json.len())
        }
    };
    &json[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"data":[{"price": 0.10000000000000000001,"n":1e400,"name":"a, {\"b\": [1]}: ü\\"},null ],"none":{ },"no": []}"#;

    #[test]
    fn each_value_has_a_line_and_every_digit_stays() {
        let expected = r#"{
  "data": [
    {
      "price": 0.10000000000000000001,
      "n": 1e400,
      "name": "a, {\"b\": [1]}: ü\\"
    },
    null
  ],
  "none": {},
  "no": []
}"#;
        assert_eq!(indented(BODY, 1000), (expected.to_owned(), 0));
        // What is in lines already stays so.
        assert_eq!(indented(expected, 1000), (expected.to_owned(), 0));
        for same in ["7", "\"a\\\"", "true", "[]", ""] {
            assert_eq!(indented(same, 10), (same.to_owned(), 0));
        }
    }

    #[test]
    fn wherever_it_is_cut_it_says_how_much_is_left() {
        let whole = indented(BODY, 1000).0;
        let mut before = usize::MAX;
        for most in 0..=whole.chars().count() {
            let (shown, left) = indented(BODY, most);
            assert!(shown.chars().count() == most && whole.starts_with(&shown), "{most}: {shown}");
            assert!(left <= before && (left == 0) == (shown == whole), "{most}: {left} after {before}");
            before = left;
        }
        assert_eq!(indented(BODY, 0).1, BODY.chars().count());
        let (shown, left) = indented(&format!("\"{}\"", "ü".repeat(100)), 11);
        assert_eq!((shown.chars().count(), left), (11, 91));
    }

    /// Once such a body ended the process.
    #[test]
    fn a_deep_body_is_no_more_than_was_asked_for() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let (shown, left) = indented(&deep, 20_000);
        assert!(shown.chars().count() == 20_000 && left > 398_000, "{left}");
        // What is no JSON after all has an end, too.
        for odd in ["}}]]", "\"", "\"\\", "{", "ü:ü", "a\u{a0}b"] {
            assert_eq!(indented(odd, 1000).1, 0, "{odd}");
        }
    }
}
