//! One letter: its lives, its headers, and its body with every digit that was sent.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use desk::{Body, Editing, body_of, replay_of, shown_name, trace, unsendable};
use domain::{StageName, counted, header};
use maud::{Markup, html};
use ports::store::{Death, FiledLetter, Handling, LetterState};

use super::filter::Asked;
use super::indent::indented;
use super::parts::{cause, count, group_path, letter_path, letter_state, lines, plain};
use super::verbs::{Offer, verbs};
use crate::access::visitor::Visitor;
use crate::ago::ago;
use crate::context::Context;
use crate::layout::{Section, Shell};
use crate::sentence::with_code;
use crate::trouble::Trouble;
use desk::{HIDDEN, Hidden};

/// Characters of a body that are shown; a page has millions.
const BODY_CHARS: usize = 20_000;
/// Bytes that are shown of a body that is no text.
const BODY_BYTES: usize = 2048;
/// Bytes in a line of those.
const LINE_BYTES: usize = 32;

/// The letter `id`, and what was done about it.
pub(super) async fn found(context: &Context, id: &str) -> Result<(FiledLetter, Handling), Trouble> {
    let found = context.ask(desk::letter(context.stores(), id)).await?;
    found.ok_or_else(|| Trouble::NotFound(format!("there is no letter {:?}", plain(&shown_name(id), 300))))
}

/// The same for what is about to be changed: whoever has a form of it saw it.
pub(super) async fn still_there(context: &Context, id: &str) -> Result<(FiledLetter, Handling), Trouble> {
    let gone = |trouble| match trouble {
        Trouble::NotFound(said) => Trouble::Refused(StatusCode::GONE, said.into()),
        other => other,
    };
    found(context, id).await.map_err(gone)
}

/// The letter as it is edited; why it is not, where nothing could come of that.
pub(super) fn editable(
    context: &Context,
    filed: FiledLetter,
    handling: &Handling,
) -> anyhow::Result<Editing> {
    let editing = Editing::of(filed, handling)?.hiding(context.hidden());
    editing.check_can_be_tried(context.trial())?;
    Ok(editing)
}

pub(super) async fn view(
    State(context): State<Context>,
    Path(id): Path<String>,
    visitor: Visitor,
) -> Result<Response, Trouble> {
    let (filed, handling) = found(&context, &id).await?;
    let hidden = Hidden(context.hidden());
    let id = filed.letter.id.to_string();
    let shell = Shell::new(&context, format!("Letter {}", shown_name(&id)), Section::Letters).await;
    let asked = Asked { id: shown_name(&id), ..Asked::default() };
    let here = letter_path(&context, &id);
    let cannot_be_sent = unsendable(&filed.letter);
    let offer = Offer {
        asked: &asked,
        with: "With it",
        state: Some(handling.state),
        can_be_sent: cannot_be_sent.is_none(),
        here: &here,
    };
    let main = html! {
        p.links {
            a href=(context.href("/letters")) { "All letters" } " · "
            a href=(group_path(&context, &filed.fingerprint)) { "Its group" }
        }
        (about(&context, &filed, &handling, hidden))
        (verbs(&context, &visitor, &offer))
        @if let Some(why) = cannot_be_sent {
            p.note { "It cannot be sent again: " (with_code(why)) "." }
        } @else if visitor.may_act() && !handling.state.is_settled() {
            (edit(&context, &filed, &handling, &here))
        }
        @if filed.deaths.len() > 1 { (lives(&context, &filed.deaths, hidden)) }
        h2 { "Headers" }
        @if filed.letter.headers.is_empty() { p { "It has none." } } @else {
            dl.facts {
                @for (name, value) in filed.letter.headers.iter() {
                    dt { bdi { (plain(name, 200)) } }
                    dd { bdi { (plain(hidden.header(name, value), 2000)) } }
                }
            }
        }
        h2 { "Body" }
        (body(&filed, hidden))
    };
    Ok(shell.around(&context, &main))
}

/// The way to edit it, or why nothing could come of that.
fn edit(context: &Context, filed: &FiledLetter, handling: &Handling, here: &str) -> Markup {
    match editable(context, filed.clone(), handling) {
        Ok(_) => html! { p.links { a href={ (here) "/edit" } { "Edit…" } } },
        Err(why) => html! { p.note { "It cannot be edited here: " (with_code(&format!("{why:#}"))) "." } },
    }
}

