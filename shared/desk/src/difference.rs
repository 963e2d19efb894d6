//! What an edit changed, value by value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use crate::document::Document;
use crate::words::counted;

/// Lines that are shown of a difference.
const MOST: usize = 40;

/// Characters of a value that are shown.
const VALUE: usize = 100;

/// The differences from `before` to `after`, in lines; none when they are equal.
pub(crate) fn difference(before: &Document, after: &Document) -> Vec<String> {
    let mut lines = Vec::new();
    let names = |document: &Document| -> BTreeSet<String> {
        document.headers.iter().map(|(name, _)| name.to_owned()).collect()
    };
    for name in names(before).union(&names(after)) {
        tell(&mut lines, &format!("header {name}"), before.headers.get(name), after.headers.get(name));
    }
    if before.body != after.body {
        let count = lines.len();
        match (Tree::of(&before.body), Tree::of(&after.body)) {
            (Some(one), Some(other)) => compare("body", &one, &other, &mut lines),
            _ => tell(&mut lines, "body", Some(&before.body), Some(&after.body)),
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

/// JSON, with its values as they were sent.
enum Tree<'a> {
    Object(BTreeMap<String, Tree<'a>>),
    Array(Vec<Tree<'a>>),
    Value(&'a str),
}

impl<'a> Tree<'a> {
    fn of(json: &'a str) -> Option<Self> {
        let json = json.trim();
        if json.starts_with('{') {
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
            let fields = fields.into_iter().map(|(name, value)| Some((name, Self::of(value.get())?)));
            return fields.collect::<Option<_>>().map(Self::Object);
        }
        if json.starts_with('[') {
            let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            return elements
                .into_iter()
                .map(|value| Self::of(value.get()))
                .collect::<Option<_>>()
                .map(Self::Array);
        }
        serde_json::from_str::<&RawValue>(json).ok().map(|value| Self::Value(value.get()))
    }

    fn shown(&self) -> String {
        match self {
            Self::Object(fields) => format!("{{{}}}", counted(fields.len() as u64, "field")),
            Self::Array(elements) => format!("[{}]", counted(elements.len() as u64, "element")),
            Self::Value(text) => (*text).to_owned(),
        }
    }
}

fn compare(path: &str, before: &Tree<'_>, after: &Tree<'_>, lines: &mut Vec<String>) {
    match (before, after) {
        (Tree::Object(one), Tree::Object(other)) => {
            let names: BTreeSet<_> = one.keys().chain(other.keys()).collect();
            for name in names {
                part(&format!("{path}.{name}"), one.get(name), other.get(name), lines);
            }
        }
        (Tree::Array(one), Tree::Array(other)) => {
            for index in 0..one.len().max(other.len()) {
                part(&format!("{path}[{index}]"), one.get(index), other.get(index), lines);
            }
        }
        (Tree::Value(one), Tree::Value(other)) => tell(lines, path, Some(one), Some(other)),
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
        assert_eq!(difference(&before, &after), expected);
        assert_eq!(difference(&before, &before), [""; 0]);
        assert_eq!(difference(&document("1", "garbage"), &document("1", "{}")), ["body: garbage → {}"]);
        assert_eq!(difference(&document("1", "[ ]"), &document("1", "[]")), ["body: only its blanks differ"]);
        let long = |value: &str| format!("[{}]", vec![value; 50].join(","));
        let lines = difference(&document("1", &long("1")), &document("1", &long("2")));
        assert_eq!((lines.len(), lines[40].as_str()), (41, "… and 10 more differences"));
    }
}
