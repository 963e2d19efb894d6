//! The figures as JSON. Written by hand: these are a few objects of numbers, and xtask is built before anything else can be.

use super::results::Results;
use super::targets::{Goal, Target};

/// An object of values that are JSON.
pub(super) fn object<'a>(fields: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let fields = fields.into_iter().map(|(name, value)| format!("{}: {value}", text(name)));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
}

/// An array of values that are JSON, a line each.
pub(super) fn array(values: impl IntoIterator<Item = String>) -> String {
    format!("[\n{}\n]", values.into_iter().collect::<Vec<_>>().join(",\n"))
}

/// A string; what cannot be shown becomes a blank.
pub(super) fn text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => quoted.push(' '),
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}

/// A number; what is none is `null`.
fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or_else(|| "null".to_owned(), |value| value.to_string())
}

/// One way: the medians of its values, and each round.
pub(super) fn way(results: &Results, way: &str) -> String {
    let medians = results.names(way).into_iter().map(|name| (name, number(results.median(way, name))));
    let rounds = results
        .samples(way)
        .iter()
        .map(|sample| object(sample.values().map(|(name, value)| (name, number(Some(value))))));
    object([("way", text(way)), ("median", object(medians)), ("rounds", array(rounds))])
}

/// One figure that is to be reached.
pub(super) fn target(target: &Target) -> String {
    let (at, goal) = match target.goal {
        Goal::AtLeast(goal) => ("at least", goal),
        Goal::AtMost(goal) => ("at most", goal),
    };
    let reached = target.is_reached().map_or_else(|| "null".to_owned(), |reached| reached.to_string());
    object([
        ("what", text(target.what)),
        ("value", number(target.value)),
        (at, number(Some(goal))),
        ("reached", reached),
    ])
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::results::Sample;
    use super::super::targets::targets;
    use super::*;

    #[test]
    fn a_parser_reads_what_was_measured() {
        let mut results = Results::default();
        results.add("a \"way\"\n", Sample::of(100.0, 2.0).with("cpu \\", 0.1));
        results.add("a \"way\"\n", Sample::of(100.0, 0.0));
        let read: Value = serde_json::from_str(&way(&results, "a \"way\"\n")).unwrap();
        assert_eq!(read["way"], "a \"way\" ");
        assert_eq!(read["rounds"][0]["rows/s"], 50);
        assert_eq!(read["rounds"][0]["cpu \\"], 0.1);
        assert_eq!(read["rounds"][1]["rows/s"], Value::Null);
        let read: Value = serde_json::from_str(&array(targets(&results).iter().map(target))).unwrap();
        assert_eq!(read[0]["value"], Value::Null);
        assert_eq!(read[0]["at least"], 1.2);
    }
}
