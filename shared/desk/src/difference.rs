//! What an edit changed, value by value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use crate::document::Document;
use crate::hidden::{HIDDEN, Hidden};
use domain::counted;

/// Lines that are shown of a difference.
const MOST: usize = 40;

/// Characters of a value that are shown.
const VALUE: usize = 100;

/// Objects and arrays within each other, beyond which a body is not compared value by value.
const DEPTH: usize = 128;

/// The differences from `before` to `after`, in lines; none when they are equal. Of what is hidden it tells only that it differs.
pub(crate) fn difference(before: &Document, after: &Document, hide: Hidden<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let names = |document: &Document| -> BTreeSet<String> {
        document.headers.iter().map(|(name, _)| name.to_owned()).collect()
    };
    for name in names(before).union(&names(after)) {
        let (one, other) = (before.headers.get(name), after.headers.get(name));
        let what = format!("header {}", domain::one_line(name, VALUE));
        if ![one, other].into_iter().flatten().any(|value| hide.has_header(name, value)) {
            tell(&mut lines, &what, one, other);
        } else if one != other {
            lines.push(unseen(&what));
        }
    }
    if before.body != after.body {
        let count = lines.len();
        match (Tree::of(&before.body, hide, DEPTH), Tree::of(&after.body, hide, DEPTH)) {
            (Ok(one), Ok(other)) => compare("body", &one, &other, &mut lines),
            (Err(Odd::NoJson), _) | (_, Err(Odd::NoJson)) if hide.is_nothing() => {
                tell(&mut lines, "body", Some(&before.body), Some(&after.body));
            }
            // Nobody knows what is in it.
            _ => {
                let size = |document: &Document| counted(document.body.len() as u64, "byte");
                lines.push(format!("body of {} → body of {}", size(before), size(after)));
            }
        }
        if lines.len() == count {
            lines.push("body: only its blanks differ".to_owned());
        }
    }
    if lines.len() > MOST {
        let more = counted((lines.len() - MOST) as u64, "more difference");
        lines.truncate(MOST);
        lines.push(format!("… and {more}"));
    }
    lines
}

fn unseen(what: &str) -> String {
    format!("{what}: changed; what it is, is {HIDDEN}")
}

