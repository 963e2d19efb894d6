//! The question before something is done to letters: what, to how many, and how.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use desk::{Acting, Verb};
use maud::{Markup, html};

use super::filter::query;
use super::form::{Form, WHICH};
use super::group::in_full;
use super::parts::{alert, count, letters_table};
use super::verbs::only_operators;
use crate::access::visitor::Visitor;
use crate::context::Context;
use crate::jobs::is_settling;
use crate::layout::{Section, Shell};
use crate::trouble::Trouble;
use crate::truth::counted;
use desk::Hidden;

/// Letters that are shown of those that are meant.
const SHOWN: u32 = 5;

/// The verb with this name, of those that are done to letters of a filter.
pub(super) fn verb_named(name: &str) -> Result<Verb, Trouble> {
    let found = [Verb::Replay, Verb::Resolve, Verb::Drop].into_iter().find(|verb| verb.as_str() == name);
    found.ok_or_else(|| Trouble::BadParameter("verb is none of replay, resolve and drop".to_owned()))
}

pub(super) async fn view(
    State(context): State<Context>,
    RawQuery(parameters): RawQuery,
    visitor: Visitor,
) -> Result<Response, Trouble> {
    let form = Form::read(parameters.unwrap_or_default().as_bytes(), &["verb"], &WHICH)?;
    question(&context, &visitor, &form, None).await
}

/// The question, with what was filled in, and `wrong`, if that could not be done.
pub(super) async fn question(
    context: &Context,
    visitor: &Visitor,
    form: &Form,
    wrong: Option<&Trouble>,
) -> Result<Response, Trouble> {
    let (verb, now) = (verb_named(form.text("verb"))?, context.now());
    let asked = in_full(context, form.asked()).await?;
    let filter = asked.filter(now, Hidden(context.hidden()))?;
    // Nothing is begun: this only counts.
    let acting = context.ask(Acting::plan(context.stores(), filter, verb, "", now)).await?;
    let shown = context.ask(acting.first(context.stores(), SHOWN)).await?;
    let name = verb.as_str()[..1].to_uppercase() + &verb.as_str()[1..];
    // What has a message, of those that are meant.
    let to_do = counted(acting.possible(), "letter");
    let title = format!("{name} {to_do}?");
    let shell = Shell::new(context, title, Section::Letters).await;
    let until = acting.filter().until.map(domain::timestamp::to_text).unwrap_or_default();
    let back = format!("{}{}", context.href("/letters"), asked.query());
    let verb_and_which = [&[("verb", verb.as_str())][..], &asked.fields()].concat();
    let here = format!("{}{}", context.href("/actions/plan"), query(&verb_and_which));
    let main = html! {
        (alert(wrong))
        p { "Meant are those that are there now: " (asked.in_words()) ". What dies from now on is left alone." }
        @if acting.already() > 0 {
            p { (count(acting.already())) " more are resolved or dropped already, and stay as they are." }
        }
        @if acting.without_message() > 0 {
            p { (counted(acting.without_message(), "letter")) " of them " (if acting.without_message() == 1 { "is an incident" } else { "are incidents" })
                ", without a message that could be sent; " em { "Resolve" } " closes what is over." }
        }
        @if acting.possible() == 0 {
            p { "There is nothing to do." }
        } @else {
            (letters_table(context, &shown, now))
            @if acting.possible() > u64::from(SHOWN) { p { "… and " (count(acting.possible() - u64::from(SHOWN))) " more." } }
            @if visitor.may_act() {
                form.plan method="post" action=(context.href("/actions/start")) {
                    input type="hidden" name="verb" value=(verb.as_str());
                    input type="hidden" name="now" value=(until);
                    input type="hidden" name="matched" value=(acting.matched());
                    // One question, one deed, however often it is sent.
                    input type="hidden" name="action" value=(acting.id());
                    (asked.hidden())
                    (how(verb, form))
                    button type="submit" { (name) " " (to_do) }
                }
            } @else {
                (only_operators(context, "can do it", &here))
            }
        }
        p.links { a href=(back) { "Back to the letters" } }
    };
    let status = wrong.map_or(StatusCode::OK, Trouble::status);
    Ok((status, shell.around(context, &main)).into_response())
}

/// What may be chosen.
fn how(verb: Verb, form: &Form) -> Markup {
    html! {
        @if verb == Verb::Replay {
            p { "They go to the queues that they came from: one first, then two, then four. When one comes back, no more are sent." }
            label { input type="checkbox" name="at_once" value="yes" checked[form.is_ticked("at_once")]; " Many at once, not one first" }
            label { input type="checkbox" name="keep_going" value="yes" checked[form.is_ticked("keep_going")]; " Go on although letters come back" }
            label { "At most so many a minute " input type="number" name="rate" value=(form.text("rate")) min="1" max="1000000" placeholder="no limit"; }
        }
        @if is_settling(verb) {
            label { "Why " input type="text" name="why" value=(form.text("why")) required maxlength=(desk::WHY_CHARS); }
            @if verb == Verb::Drop { p { "They are kept, and can be sent again, until they are purged." } }
        }
    }
}
