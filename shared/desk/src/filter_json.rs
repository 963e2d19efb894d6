//! Which letters somebody meant, as it stands in the record.

use domain::timestamp;
use ports::store::LetterFilter;
use serde_json::{Map, Value};

/// What `filter` asks for, as it is written down.
pub fn filter_json(filter: &LetterFilter) -> Value {
    let LetterFilter {
        id,
        group,
        state,
        stage,
        class,
        code,
        batch,
        coin,
        since,
        until,
        settled_before,
        text,
    } = filter;
    let texts = [
        ("id", id.clone()),
        ("group", group.clone()),
        ("state", state.map(|state| state.to_string())),
        ("stage", stage.map(|stage| stage.to_string())),
        ("class", class.map(|class| class.to_string())),
        ("code", code.clone()),
        ("batch", batch.as_ref().map(ToString::to_string)),
        ("since", since.map(timestamp::to_text)),
        ("until", until.map(timestamp::to_text)),
        ("settled_before", settled_before.map(timestamp::to_text)),
        ("text", text.clone()),
    ];
    let mut json: Map<_, _> =
        texts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))).collect();
    if let Some(coin) = coin {
        json.insert("coin".to_owned(), (*coin).into());
    }
    json.into()
}