fn about(context: &Context, filed: &FiledLetter, handling: &Handling, hidden: Hidden<'_>) -> Markup {
    let (now, letter) = (context.now(), &filed.letter);
    html! {
        dl.facts {
            dt { "State" }
            dd {
                (letter_state(handling.state))
                @if handling.state != LetterState::Open {
                    @if let Some(at) = handling.settled_at { " " (ago(now, at)) }
                    @if let Some(why) = &handling.why { ": " (plain(why, 1000)) }
                }
            }
            dt { "Cause" } dd { a href=(group_path(context, &filed.fingerprint)) { (cause(letter.stage, letter.class, &letter.code)) } }
            dt { "Reason" } dd.reason { bdi { (lines(hidden.reason(letter.class, &letter.reason))) } }
            dt { "First seen" } dd { (ago(now, filed.first_seen_at())) }
            dt { "Filed" } dd { (ago(now, filed.filed_at)) ", attempt " (letter.attempt) }
            @if let (Some(replay), Some(at)) = (&handling.replay, handling.replayed_at) {
                dt { "Replayed" } dd { (ago(now, at)) ", as " code { (replay) } }
            }
            @if let Some(original) = &handling.edited_from {
                dt { "Edited from" } dd { a href=(letter_path(context, original)) { bdi { (shown_name(original)) } } }
            }
            @if let Some(trace) = trace(&letter.headers).filter(|_| !hidden.has(header::TRACEPARENT)) { dt { "Trace" } dd { code { (plain(trace, 80)) } } }
        }
    }
}

fn lives(context: &Context, deaths: &[Death], hidden: Hidden<'_>) -> Markup {
    html! {
        h2 { "Lives" }
        div.scroll tabindex="0" role="region" aria-label="Lives" {
            table.cards {
                caption { "It died " (count(deaths.len() as u64)) " times" }
                thead { tr {
                    th scope="col" { "Filed" } th scope="col" { "Replay" } th scope="col" { "Cause" }
                    th.number scope="col" { "Attempt" } th scope="col" { "Reason" }
                } }
                tbody {
                    @for death in deaths {
                        tr {
                            th scope="row" { (ago(context.now(), death.filed_at)) }
                            td data-name="Replay" { (plain(replay_of(death).unwrap_or("none"), 80)) }
                            td { a href=(group_path(context, &death.fingerprint)) { (cause(death.stage, death.class, &death.code)) } }
                            td.number data-name="Attempt" { (death.attempt) }
                            td.reason { bdi { (plain(hidden.reason(death.class, &death.reason), 300)) } }
                        }
                    }
                }
            }
        }
    }
}

fn body(filed: &FiledLetter, hidden: Hidden<'_>) -> Markup {
    let letter = &filed.letter;
    let size = counted(letter.body.len() as u64, "byte");
    let stage = letter.stage.map_or("", StageName::as_str);
    let body = body_of(letter);
    let is_json = matches!(body, Body::Json(_));
    match body {
        Body::Empty => {
            html! { p { "There is none" @if stage == "fetcher" { ": it is about something that happened without a message" } "." } }
        }
        Body::Json(text) | Body::Text(text) => {
            let Some(shown) = hidden.body(&text) else {
                return html! { p { (size) " that are no JSON, so nobody knows what is in them: " (HIDDEN) "." } };
            };
            let (begin, left) = if is_json {
                indented(&shown, BODY_CHARS)
            } else {
                (shown.chars().take(BODY_CHARS).collect(), shown.chars().skip(BODY_CHARS).count())
            };
            html! {
                p {
                    (size)
                    @if shown.len() != letter.body.len() { " as it was sent, " (counted(shown.len() as u64, "byte")) " as a text" }
                    ". Every digit is as it was sent" @if is_json { ", in lines for reading" } "."
                }
                pre.body tabindex="0" { code { bdi { (lines(&begin)) } } }
                @if left > 0 {
                    p { (counted(left as u64, "character")) " more: " code { "coinpipe dead show --json " (desk::quoted_name(letter.id.as_str())) } }
                }
            }
        }
        Body::Unreadable if !hidden.is_nothing() => {
            html! { p { (size) " that are no text: " (HIDDEN) "." } }
        }
        Body::Unreadable => html! {
            p { (size) " that are no text, in hexadecimal:" }
            pre.body tabindex="0" { code { (hexadecimal(&letter.body)) } }
            @if letter.body.len() > BODY_BYTES { p { "… and more: " code { "coinpipe dead show --json " (desk::quoted_name(letter.id.as_str())) } } }
        },
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for line in bytes[..bytes.len().min(BODY_BYTES)].chunks(LINE_BYTES) {
        for byte in line {
            // A `String` takes all that is written.
            let _ = write!(text, "{byte:02x} ");
        }
        text.push('\n');
    }
    text
}
