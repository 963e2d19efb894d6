//! Something is done to all letters that a filter takes: begun here, and stopped.

use std::num::NonZeroU32;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Redirect;
use desk::{Acting, Pace};
use domain::timestamp;

use super::filter::{Asked, query};
use super::form::{Form, WHICH};
use super::hidden::Hidden;
use super::parts::count;
use super::plan::verb_named;
use crate::access::visitor::Visitor;
use crate::context::Context;
use crate::jobs::{Work, is_settling};
use crate::trouble::Trouble;

/// The fields of a form that begins an action, besides those that say which letters.
const STARTED: [&str; 7] = ["verb", "now", "matched", "why", "rate", "keep_going", "at_once"];

/// Where the progress of the action `id` is seen, with the filter that it was asked for with.
pub(super) fn progress_path(context: &Context, id: &str, asked: &Asked) -> String {
    let mut fields = vec![("action", id)];
    fields.extend(asked.fields());
    format!("{}{}", context.href("/actions/progress"), query(&fields))
}

pub(super) async fn start(
    State(context): State<Context>,
    visitor: Visitor,
    body: Bytes,
) -> Result<Redirect, Trouble> {
    let form = Form::read(&body, &STARTED, &WHICH)?;
    let (verb, asked) = (verb_named(form.text("verb"))?, form.asked());
    // What was counted in the question is what is done.
    let now = context.now();
    let counted = timestamp::from_text(form.text("now"))
        .filter(|counted| *counted <= now + chrono::TimeDelta::seconds(1));
    let counted =
        counted.ok_or_else(|| Trouble::BadParameter("now is not when it was counted".to_owned()))?;
    let confirmed = form.text("matched").parse::<u64>().ok();
    let confirmed = confirmed.ok_or_else(|| {
        Trouble::BadParameter("matched is not how many letters were counted in the question".to_owned())
    })?;
    let mut filter = asked.filter(counted, Hidden(context.hidden()))?;
    filter.until = Some(filter.until.map_or(counted, |until| until.min(counted)));
    let work = if is_settling(verb) {
        Work::Settle(form.why()?.to_owned())
    } else {
        let rate = form.text("rate").trim();
        let wrong = |_| Trouble::BadParameter(format!("rate={rate:?} is no number of letters a minute"));
        let rate = (!rate.is_empty()).then(|| rate.parse::<NonZeroU32>()).transpose().map_err(wrong)?;
        Work::Replay(Pace {
            rate,
            keep_going: form.is_ticked("keep_going"),
            at_once: form.is_ticked("at_once"),
        })
    };
    context.jobs().check_room()?;
    let stores = context.stores();
    let acting = context.ask(Acting::plan(stores, filter, verb, &context.who(&visitor), now)).await?;
    if acting.matched() != confirmed {
        let (now, then) = (count(acting.matched()), count(confirmed));
        let said = format!(
            "it was confirmed for {then} letters, and it would be done to {now} now; nothing was done: ask again"
        );
        return Err(Trouble::Refused(StatusCode::CONFLICT, said.into()));
    }
    context.ask(acting.begin(stores)).await?;
    let path = progress_path(&context, acting.id(), &asked);
    context.jobs().begin(context.access(), context.stop().child_token(), acting, work);
    Ok(Redirect::to(&path))
}

pub(super) async fn cancel(State(context): State<Context>, body: Bytes) -> Result<Redirect, Trouble> {
    let form = Form::read(&body, &["action"], &WHICH)?;
    let id = form.text("action");
    if !context.jobs().cancel(id) {
        return Err(Trouble::Refused(
            StatusCode::CONFLICT,
            "no such action goes on in this process: it has ended, or another server does it".into(),
        ));
    }
    Ok(Redirect::to(&progress_path(&context, id, &form.asked())))
}
