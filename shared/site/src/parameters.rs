//! GET parameters, read into a struct. What makes no sense is told, never guessed.

use std::ops::RangeInclusive;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use chrono::{DateTime, NaiveDate, Utc};
use domain::timestamp;
use serde::de::DeserializeOwned;

use crate::trouble::Trouble;

/// The GET parameters as a `T`; what is none is [`Trouble::BadParameter`].
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        let Query(parameters) = Query::try_from_uri(&parts.uri)
            .map_err(|error| Trouble::BadParameter(in_words(&error.body_text())))?;
        Ok(Self(parameters))
    }
}

/// What a library said of the parameters, in the words of the site. The names in it are those of fields, and are kept.
fn in_words(said: &str) -> String {
    let quoted = |text: &str| {
        let names = text.split('`').skip(1).step_by(2);
        names.map(|name| domain::one_line(name, 60)).collect::<Vec<_>>()
    };
    if let Some((_, rest)) = said.split_once("unknown field ") {
        let (name, known) = rest.split_once(", expected").unwrap_or((rest, ""));
        let (name, known) = (quoted(name).concat(), quoted(known));
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return format!("there is no parameter {name:?} here; there are: {known}");
    }
    if let Some((_, rest)) = said.split_once("duplicate field ") {
        return format!("the parameter {} is there twice; say which is meant", quoted(rest).concat());
    }
    if let Some((_, rest)) = said.split_once("missing field ") {
        return format!("the parameter {} is missing", quoted(rest).concat());
    }
    // The name of the field stands before what is wrong with it. Fields that are texts are read by the functions below, which say more.
    match said.split(": ").nth(1).filter(|name| is_name(name)) {
        Some(name) => format!("the parameter {name} has a value that it cannot have"),
        None => "the parameters cannot be read".to_owned(),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// The value of a parameter that is there and not empty: a form sends what was left empty, too.
pub(crate) fn word(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

/// The whole number that the parameter `name` is, if it is there, and within `bounds`.
pub(crate) fn whole_number(
    name: &str,
    value: Option<&str>,
    bounds: RangeInclusive<u64>,
) -> Result<Option<u64>, Trouble> {
    let Some(text) = word(value) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| bounds.contains(number));
    number.map(Some).ok_or_else(|| {
        let (least, most) = bounds.into_inner();
        Trouble::BadParameter(format!(
            "the parameter {name} must be a number from {least} to {most}, and not {text:?}"
        ))
    })
}

/// Whether the parameter `name` says yes: `1`, or `true` as programs write it. `0`, `false` and nothing are no.
pub(crate) fn flag(name: &str, value: Option<&str>) -> Result<bool, Trouble> {
    match word(value) {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(other) => {
            Err(Trouble::BadParameter(format!("the parameter {name} must be 1 or 0, and not {other:?}")))
        }
    }
}

/// Which of `all`, each with its name, the parameter `name` is, if it is there.
pub(crate) fn one_of<T: Copy>(
    name: &str,
    value: Option<&str>,
    all: &[(&str, T)],
) -> Result<Option<T>, Trouble> {
    let Some(text) = word(value) else { return Ok(None) };
    let found = all.iter().find(|(known, _)| *known == text);
    found.map(|(_, one)| Some(*one)).ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|(known, _)| *known).collect();
        let known = match &known[..] {
            [first, second] => format!("{first} or {second}"),
            several => format!("one of {}", several.join(", ")),
        };
        Trouble::BadParameter(format!("the parameter {name} must be {known}, and not {text:?}"))
    })
}

/// The instant that the parameter `name` is, if it is there: RFC 3339, or a day.
pub(crate) fn instant(name: &str, value: Option<&str>) -> Result<Option<DateTime<Utc>>, Trouble> {
    let Some(text) = word(value) else { return Ok(None) };
    let day =
        || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0).map(|at| at.and_utc());
    timestamp::from_text(text).or_else(day).map(Some).ok_or_else(|| {
        let example = "2026-11-22T14:00:00Z or 2026-11-22";
        Trouble::BadParameter(format!(
            "the parameter {name} must be an instant such as {example}, and not {text:?}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_parameters_is_told_in_our_words() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only read")]
        struct Read {
            coin: u32,
            #[serde(default)]
            to: String,
        }
        let told = |query: &str| {
            let uri = format!("/?{query}").parse().unwrap();
            in_words(&Query::<Read>::try_from_uri(&uri).unwrap_err().body_text())
        };
        assert_eq!(told("coin=1&coins=2"), "there is no parameter \"coins\" here; there are: coin, to");
        assert_eq!(told("coin=1&coin=2"), "the parameter coin is there twice; say which is meant");
        assert_eq!(told("to=2"), "the parameter coin is missing");
        assert_eq!(told("coin=x"), "the parameter coin has a value that it cannot have");
    }

    #[test]
    fn what_a_choice_can_be_is_told() {
        let flagged = |text| flag("gone", Some(text));
        assert_eq!(["1", "true", "0", "false", " "].map(flagged), [true, true, false, false, false].map(Ok));
        let wrong = |text: &str| Trouble::BadParameter(text.to_owned());
        assert_eq!(flagged("yes"), Err(wrong("the parameter gone must be 1 or 0, and not \"yes\"")));
        let chosen = |all, text| one_of("order", Some(text), all);
        let orders = &[("asc", false), ("desc", true)];
        assert_eq!([chosen(orders, "desc"), chosen(orders, "")], [Ok(Some(true)), Ok(None)]);
        assert_eq!(
            chosen(orders, "up"),
            Err(wrong("the parameter order must be asc or desc, and not \"up\""))
        );
        let more = &[("a", true), ("b", true), ("c", true)];
        assert_eq!(
            chosen(more, "d"),
            Err(wrong("the parameter order must be one of a, b, c, and not \"d\""))
        );
    }

    #[test]
    fn instants_are_read_in_two_forms() {
        let read = |text| instant("at", Some(text)).map(|at| at.map(timestamp::to_text));
        let midnight = Ok(Some("2026-11-22T00:00:00.000Z".to_owned()));
        assert_eq!(read("2026-11-22"), midnight);
        assert_eq!(read("2026-11-22T01:00:00+01:00"), midnight);
        assert_eq!(read(" "), Ok(None));
        assert!(read("yesterday").is_err() && read("2026-13-01").is_err());
    }
}
