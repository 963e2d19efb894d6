//! Changing one value in a text of JSON, and nothing else of it: every other digit stays as it was sent.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use anyhow::{anyhow, bail};
use serde_json::value::RawValue;

use crate::hidden::Hidden;

/// A step on the way to a value.
enum Step<'p> {
    /// The field of an object.
    Field(&'p str),
    /// The element of an array, from 0.
    Element(usize),
    /// The element of an array that has this field with this value: `[id=1027]`.
    With(&'p str, &'p str),
}

/// `text` with the value at `path` replaced by `value`, which is JSON. A field that an object does not have is added to it.
///
/// A path is `data[0].quote.USD.price`, or `data[id=1027].name`.
///
/// # Errors
///
/// When the path leads nowhere, or one of the texts is no JSON.
pub fn set(text: &str, path: &str, value: &str) -> anyhow::Result<String> {
    serde_json::from_str::<&RawValue>(value).map_err(|_| {
        anyhow!("the value is no JSON: {value}; a text stands in quotation marks, such as \"Ethereum\"")
    })?;
    let whole: &RawValue = serde_json::from_str(text).map_err(|_| {
        anyhow!("the body is no JSON, so it has no values that a path leads to; edit all of it (--file)")
    })?;
    let (mut found, steps) = (whole.get(), steps(path)?);
    for (number, step) in steps.iter().enumerate() {
        let next = match step {
            Step::Field(name) => fields(found)?.get(*name).map(|value| value.get()),
            Step::Element(index) => elements(found)?.get(*index).map(|value| value.get()),
            Step::With(name, wanted) => element_with(found, name, wanted)?,
        };
        found = match (next, step) {
            (Some(next), _) => next,
            (None, Step::Field(name)) if number + 1 == steps.len() => {
                let at = place(text, found) + 1;
                let comma = if fields(found)?.is_empty() { "" } else { "," };
                let name = serde_json::to_string(name)?;
                return Ok(format!("{}{name}:{value}{comma}{}", &text[..at], &text[at..]));
            }
            (None, step) => bail!("the path {path} leads nowhere: there is no {step}"),
        };
    }
    let at = place(text, found);
    Ok(format!("{}{value}{}", &text[..at], &text[at + found.len()..]))
}

/// Whether what is `hidden` stands on a path, or chooses an element on it: whether that leads anywhere would tell what it is. A path that
/// is none leads nowhere, whatever the body is.
pub fn is_hidden(path: &str, hidden: Hidden<'_>) -> bool {
    let is_hidden = |step: &Step<'_>| match step {
        Step::Field(name) => hidden.has_field(name),
        Step::Element(_) => false,
        Step::With(name, wanted) => {
            let has_hidden = hidden.body(wanted).is_some_and(|shown| shown != *wanted);
            hidden.has_field(name) || hidden.may_be_in(wanted) || has_hidden
        }
    };
    steps(path).is_ok_and(|steps| steps.iter().any(is_hidden))
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "field {name}"),
            Self::Element(index) => write!(f, "element [{index}]"),
            Self::With(name, value) => write!(f, "element whose {name} is {value}"),
        }
    }
}

fn steps(path: &str) -> anyhow::Result<Vec<Step<'_>>> {
    let wrong = || anyhow!("{path:?} is no path such as data[0].quote.USD.price or data[id=1027].name");
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
        if !name.is_empty() {
            steps.push(Step::Field(name));
        } else if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let (inside, after) =
                rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or_else(wrong)?;
            steps.push(match inside.split_once('=') {
                Some((name, value)) => Step::With(name, value),
                None => Step::Element(inside.parse().map_err(|_| wrong())?),
            });
            rest = after;
        }
    }
    Ok(steps)
}

fn fields(json: &str) -> anyhow::Result<BTreeMap<Cow<'_, str>, &RawValue>> {
    serde_json::from_str(json).map_err(|_| anyhow!("{} is no object", kind(json)))
}

