//! Which letters a view is about: GET parameters, the same in every view and in every form, so that a filter is never lost.

use chrono::{DateTime, Utc};
use desk::read_name;
use domain::{BatchId, Class, StageName, header, timestamp};
use maud::{Markup, html};
use ports::store::{LetterFilter, LetterKey, LetterState};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::ago::minute;
use crate::trouble::Trouble;
use desk::{HIDDEN, Hidden};

/// Parameters as they came. Empty ones are none: a form sends all of its fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    pub(crate) id: String,
    pub(crate) group: String,
    pub(crate) stage: String,
    pub(crate) class: String,
    pub(crate) code: String,
    pub(crate) batch: String,
    pub(crate) coin: String,
    pub(crate) since: String,
    pub(crate) until: String,
    pub(crate) text: String,
    /// Empty: open. `any`: whatever it is.
    pub(crate) state: String,
    pub(crate) after: String,
    pub(crate) limit: String,
}

/// What of a filter in the record is an instant.
const INSTANTS: [&str; 3] = ["since", "until", "settled_before"];

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn read<T: std::str::FromStr>(name: &str, text: &str, example: &str) -> Result<Option<T>, Trouble> {
    let wrong = |_| Trouble::BadParameter(format!("{name}={text:?} makes no sense; write {example}"));
    given(text).map(str::parse).transpose().map_err(wrong)
}

/// An instant, a day, or how long before `now`, such as `24h` or `7d`.
fn instant(name: &str, text: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Trouble> {
    let Some(text) = given(text) else { return Ok(None) };
    let before = || {
        let (amount, unit) = text.split_at_checked(text.len() - 1)?;
        let amount = amount.parse::<u32>().ok()?;
        let minutes = match unit {
            "m" => 1,
            "h" => 60,
            "d" => 1440,
            _ => return None,
        };
        now.checked_sub_signed(chrono::TimeDelta::minutes(i64::from(amount) * minutes))
    };
    let at = timestamp::from_text(text).or_else(|| timestamp::from_text(&format!("{text}T00:00:00Z")));
    at.or_else(before).map(Some).ok_or_else(|| {
        let examples = "2026-11-22T14:00:00Z, 2026-11-22 or 24h";
        Trouble::BadParameter(format!("{name}={text:?} makes no sense; write an instant such as {examples}"))
    })
}

impl Asked {
    /// The filter that is meant. One letter is meant in any state, others when they are open. What looks into something that is `hidden`
    /// is refused: whoever asked often enough would know what is in it.
    pub(crate) fn filter(&self, now: DateTime<Utc>, hidden: Hidden<'_>) -> Result<LetterFilter, Trouble> {
        for (name, text) in [("text", &self.text), ("batch", &self.batch), ("coin", &self.coin)] {
            if given(text).is_some() && !may_be_asked(name, hidden) {
                return Err(Trouble::Forbidden(format!(
                    "letters are not chosen by their {name} here, because [http] hide hides something; \
                     `coinpipe dead list --{name}` does it"
                )));
            }
        }
        let state = match given(&self.state) {
            None if given(&self.id).is_none() => Some(LetterState::Open),
            None | Some("any") => None,
            Some(_) => read("state", &self.state, "open, replayed, resolved, dropped or any")?,
        };
        Ok(LetterFilter {
            id: given(&self.id).map(read_name),
            group: given(&self.group).map(str::to_owned),
            state,
            stage: read::<StageName>("stage", &self.stage, "fetcher, transformer, loader or alerter")?,
            class: read::<Class>("class", &self.class, "a class such as poison or incident")?,
            code: given(&self.code).map(str::to_owned),
            batch: given(&self.batch).map(BatchId::from_stored),
            coin: read("coin", &self.coin, "the id of a coin")?,
            since: instant("since", &self.since, now)?,
            until: instant("until", &self.until, now)?,
            settled_before: None,
            text: given(&self.text).map(str::to_owned),
        })
    }

    /// After which letter the list goes on: its time and its id.
    pub(crate) fn key(&self) -> Result<Option<LetterKey>, Trouble> {
        let Some(text) = given(&self.after) else { return Ok(None) };
        let parts = text.split_once('/').and_then(|(at, id)| Some((timestamp::from_text(at)?, id)));
        let wrong = || Trouble::BadParameter(format!("after={text:?} is no key of a list"));
        parts.map(|(filed_at, id)| Some(LetterKey { filed_at, id: read_name(id) })).ok_or_else(wrong)
    }

    /// How many letters are asked for: `usually`, and at most 200.
    pub(crate) fn limit(&self, usually: u32) -> Result<u32, Trouble> {
        let limit = read("limit", &self.limit, "a number from 1 to 200")?.unwrap_or(usually);
        let is_good = (1..=200).contains(&limit);
        is_good
            .then_some(limit)
            .ok_or_else(|| Trouble::BadParameter("the parameter limit must be from 1 to 200".to_owned()))
    }

    /// What says which letters, by name; without what says where in the list.
    pub(crate) fn fields(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("id", &self.id),
            ("group", &self.group),
            ("stage", &self.stage),
            ("class", &self.class),
            ("code", &self.code),
            ("batch", &self.batch),
            ("coin", &self.coin),
            ("since", &self.since),
            ("until", &self.until),
            ("text", &self.text),
            ("state", &self.state),
        ];
        all.into_iter().filter_map(|(name, text)| Some((name, given(text)?))).collect()
    }

    /// The parameters as a query, beginning with `?`; empty when there are none.
    pub(crate) fn query(&self) -> String {
        query(&self.fields())
    }

    /// The parameters as hidden fields of a form.
    pub(crate) fn hidden(&self) -> Markup {
        html! {
            @for (name, value) in self.fields() { input type="hidden" name=(name) value=(value); }
        }
    }

    /// The parameters in words.
    pub(crate) fn in_words(&self) -> String {
        let fields = self.fields();
        let words: Vec<_> =
            fields.iter().map(|(name, text)| format!("{name} {}", domain::one_line(text, 200))).collect();
        let has_state = fields.iter().any(|(name, _)| ["state", "id"].contains(name));
        let state = if has_state { vec![] } else { vec!["open".to_owned()] };
        state.into_iter().chain(words).collect::<Vec<_>>().join(", ")
    }
}

