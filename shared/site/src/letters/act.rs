//! Something is done to all letters that a filter takes: begun here, and stopped.

use std::num::NonZeroU32;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Redirect;
use desk::{Acting, Pace};
use domain::timestamp;

use super::filter::{Asked, query};
use super::form::Form;
use super::plan::verb_named;
use crate::access::visitor::Visitor;
use crate::context::Context;
use crate::jobs::{Work, is_settling};
use crate::trouble::Trouble;

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
    let form = Form::read(&body);
    let (verb, asked) = (verb_named(form.text("verb"))?, form.asked());
    // What was counted in the question is what is done.
    let now = context.now();
    let counted = timestamp::from_text(form.text("now"))
        .filter(|counted| *counted <= now + chrono::TimeDelta::seconds(1));
    let counted =
        counted.ok_or_else(|| Trouble::BadParameter("now is not when it was counted".to_owned()))?;
    let mut filter = asked.filter(counted)?;
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
    context.ask(acting.begin(stores)).await?;
    let path = progress_path(&context, acting.id(), &asked);
    context.jobs().begin(context.access(), context.stop().child_token(), acting, work);
    Ok(Redirect::to(&path))
}

pub(super) async fn cancel(State(context): State<Context>, body: Bytes) -> Result<Redirect, Trouble> {
    let form = Form::read(&body);
    let id = form.text("action");
    if !context.jobs().cancel(id) {
        return Err(Trouble::Refused(
            StatusCode::CONFLICT,
            "no such action goes on in this process: it has ended, or another server does it".into(),
        ));
    }
    Ok(Redirect::to(&progress_path(&context, id, &form.asked())))
}
