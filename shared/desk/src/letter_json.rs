//! Letters, groups, deaths and actions as JSON.

use std::collections::BTreeMap;

use domain::{Headers, StageName, timestamp};
use ports::store::{AlertGroup, Death, DeskLetter, FiledLetter, Handling, LetterSummary, LoggedAction};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use crate::body::{Body, body_of};

/// A group.
pub fn group_json(group: &AlertGroup) -> Value {
    json!({
        "fingerprint": group.fingerprint,
        "state": group.state.as_str(),
        "stage": group.stage.map(StageName::as_str),
        "class": group.class.as_str(),
        "code": group.code,
        "reason": group.reason,
        "first_seen_at": timestamp::to_text(group.first_seen_at),
        "last_seen_at": timestamp::to_text(group.last_seen_at),
        "total": group.total,
        "unsent": group.unsent,
        "mailed_at": group.mailed_at.map(timestamp::to_text),
        "opened_at": timestamp::to_text(group.opened_at),
        "resolved_at": group.resolved_at.map(timestamp::to_text),
        "resolution": group.resolution,
        "episodes": group.episodes,
        "told_at": group.told_at.map(timestamp::to_text),
    })
}

/// A letter in a list.
pub fn summary_json(listed: &DeskLetter) -> Value {
    let letter = &listed.summary;
    let handling = &listed.handling;
    json!({
        "id": letter.id.as_str(),
        "group": letter.fingerprint,
        "class": letter.class.as_str(),
        "code": letter.code,
        "reason": letter.reason,
        "stage": letter.stage.map(StageName::as_str),
        "attempt": letter.attempt,
        "first_seen_at": timestamp::to_text(letter.first_seen_at),
        "filed_at": timestamp::to_text(letter.filed_at),
        "headers": headers_json(&letter.headers),
        "body_bytes": letter.body_bytes,
        "deaths": letter.deaths,
        "state": handling.state.as_str(),
        "settled_at": handling.settled_at.map(timestamp::to_text),
        "why": handling.why,
        "replay": handling.replay.as_ref().map(ToString::to_string),
        "replayed_at": handling.replayed_at.map(timestamp::to_text),
        "edited_from": handling.edited_from,
    })
}

/// A letter with all that is known of it. Numbers in its body are as they were sent.
pub fn whole_json(
    filed: &FiledLetter,
    handling: &Handling,
) -> anyhow::Result<BTreeMap<String, Box<RawValue>>> {
    let FiledLetter { letter, fingerprint, filed_at, deaths } = filed;
    let summary = LetterSummary {
        id: letter.id.clone(),
        class: letter.class,
        code: letter.code.clone(),
        reason: letter.reason.clone(),
        stage: letter.stage,
        attempt: letter.attempt,
        first_seen_at: letter.first_seen_at,
        headers: letter.headers.clone(),
        body_bytes: letter.body.len() as u64,
        fingerprint: fingerprint.clone(),
        filed_at: *filed_at,
        deaths: deaths.len() as u64,
    };
    let mut json = summary_json(&DeskLetter { summary, handling: handling.clone() });
    json["deaths"] = deaths.iter().map(death_json).collect();
    json["trace"] = trace(&letter.headers).into();
    // Bytes that are not text are shown in hexadecimal, so that nothing is hidden.
    match std::str::from_utf8(&letter.body) {
        Ok(text) => json["body"] = text.into(),
        Err(_) => json["body_hex"] = hexadecimal(&letter.body).into(),
    }
    let mut whole = BTreeMap::new();
    for (name, value) in json.as_object().into_iter().flatten() {
        whole.insert(name.clone(), to_raw_value(value)?);
    }
    match body_of(letter) {
        Body::Json(text) => whole.insert("decoded".to_owned(), RawValue::from_string(text)?),
        Body::Text(text) => whole.insert("decoded".to_owned(), to_raw_value(&text)?),
        Body::Empty | Body::Unreadable => None,
    };
    Ok(whole)
}

/// The id of the trace that the message belongs to.
pub fn trace(headers: &Headers) -> Option<&str> {
    headers.get(domain::header::TRACEPARENT)?.split('-').nth(1)
}

/// The replay in which the message died; `None` when before any.
pub fn replay_of(death: &Death) -> Option<&str> {
    Some(death.replay.as_str()).filter(|replay| !replay.is_empty())
}

fn headers_json(headers: &Headers) -> Map<String, Value> {
    headers.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}

/// A line of the record.
pub fn action_json(logged: &LoggedAction) -> Value {
    let LoggedAction { at, action, done, outcome } = logged;
    json!({
        "id": action.id,
        "at": timestamp::to_text(*at),
        "who": action.who,
        "verb": action.verb,
        "filter": serde_json::from_str::<Value>(&action.filter).unwrap_or(Value::Null),
        "matched": action.matched,
        "done": done,
        "outcome": outcome,
    })
}

fn death_json(death: &Death) -> Value {
    json!({
        "life": replay_of(death),
        "group": death.fingerprint,
        "class": death.class.as_str(),
        "code": death.code,
        "reason": death.reason,
        "stage": death.stage.map(StageName::as_str),
        "attempt": death.attempt,
        "first_seen_at": timestamp::to_text(death.first_seen_at),
        "filed_at": timestamp::to_text(death.filed_at),
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
