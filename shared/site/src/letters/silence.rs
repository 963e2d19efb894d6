//! Keeping mails about a group away for a time, and ending that.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Redirect;
use chrono::TimeDelta;
use desk::action;
use ports::store::{Action, AlertGroup, Silence};
use serde_json::json;

use super::act::unless_the_process_ends;
use super::form::Form;
use super::group::named;
use super::parts::{TIMES, group_path};
use crate::access::visitor::Visitor;
use crate::ago::minute;
use crate::context::Context;
use crate::trouble::Trouble;

/// The group, which whoever has a form of it saw.
async fn still_there(context: &Context, name: &str) -> Result<AlertGroup, Trouble> {
    let gone = |trouble| match trouble {
        Trouble::NotFound(said) => Trouble::Refused(StatusCode::GONE, said.into()),
        other => other,
    };
    named(context, name).await.map_err(gone)
}

fn record(context: &Context, visitor: &Visitor, group: &AlertGroup, verb: &str) -> Action {
    let filter = json!({ "group": group.fingerprint });
    action(verb, &filter, group.total, &context.who(visitor), context.now())
}

pub(super) async fn silence(
    State(context): State<Context>,
    Path(name): Path<String>,
    visitor: Visitor,
    body: Bytes,
) -> Result<Redirect, Trouble> {
    let form = Form::read(&body, &["for", "why"], &[])?;
    let hours = form.text("for").parse::<u16>().ok();
    let hours = hours.filter(|hours| TIMES.iter().any(|(known, _)| known == hours));
    let hours = hours.ok_or_else(|| Trouble::BadParameter("for is none of the times".to_owned()))?;
    let why = form.why()?.to_owned();
    let silencing = async move {
        let (group, now) = (still_there(&context, &name).await?, context.now());
        let silence = Silence {
            fingerprint: group.fingerprint.clone(),
            until: now + TimeDelta::hours(i64::from(hours)),
            why,
            by: context.who(&visitor),
            at: now,
        };
        let (stores, record) = (context.stores(), record(&context, &visitor, &group, "silence"));
        context.ask(stores.desk.begin(&record)).await?;
        context.ask(stores.silences.silence(&silence)).await?;
        let why = domain::one_line(&silence.why, 200);
        let outcome = format!("no mails until {}: {why}", minute(silence.until));
        context.ask(stores.desk.note(&record.id, group.total, Some(&outcome))).await?;
        Ok(Redirect::to(&group_path(&context, &group.fingerprint)))
    };
    unless_the_process_ends(silencing).await
}

pub(super) async fn unsilence(
    State(context): State<Context>,
    Path(name): Path<String>,
    visitor: Visitor,
    body: Bytes,
) -> Result<Redirect, Trouble> {
    Form::read(&body, &[], &[])?;
    let ending = async move {
        let group = still_there(&context, &name).await?;
        let (stores, record) = (context.stores(), record(&context, &visitor, &group, "unsilence"));
        context.ask(stores.desk.begin(&record)).await?;
        let was_silent = context.ask(stores.silences.unsilence(&group.fingerprint, context.now())).await?;
        let (done, outcome) =
            if was_silent { (group.total, "mails again") } else { (0, "it was not silent") };
        context.ask(stores.desk.note(&record.id, done, Some(outcome))).await?;
        Ok(Redirect::to(&group_path(&context, &group.fingerprint)))
    };
    unless_the_process_ends(ending).await
}