/// JSON, with its values as they were sent.
enum Tree<'a> {
    Object(BTreeMap<String, Tree<'a>>),
    Array(Vec<Tree<'a>>),
    Value(&'a str),
    /// What is not shown.
    Hidden(&'a str),
}

/// Why there is no tree.
enum Odd {
    NoJson,
    TooDeep,
}

impl<'a> Tree<'a> {
    /// The tree of `json`, of which at most `depth` objects and arrays are within each other.
    fn of(json: &'a str, hide: Hidden<'_>, depth: usize) -> Result<Self, Odd> {
        let json = json.trim();
        if !json.starts_with(['{', '[']) {
            let value = serde_json::from_str::<&RawValue>(json).map_err(|_| Odd::NoJson)?;
            let is_hidden = json.starts_with('"') && hide.may_be_in_json(json);
            let value = value.get();
            return Ok(if is_hidden { Self::Hidden(value) } else { Self::Value(value) });
        }
        let depth = depth.checked_sub(1).ok_or(Odd::TooDeep)?;
        if json.starts_with('{') {
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(json).map_err(|_| Odd::NoJson)?;
            let tree = |(name, value): (String, &'a RawValue)| {
                let value = if hide.has_field(&name) {
                    Self::Hidden(value.get())
                } else {
                    Self::of(value.get(), hide, depth)?
                };
                Ok((name, value))
            };
            return fields.into_iter().map(tree).collect::<Result<_, _>>().map(Self::Object);
        }
        let elements: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| Odd::NoJson)?;
        let elements = elements.into_iter().map(|value| Self::of(value.get(), hide, depth));
        elements.collect::<Result<_, _>>().map(Self::Array)
    }

    fn shown(&self) -> String {
        match self {
            Self::Object(fields) => format!("{{{}}}", counted(fields.len() as u64, "field")),
            Self::Array(elements) => format!("[{}]", counted(elements.len() as u64, "element")),
            Self::Value(text) => (*text).to_owned(),
            Self::Hidden(_) => HIDDEN.to_owned(),
        }
    }
}

fn compare(path: &str, before: &Tree<'_>, after: &Tree<'_>, lines: &mut Vec<String>) {
    match (before, after) {
        (Tree::Object(one), Tree::Object(other)) => {
            let names: BTreeSet<_> = one.keys().chain(other.keys()).collect();
            for name in names {
                // A name of megabytes is not written for each of its elements.
                let path = format!("{path}.{}", domain::one_line(name, VALUE));
                part(&path, one.get(name), other.get(name), lines);
            }
        }
        (Tree::Array(one), Tree::Array(other)) => {
            for index in 0..one.len().max(other.len()) {
                part(&format!("{path}[{index}]"), one.get(index), other.get(index), lines);
            }
        }
        (Tree::Value(one), Tree::Value(other)) => tell(lines, path, Some(one), Some(other)),
        (Tree::Hidden(one), Tree::Hidden(other)) if one == other => {}
        (Tree::Hidden(_), Tree::Hidden(_)) => lines.push(unseen(path)),
        _ => tell(lines, path, Some(&before.shown()), Some(&after.shown())),
    }
}

fn part(path: &str, before: Option<&Tree<'_>>, after: Option<&Tree<'_>>, lines: &mut Vec<String>) {
    match (before, after) {
        (Some(before), Some(after)) => compare(path, before, after, lines),
        (before, after) => {
            let (before, after) = (before.map(Tree::shown), after.map(Tree::shown));
            tell(lines, path, before.as_deref(), after.as_deref());
        }
    }
}

fn tell(lines: &mut Vec<String>, what: &str, before: Option<&str>, after: Option<&str>) {
    if before != after {
        let shown = |text: Option<&str>| {
            text.map_or_else(|| "nothing".to_owned(), |text| domain::one_line(text, VALUE))
        };
        lines.push(format!("{what}: {} → {}", shown(before), shown(after)));
    }
}

#[cfg(test)]
mod tests {
    use domain::{Class, DeadLetter, Headers, Message, MessageId, StageName};
    use testkit::contract::store::sample::at;

    use super::*;

    fn document(page: &str, body: &str) -> Document {
        let headers = Headers::new().with("x-page", page);
        let message = Message { id: MessageId::new("m"), headers, body: body.as_bytes().to_vec().into() };
        let letter =
            DeadLetter::for_message(&message, StageName::Transformer, Class::Poison, "c", "r", at(0));
        Document::of(&letter).unwrap()
    }

    #[test]
    fn each_value_that_differs_is_told_with_its_digits() {
        let before = document("1", r#"{"data": [{"id": 1, "price": 1.10}, 2], "old": {}}"#);
        let after = document("2", r#"{"data": [{"id": 1, "price": 1.1, "name": "x"}], "old": []}"#);
        let expected = [
            "header x-page: 1 → 2",
            "body.data[0].name: nothing → \"x\"",
            "body.data[0].price: 1.10 → 1.1",
            "body.data[1]: 2 → nothing",
            "body.old: {0 fields} → [0 elements]",
        ];
        assert_eq!(difference(&before, &after, Hidden(&[])), expected);
        assert_eq!(difference(&before, &before, Hidden(&[])), [""; 0]);
        assert_eq!(
            difference(&document("1", "garbage"), &document("1", "{}"), Hidden(&[])),
            ["body: garbage → {}"]
        );
        assert_eq!(
            difference(&document("1", "[ ]"), &document("1", "[]"), Hidden(&[])),
            ["body: only its blanks differ"]
        );
        let long = |value: &str| format!("[{}]", vec![value; 50].join(","));
        let lines = difference(&document("1", &long("1")), &document("1", &long("2")), Hidden(&[]));
        assert_eq!((lines.len(), lines[40].as_str()), (41, "… and 10 more differences"));
    }

    /// Each of these once ended the process.
    #[test]
    fn a_body_that_is_too_deep_is_told_by_its_size() {
        let arrays = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        let told =
            |one: &str, other: &str| difference(&document("1", one), &document("1", other), Hidden(&[]));
        assert_eq!(told(&arrays(200_000), "[]"), ["body of 400,001 bytes → body of 2 bytes"]);
        assert_eq!(told("[]", &objects(200_000)), ["body of 2 bytes → body of 1,200,001 bytes"]);
        assert_eq!(told(&arrays(DEPTH), "2"), ["body: [1 element] → 2"]);
        assert_eq!(told(&arrays(DEPTH + 1), "2"), ["body of 259 bytes → body of 1 byte"]);
    }

    #[test]
    fn what_is_hidden_is_not_told() {
        let hide = ["secret".to_owned(), "X-Page".to_owned()];
        let before = document(
            "1",
            r#"{"a": {"secret": "pssst", "b": 1}, "secret": [1], "c": {"secret": 1}, "reason": 1,
                "raw": "{\"secret\": 1}"}"#,
        );
        let after = document(
            "2",
            r#"{"a": {"SECRET": "psst", "b": 2}, "secret": [2], "c": {"secret": 1}, "reason": 2,
                "raw": "{\"secret\": 2}"}"#,
        );
        let expected = [
            "header x-page: changed; what it is, is hidden by [http] hide",
            "body.a.SECRET: nothing → hidden by [http] hide",
            "body.a.b: 1 → 2",
            "body.a.secret: hidden by [http] hide → nothing",
            "body.raw: changed; what it is, is hidden by [http] hide",
            "body.reason: changed; what it is, is hidden by [http] hide",
            "body.secret: changed; what it is, is hidden by [http] hide",
        ];
        assert_eq!(difference(&before, &after, Hidden(&hide)), expected);
        let told = difference(&document("1", "secret: pssst"), &document("1", "{}"), Hidden(&hide));
        assert_eq!(told, ["body of 13 bytes → body of 2 bytes"]);
        let with = |name: &str, value: &str| {
            let mut document = document("1", "{}");
            document.headers.set(name, value);
            document
        };
        for (name, value) in [("x-other", "Secret: pssst"), (domain::header::UNREADABLE, "pssst")] {
            let expected = format!("header {name}: changed; what it is, is hidden by [http] hide");
            for (before, after) in
                [(with(name, value), with(name, "x")), (with(name, "x"), with(name, value))]
            {
                assert_eq!(difference(&before, &after, Hidden(&hide)), [&*expected], "{name}");
            }
        }
    }
}
