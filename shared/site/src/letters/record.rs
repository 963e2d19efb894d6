//! Who did what about which letters.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use ports::store::LoggedAction;
use serde::Deserialize;

use super::act::progress_path;
use super::filter::{Asked, recorded};
use super::parts::{count, plain};
use crate::ago::ago;
use crate::context::Context;
use crate::layout::{Section, Shell};
use crate::parameters::{Parameters, whole_number};
use crate::trouble::Trouble;
use desk::Hidden;

/// Actions of one view.
const ACTIONS: u32 = 50;
/// The most that one view shows.
const MOST: u32 = 1000;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Shown {
    limit: Option<String>,
}

pub(super) async fn view(
    State(context): State<Context>,
    Parameters(shown): Parameters<Shown>,
) -> Result<Response, Trouble> {
    let limit = whole_number("limit", shown.limit.as_deref(), 1..=u64::from(MOST))?;
    let limit = limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(ACTIONS);
    let actions = context.ask(context.stores().desk.actions(limit)).await?;
    let shell = Shell::new(&context, "Who did what", Section::Letters).await.staying_fresh();
    let more = (limit * 4).min(MOST);
    let main = html! {
        p.links { a href=(context.href("/letters")) { "All letters" } }
        @if actions.is_empty() {
            p { "Nobody did anything about letters yet." }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Actions" {
                table.cards {
                    caption { "Newest first" }
                    thead { tr {
                        th scope="col" { "What" } th scope="col" { "When" } th scope="col" { "Who" }
                        th scope="col" { "Letters" } th.number scope="col" { "Done" } th scope="col" { "Outcome" }
                    } }
                    tbody { @for logged in &actions { (row(&context, logged)) } }
                }
            }
            @if actions.len() == limit as usize && more > limit {
                p.pages { a href={ (context.href("/actions")) "?limit=" (more) } { "More" } }
            }
        }
    };
    Ok(shell.around(&context, &main))
}

fn row(context: &Context, logged: &LoggedAction) -> Markup {
    let LoggedAction { at, action, done, outcome } = logged;
    let filter = recorded(&action.filter, Hidden(context.hidden()));
    html! {
        tr {
            th scope="row" { a href=(progress_path(context, &action.id, &Asked::default())) { (plain(&action.verb, 30)) } }
            td { (ago(context.now(), *at)) }
            td data-name="Who" { (plain(&action.who, 100)) }
            td.reason { bdi { (plain(&filter, 200)) } }
            td.number data-name="Done" { (count(*done)) " of " (count(action.matched)) }
            td { @match outcome { Some(outcome) => (plain(outcome, 200)), None => "goes on, or was killed" } }
        }
    }
}
