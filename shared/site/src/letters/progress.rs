//! How far an action is. The view asks for itself again, with no script, until it has ended.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use domain::counted;
use maud::{Markup, html};
use ports::store::LoggedAction;

use super::form::{Form, WHICH};
use super::parts::{count, plain};
use crate::access::visitor::Visitor;
use crate::ago::{ago, minute};
use crate::context::Context;
use crate::jobs;
use crate::layout::{Section, Shell};
use crate::trouble::Trouble;

/// Actions among which it is looked for, newest first.
const NEWEST: u32 = 1000;
/// Seconds after which the view is asked for again.
const AGAIN: &str = "2";

pub(super) async fn view(
    State(context): State<Context>,
    RawQuery(parameters): RawQuery,
    visitor: Visitor,
) -> Result<Response, Trouble> {
    let form = Form::read(parameters.unwrap_or_default().as_bytes(), &["action"], &WHICH)?;
    let (action, asked) = (form.text("action"), form.asked());
    let here = context.jobs().state(action);
    let logged = context.ask(context.stores().desk.actions(NEWEST)).await?;
    let logged = logged.into_iter().find(|logged| logged.action.id == action);
    let Some(logged) = logged else {
        return Err(Trouble::NotFound("the record has no such action".to_owned()));
    };
    // What this process does, it knows best.
    let goes_on = here.as_ref().map_or(logged.outcome.is_none(), |state| state.ended.is_none());
    let logged = LoggedAction { outcome: logged.outcome.filter(|_| !goes_on), ..logged };
    let verb = logged.action.verb.as_str();
    let title = if goes_on { format!("{verb}: under way") } else { format!("{verb}: ended") };
    let shell = Shell::new(&context, title, Section::Letters).await;
    let back = format!("{}{}", context.href("/letters"), asked.query());
    let main = html! {
        (record(&context, &logged))
        @if let Some(state) = &here {
            (told(state))
            @if state.sent.came_back > 0 {
                @let since = domain::timestamp::to_text(logged.at);
                p.links { a href={ (context.href("/letters")) "?state=any&since=" (since) } { "All letters filed since it began" } }
            }
        }
        @if goes_on && here.is_none() {
            p { "Another server does it, or it was killed; then the same action does the rest. Nothing is lost." }
        }
        @if goes_on && here.as_ref().is_some_and(|state| !state.is_cancelled) && visitor.may_act() {
            form method="post" action=(context.href("/actions/cancel")) {
                input type="hidden" name="action" value=(action);
                (asked.hidden())
                button type="submit" { "Stop" }
                " What was sent stays sent; nothing is lost."
            }
        }
        @if goes_on { p { "This view is loaded again every " (AGAIN) " seconds; the action goes on without it." } }
        p.links { a href=(back) { "Back to the letters" } " · " a href=(context.href("/actions")) { "Who did what" } }
    };
    let mut response = shell.around(&context, &main);
    if goes_on {
        response.headers_mut().insert(header::REFRESH, HeaderValue::from_static(AGAIN));
    }
    Ok(response)
}

fn record(context: &Context, logged: &LoggedAction) -> Markup {
    let LoggedAction { at, action, done, outcome } = logged;
    html! {
        progress max=(action.matched.max(1)) value=(done.min(&action.matched)) { (done) " of " (action.matched) }
        dl.facts {
            dt { "Done" } dd { (count(*done)) " of " (counted(action.matched, "letter")) }
            // A view that is loaded no more says what stays true.
            dt { "Begun" } dd { @if outcome.is_some() { (minute(*at)) } @else { (ago(context.now(), *at)) } ", by " (plain(&action.who, 200)) }
            @if let Some(outcome) = outcome { dt { "Outcome" } dd { (plain(outcome, 1000)) } }
        }
    }
}

/// What only this process knows.
fn told(state: &jobs::State) -> Markup {
    html! {
        @if let Some(ended) = &state.ended {
            p.outcome role="status" { strong { (plain(ended, 2000)) } }
        } @else {
            p role="status" {
                (count(state.sent.done)) " of " (count(state.matched)) " sent, " (count(state.sent.arrived)) " arrived, "
                (count(state.sent.came_back)) " came back"
                @if state.waits > 0 { ", waiting for " (count(state.waits as u64)) }
                @if state.is_cancelled { "; stopping" }
            }
        }
        @if !state.notes.is_empty() { ul { @for note in &state.notes { li { (plain(note, 400)) } } } }
    }
}
