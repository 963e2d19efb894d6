//! Something is done to all letters that a filter takes: begun here, and stopped.

use std::num::NonZeroU32;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use desk::{Acting, Pace, Verb};
use domain::{ReplayId, counted, timestamp};
use ports::store::LetterFilter;

use super::filter::{Asked, query};
use super::form::{Form, WHICH};
use super::group::in_full;
use super::parts::count;
use super::plan::{question, verb_named};
use crate::access::visitor::Visitor;
use crate::context::Context;
use crate::jobs::{Work, is_settling};
use crate::recover::via;
use crate::trouble::Trouble;
use desk::Hidden;

/// The fields of a form that begins an action, besides those that say which letters.
const STARTED: [&str; 8] = ["action", "verb", "now", "matched", "why", "rate", "keep_going", "at_once"];
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
) -> Result<Response, Trouble> {
    let form = Form::read(&body, &STARTED, &WHICH)?;
    match begun_as_asked(&context, &visitor, &form).await {
        Ok(progress) => Ok(Redirect::to(&progress).into_response()),
        // It is asked once more, with what was filled in and what there is now.
        Err(trouble @ (Trouble::BadParameter(_) | Trouble::Refused(..))) => {
            question(&context, &visitor, &form, Some(&trouble)).await.map_err(|_| trouble)
        }
        Err(trouble) => Err(trouble),
    }
}

/// Begins what `form` asks for; where its progress is seen.
async fn begun_as_asked(context: &Context, visitor: &Visitor, form: &Form) -> Result<String, Trouble> {
    let verb = verb_named(form.text("verb"))?;
    let asked = in_full(context, form.asked()).await?;
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
    let id = form.text("action").to_owned();
    if !id.is_empty() && (ReplayId::new(&*id).is_none() || !id.starts_with(&format!("{}/", verb.as_str()))) {
        return Err(Trouble::BadParameter("action is no id of an action of this verb".to_owned()));
    }
    let who = context.who(visitor);
    let beginning = {
        let context = context.clone();
        async move { begin(&context, (filter, verb), confirmed, &who, &id, work).await }
    };
    let id = unless_the_process_ends(beginning).await?;
    Ok(progress_path(context, &id, &asked))
}

/// Does `work` whether or not the browser stays: what is in the record must be done, too.
pub(super) async fn unless_the_process_ends<T: Send + 'static>(
    work: impl Future<Output = Result<T, Trouble>> + Send + 'static,
) -> Result<T, Trouble> {
    tokio::spawn(work).await.map_err(|_| Trouble::Busy)?
}

/// Begins it, if it is about as many letters as were `confirmed`, under the id `id`, or under a new one if that is empty; its id. What was begun under `id` before is not begun again.
async fn begin(
    context: &Context,
    (filter, verb): (LetterFilter, Verb),
    confirmed: u64,
    who: &str,
    id: &str,
    work: Work,
) -> Result<String, Trouble> {
    // One after the other: whoever sends a form twice does so within a moment.
    let _turn = context.jobs().turn_to_begin().await;
    let begun = if id.is_empty() { Begun::No } else { begun(context, id).await? };
    if begun == Begun::Yes {
        return Ok(id.to_owned());
    }
    context.jobs().check_room()?;
    let stores = context.stores();
    let mut acting = context.ask(Acting::plan(stores, filter, verb, who, context.now())).await?;
    if acting.matched() != confirmed {
        let (now, then) = (count(acting.matched()), counted(confirmed, "letter"));
        let said =
            format!("it was confirmed when {then} matched, and {now} match now; nothing was done: ask again");
        return Err(Trouble::Refused(StatusCode::CONFLICT, said.into()));
    }
    if !id.is_empty() {
        acting = acting.called(id);
    }
    if begun == Begun::No
        && let Err(trouble) = context.ask(acting.begin(stores)).await
    {
        // The id is unique in the record: another server may have been faster.
        let is_begun = !id.is_empty() && self::begun(context, id).await? == Begun::Yes;
        return if is_begun { Ok(id.to_owned()) } else { Err(trouble) };
    }
    let id = acting.id().to_owned();
    context.jobs().begin(context.access(), context.stop().child_token(), acting, work);
    Ok(id)
}

/// Whether somebody does an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    No,
    Yes,
    /// It is in the record as this process's, which does not do it: the store took it, and was too slow to say so.
    OnlyInTheRecord,
}

async fn begun(context: &Context, id: &str) -> Result<Begun, Trouble> {
    let logged = context.ask(context.stores().desk.actions(NEWEST)).await?;
    if context.jobs().state(id).is_some() {
        return Ok(Begun::Yes);
    }
    let Some(logged) = logged.iter().find(|logged| logged.action.id == id) else { return Ok(Begun::No) };
    let is_ours = logged.outcome.is_none() && logged.action.who.ends_with(&via(context.name()));
    Ok(if is_ours { Begun::OnlyInTheRecord } else { Begun::Yes })
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
