//! `/api/letters`: the letters that a filter takes, page by page.

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use chrono::{DateTime, Utc};
use desk::summary_json;
use domain::timestamp;
use serde_json::{Value, json};

use super::Routes;
use super::json::next;
use crate::context::Context;
use crate::letters::filter::Asked;
use crate::letters::group::in_full;
use crate::letters::parts::{COUNTED, key_text};
use crate::parameters::Parameters;
use crate::trouble::Trouble;
use desk::Hidden;

/// Letters of one answer, unless another number is asked for.
const LETTERS: u32 = 100;

pub(super) fn routes() -> Routes {
    vec![("/api/letters", get(letters))]
}

async fn letters(
    State(context): State<Context>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Value>, Trouble> {
    let asked = in_full(&context, asked).await?;
    let (now, limit) = (context.now(), asked.limit(LETTERS)?);
    let hidden = Hidden(context.hidden());
    let (filter, after, desk) = (asked.filter(now, hidden)?, asked.key()?, &context.stores().desk);
    let letters = context.ask(desk.list(&filter, after.as_ref(), limit)).await?;
    let counted = context.ask(desk.count(&filter, COUNTED)).await?;
    let next = letters.last().filter(|_| letters.len() == limit as usize).map(|last| {
        // A time before now is the same on all pages.
        let instant = |at: Option<DateTime<Utc>>| at.map(timestamp::to_text);
        let (since, until) = (instant(filter.since), instant(filter.until));
        let fields = asked.fields().into_iter().map(|(name, text)| match name {
            "since" => (name, since.as_deref()),
            "until" => (name, until.as_deref()),
            _ => (name, Some(text)),
        });
        let (limit, key) = (limit.to_string(), key_text(last));
        let place = [("limit", Some(limit.as_str())), ("after", Some(key.as_str()))];
        next(&context, "/api/letters", &fields.chain(place).collect::<Vec<_>>())
    });
    let letters: Vec<_> = letters
        .iter()
        .map(|letter| {
            let mut json = summary_json(letter);
            json["reason"] = hidden.reason(letter.summary.class, &letter.summary.reason).into();
            for (name, value) in letter.summary.headers.iter() {
                json["headers"][name] = hidden.header(name, value).into();
            }
            json
        })
        .collect();
    Ok(Json(
        json!({ "letters": letters, "next": next, "counted": counted, "counted_all": counted < COUNTED }),
    ))
}