/// Whether letters may be chosen by the parameter `name`, which tells what is in headers. A text looks into all of them, and into reasons.
pub(super) fn may_be_asked(name: &str, hidden: Hidden<'_>) -> bool {
    match name {
        "text" => hidden.is_nothing(),
        "batch" => !hidden.has(header::BATCH),
        "coin" => !hidden.has(header::DEAD_COINS),
        _ => true,
    }
}

/// What an action was asked for, which the record has in JSON, in words and without what is hidden: a command may choose by it.
pub(super) fn recorded(filter: &str, hidden: Hidden<'_>) -> String {
    let Ok(fields) = serde_json::from_str::<Map<String, Value>>(filter) else {
        return if hidden.is_nothing() { filter.to_owned() } else { HIDDEN.to_owned() };
    };
    let words = fields.iter().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = match (may_be_asked(name, hidden), INSTANTS.contains(&name.as_str())) {
            (false, _) => HIDDEN.to_owned(),
            (true, true) => timestamp::from_text(&text).map_or(text, minute),
            (true, false) => text,
        };
        format!("{} {text}", name.replace('_', " "))
    });
    let words: Vec<_> = words.collect();
    if words.is_empty() { "all".to_owned() } else { words.join(", ") }
}

/// Parameters as a query, beginning with `?`; empty when there are none.
pub(crate) fn query(fields: &[(&str, &str)]) -> String {
    if fields.is_empty() {
        return String::new();
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields);
    format!("?{}", query.finish())
}

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    // Blanks are `%20` in a path, and `+` in a query.
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        timestamp::from_text("2026-11-22T14:00:00Z").unwrap()
    }

    #[test]
    fn open_letters_are_meant_unless_something_else_is_said() {
        let state = |asked: Asked| asked.filter(now(), Hidden(&[])).unwrap().state;
        assert_eq!(state(Asked::default()), Some(LetterState::Open));
        assert_eq!(state(Asked { state: "any".to_owned(), ..Asked::default() }), None);
        assert_eq!(
            state(Asked { state: "dropped".to_owned(), ..Asked::default() }),
            Some(LetterState::Dropped)
        );
        assert_eq!(state(Asked { id: "x".to_owned(), ..Asked::default() }), None);
    }

    #[test]
    fn a_filter_survives_its_way_through_an_address() {
        let text = "a&b=c \u{202e}<\"'+%2F";
        let asked = Asked { text: text.to_owned(), stage: "loader".to_owned(), ..Asked::default() };
        let query = asked.query();
        let read: Vec<_> = url::form_urlencoded::parse(&query.as_bytes()[1..]).into_owned().collect();
        assert_eq!(read, [("stage".to_owned(), "loader".to_owned()), ("text".to_owned(), text.to_owned())]);
        assert_eq!(segment("dead/loader/a b+c"), "dead%2Floader%2Fa%20b%2Bc");
    }

    #[test]
    fn times_are_instants_days_or_how_long_ago() {
        let since = |text: &str| {
            let asked = Asked { since: text.to_owned(), ..Asked::default() };
            asked.filter(now(), Hidden(&[])).map(|filter| filter.since.map(timestamp::to_text))
        };
        let at = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(since("24h"), at("2026-11-21T14:00:00.000Z"));
        assert_eq!(since("2026-11-22"), at("2026-11-22T00:00:00.000Z"));
        assert_eq!(since("2026-11-22T13:00:00Z"), at("2026-11-22T13:00:00.000Z"));
        for wrong in ["yesterday", "h", "-1h", "24ü", "2026-13-01"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_record_says_in_words_what_an_action_was_asked_for() {
        let hide = ["x-batch".to_owned()];
        for (filter, hide, words) in [
            ("{}", &[][..], "all"),
            (r#"{"group":"abcd","state":"open"}"#, &[], "group abcd, state open"),
            (r#"{"coin":7,"until":"2026-11-22T14:00:01.234Z"}"#, &[], "coin 7, until 2026-11-22 14:00 UTC"),
            (r#"{"batch":"b","settled_before":"x"}"#, &hide, "batch hidden by [http] hide, settled before x"),
            ("no JSON", &[], "no JSON"),
            ("no JSON", &hide, HIDDEN),
        ] {
            assert_eq!(recorded(filter, Hidden(hide)), words);
        }
    }

    #[test]
    fn what_makes_no_sense_is_told_by_name() {
        for asked in [
            Asked { stage: "loadr".to_owned(), ..Asked::default() },
            Asked { coin: "BTC".to_owned(), ..Asked::default() },
            Asked { state: "shut".to_owned(), ..Asked::default() },
        ] {
            assert!(matches!(asked.filter(now(), Hidden(&[])), Err(Trouble::BadParameter(_))), "{asked:?}");
        }
        let after = Asked { after: "x".to_owned(), ..Asked::default() };
        assert!(after.key().is_err());
        assert!(Asked { limit: "201".to_owned(), ..Asked::default() }.limit(50).is_err());
    }
}
