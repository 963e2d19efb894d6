//! One group: its cause, how it stands, its letters, and what is done about all of them.

use axum::extract::{Path, State};
use axum::response::Response;
use domain::Class;
use maud::{Markup, html};
use ports::store::{AlertGroup, GroupState, Silence};

use super::filter::{Asked, query};
use super::parts::{
    COUNTED, TIMES, bars, capped, cause, count, first_hour, group_path, group_state, letters_table, lines,
    older, plain, with_all,
};
use super::verbs::{Offer, verbs};
use crate::access::visitor::Visitor;
use crate::ago::ago;
use crate::context::Context;
use crate::layout::{Section, Shell};
use crate::parameters::Parameters;
use crate::trouble::Trouble;
use desk::Hidden;

/// Letters of one view.
const LETTERS: u32 = 50;

/// The group that `name` means: its fingerprint, or the beginning of it, as mails name it.
pub(super) async fn named(context: &Context, name: &str) -> Result<AlertGroup, Trouble> {
    let groups = context.ask(context.stores().letters.groups(None)).await?;
    desk::group_named(&groups, name).cloned().map_err(|error| Trouble::NotFound(error.to_string()))
}

/// The same filter, with the whole fingerprint of the group that it names: letters are chosen by nothing less, and a group that is not
/// there must not look like one without letters.
pub(crate) async fn in_full(context: &Context, asked: Asked) -> Result<Asked, Trouble> {
    let name = asked.group.trim();
    if name.is_empty() {
        return Ok(asked);
    }
    let group = named(context, name).await?.fingerprint;
    Ok(Asked { group, ..asked })
}

pub(super) async fn view(
    State(context): State<Context>,
    Path(name): Path<String>,
    Parameters(mut asked): Parameters<Asked>,
    visitor: Visitor,
) -> Result<Response, Trouble> {
    let group = named(&context, &name).await?;
    asked.group.clone_from(&group.fingerprint);
    let (now, limit, stores) = (context.now(), asked.limit(LETTERS)?, context.stores());
    let (filter, after) = (asked.filter(now, Hidden(context.hidden()))?, asked.key()?);
    let letters = context.ask(stores.desk.list(&filter, after.as_ref(), limit)).await?;
    let number = context.ask(stores.desk.count(&filter, COUNTED)).await?;
    let silences = context.ask(stores.silences.silences(now)).await?;
    let silence = silences.iter().find(|silence| silence.fingerprint == group.fingerprint);
    let hours = context.ask(stores.desk.by_hour(&[group.fingerprint.as_str()], first_hour(now))).await?;
    let title = cause(group.stage, group.class, &group.code);
    let shell = Shell::new(&context, title, Section::Letters).await.staying_fresh();
    let path = format!("/letters/groups/{}", group.fingerprint);
    let of_state = |state: &'static str| format!("{}{}", context.href(&path), query(&[("state", state)]));
    let offer = Offer {
        asked: &asked,
        with: &with_all(number),
        state: filter.state,
        can_be_sent: group.class != Class::Incident,
        here: &context.href(&path),
    };
    let main = html! {
        p.links { a href=(context.href("/letters")) { "All letters" } }
        (about(&context, &group, silence, &bars(&hours, &group.fingerprint, now)))
        (silencing(&context, &group, silence, visitor.may_act()))
        h2 id="letters" { "Letters" }
        p.links {
            a href=(context.href(&path)) { "open" } " · " a href=(of_state("replayed")) { "replayed" } " · "
            a href=(of_state("resolved")) { "resolved" } " · " a href=(of_state("dropped")) { "dropped" } " · "
            a href=(of_state("any")) { "any" }
        }
        @if letters.is_empty() {
            p { "There are no such letters (" (asked.in_words()) ")." }
        } @else {
            p { strong { (capped(number)) } " " (if number == 1 { "letter" } else { "letters" }) ": " (asked.in_words()) }
            (verbs(&context, &visitor, &offer))
            (letters_table(&context, &letters, now))
            (older(&context, &path, &asked, &letters, limit))
        }
    };
    Ok(shell.around(&context, &main))
}

fn about(context: &Context, group: &AlertGroup, silence: Option<&Silence>, bars: &Markup) -> Markup {
    let now = context.now();
    html! {
        dl.facts {
            dt { "State" } dd { (group_state(group, silence)) }
            dt { "Reason" } dd.reason { bdi { (lines(Hidden(context.hidden()).reason(group.class, &group.reason))) } }
            dt { "Deaths" } dd { (count(group.total)) @if group.episodes > 1 { ", in " (count(group.episodes)) " episodes" } }
            dt { "First" } dd { (ago(now, group.first_seen_at)) }
            dt { "Last" } dd { (ago(now, group.last_seen_at)) }
            dt { "24 hours" } dd { (bars) }
            dt { "Mailed" } dd { @match group.mailed_at { Some(at) => (ago(now, at)), None => "never" } }
            @if group.state == GroupState::Resolved {
                dt { "Resolved" }
                dd {
                    @if let Some(at) = group.resolved_at { (ago(now, at)) ": " }
                    (plain(group.resolution.as_deref().unwrap_or_default(), 1000))
                }
            }
            @if let Some(silence) = silence {
                dt { "Silence" }
                dd {
                    "ends " (ago(now, silence.until)) "; by " (plain(&silence.by, 200)) ": " (plain(&silence.why, 1000))
                }
            }
            dt { "Name" } dd { code { (group.fingerprint) } }
        }
    }
}

fn silencing(context: &Context, group: &AlertGroup, silence: Option<&Silence>, may_act: bool) -> Markup {
    if !may_act {
        return html! {};
    }
    let path = group_path(context, &group.fingerprint);
    html! {
        @if silence.is_some() {
            form method="post" action={ (path) "/unsilence" } { button type="submit" { "End the silence" } }
        } @else {
            details.filter id="silencing" {
                summary { "Silence: no mails about it for a time" }
                form method="post" action={ (path) "/silence" } {
                    label { "For " select name="for" {
                        @for (value, text) in TIMES { option value=(value) { (text) } }
                    } }
                    label { "Why " input type="text" name="why" required maxlength=(desk::WHY_CHARS); }
                    button type="submit" { "Silence" }
                }
            }
        }
    }
}
