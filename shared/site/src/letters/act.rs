//! Something is done to all letters that a filter takes: begun here, and stopped.

use std::num::NonZeroU32;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Redirect;
use desk::{Acting, Pace, Verb};
use domain::{ReplayId, timestamp};
use ports::store::LetterFilter;

use super::filter::{Asked, query};
use super::form::Form;
use super::jobs::{Work, is_settling};
use super::plan::verb_named;
use crate::context::Context;
use crate::safety::visitor::Visitor;
use crate::trouble::Trouble;

/// Actions among which one that was begun already is looked for.
const NEWEST: u32 = 1000;

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
    let id = form.text("action").to_owned();
    if !id.is_empty() && (ReplayId::new(&*id).is_none() || !id.starts_with(&format!("{}/", verb.as_str()))) {
        return Err(Trouble::BadParameter("action is no id of an action of this verb".to_owned()));
    }
    let who = context.who(&visitor);
    let beginning = {
        let context = context.clone();
        async move { begin(&context, (filter, verb), &who, &id, work).await }
    };
    let id = unless_the_process_ends(beginning).await?;
    Ok(Redirect::to(&progress_path(&context, &id, &asked)))
}

/// Does `work` whether or not the browser stays: what is in the record must be done, too.
pub(super) async fn unless_the_process_ends<T: Send + 'static>(
    work: impl Future<Output = Result<T, Trouble>> + Send + 'static,
) -> Result<T, Trouble> {
    tokio::spawn(work).await.map_err(|_| Trouble::Busy)?
}

/// Begins it under the id `id`, or under a new one if that is empty; its id. What was begun under `id` before is not begun again.
async fn begin(
    context: &Context,
    (filter, verb): (LetterFilter, Verb),
    who: &str,
    id: &str,
    work: Work,
) -> Result<String, Trouble> {
    // One after the other: whoever sends a form twice does so within a moment.
    let _turn = context.jobs().turn_to_begin().await;
    if !id.is_empty() && is_begun(context, id).await? {
        return Ok(id.to_owned());
    }
    context.jobs().check_room()?;
    let stores = context.stores();
    let mut acting = context.ask(Acting::plan(stores, filter, verb, who, context.now())).await?;
    if !id.is_empty() {
        acting = acting.called(id);
    }
    if let Err(trouble) = context.ask(acting.begin(stores)).await {
        // The id is unique in the record: another server may have been faster.
        return if !id.is_empty() && is_begun(context, id).await? { Ok(id.to_owned()) } else { Err(trouble) };
    }
    let id = acting.id().to_owned();
    context.jobs().begin(context.access(), context.stop().child_token(), acting, work);
    Ok(id)
}

async fn is_begun(context: &Context, id: &str) -> Result<bool, Trouble> {
    let logged = context.ask(context.stores().desk.actions(NEWEST)).await?;
    Ok(context.jobs().state(id).is_some() || logged.iter().any(|logged| logged.action.id == id))
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