fn elements(json: &str) -> anyhow::Result<Vec<&RawValue>> {
    serde_json::from_str(json).map_err(|_| anyhow!("{} is no array", kind(json)))
}

fn element_with<'j>(json: &'j str, name: &str, wanted: &str) -> anyhow::Result<Option<&'j str>> {
    let is_it = |element: &&&RawValue| {
        let value = fields(element.get()).ok().and_then(|fields| fields.get(name).map(|value| value.get()));
        value.is_some_and(|value| value == wanted || value.trim_matches('"') == wanted)
    };
    Ok(elements(json)?.iter().find(is_it).map(|element| element.get()))
}

/// Where `part` of `text` begins.
fn place(text: &str, part: &str) -> usize {
    part.as_ptr().addr() - text.as_ptr().addr()
}

/// What a value is. Its text is not told: it may be hidden from whoever asks.
fn kind(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a text",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        r#"{"data": [{"id": 1, "price": 0.10000000000000000001}, {"id": 1027, "name": "E"}], "n": 1e400}"#;

    #[test]
    fn one_value_changes_and_every_other_byte_stays() {
        for (path, value, expected) in [
            ("data[0].price", "7", PAGE.replace("0.10000000000000000001", "7")),
            ("data[id=1027].name", "\"Ether\"", PAGE.replace("\"E\"", "\"Ether\"")),
            ("data[name=E].id", "2", PAGE.replace("1027", "2")),
            ("n", "[1, 2]", PAGE.replace("1e400", "[1, 2]")),
            ("data[1].slug", "null", PAGE.replace("{\"id\": 1027", "{\"slug\":null,\"id\": 1027")),
        ] {
            assert_eq!(set(PAGE, path, value).unwrap(), expected, "{path}");
        }
        assert_eq!(set("{}", "a", "1").unwrap(), r#"{"a":1}"#);
        assert_eq!(set("[[1]]", "[0][0]", "2").unwrap(), "[[2]]");
    }

    /// A text that tells what is hidden was once guessed by its beginning, where a bracket stood before the name.
    #[test]
    fn what_is_hidden_is_on_no_path() {
        let names = ["secret".to_owned()];
        for (path, expected) in [
            ("data[0].Secret", true),
            ("data[secret=1].x", true),
            ("reason", true),
            (r#"data[raw=[{"secret": 1]"#, true),
            (r#"data[raw=[{\"secret\": 1].x"#, true),
            (r#"data[raw={"secret": 1}].x"#, true),
            (r#"data[raw="\u0073ecret"].x"#, true),
            (r#"data[raw={"reason": 1}].x"#, true),
            (r#"data[raw={"season": 1}].x"#, false),
            ("data[id=1].name", false),
            ("data[x]", false),
            ("a..secret", false),
        ] {
            assert_eq!(is_hidden(path, Hidden(&names)), expected, "{path}");
            assert!(!is_hidden(path, Hidden(&[])), "{path}");
        }
    }

    #[test]
    fn what_is_not_there_or_no_json_is_told() {
        for (path, value, said) in [
            ("data[7].price", "1", "the path data[7].price leads nowhere: there is no element [7]"),
            ("data[id=5].price", "1", "there is no element whose id is 5"),
            ("m.price", "1", "there is no field m"),
            ("data.price", "1", "an array is no object"),
            ("n[0]", "1", "a number is no array"),
            ("data[1].name.x", "1", "a text is no object"),
            ("data[x]", "1", "is no path"),
            ("a..b", "1", "is no path"),
            ("n", "{", "the value is no JSON: {; a text stands in quotation marks"),
            ("n", "not json", "the value is no JSON: not json; "),
        ] {
            let refused = format!("{:#}", set(PAGE, path, value).unwrap_err());
            assert!(refused.contains(said), "{path}: {refused}");
        }
        assert!(format!("{:#}", set("<html>", "a", "1").unwrap_err()).contains("--file"));
    }
}
