//! The pipeline: how fresh the tables are, stages and queues, the last slots, plots, processes.

pub(crate) mod json;
pub(crate) mod missing;
mod overview;
mod plots;
mod processes;
mod squares;
mod stages;
mod strip;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use chrono::TimeDelta;
use maud::{Markup, html};
use serde::Deserialize;

use crate::context::Context;
use crate::layout::{Section, Shell};
use crate::moment;
use crate::parameters::{Parameters, one_of};
use crate::slash::Views;
use crate::trouble::Trouble;

pub use overview::{Overview, overview};
pub use squares::{Square, State as SlotState};
pub use stages::next_slot;

pub(crate) fn routes(context: &Context) -> Router<Context> {
    moment::shared(Router::new().view("/pipeline", get(pipeline)), context)
}

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    span: Option<String>,
}

/// How far back plots go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Span {
    #[default]
    Day,
    Month,
}

impl Span {
    const ALL: [(Self, &'static str, &'static str); 2] =
        [(Self::Day, "day", "24 hours"), (Self::Month, "month", "30 days")];

    fn time(self) -> TimeDelta {
        match self {
            Self::Day => TimeDelta::hours(24),
            Self::Month => TimeDelta::days(30),
        }
    }
}

async fn pipeline(
    State(context): State<Context>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Trouble> {
    let spans = Span::ALL.map(|(span, word, _)| (word, span));
    let span = one_of("span", asked.span.as_deref(), &spans)?.unwrap_or_default();
    let (config, clock) = (context.config(), context.clock());
    let (stores, queue) = (context.stores(), context.queue());
    let all = context.ask(overview(config, stores, Some(queue), clock)).await?;
    let now = all.known.now;
    let (courses, paid) = context.ask(overview::plotted(stores, now - span.time(), now)).await?;
    let shell = Shell::new(&context, "Pipeline", Section::Pipeline).await.with_plots().staying_fresh();
    let main = html! {
        (stages::section(&context, &all))
        (strip::section(&context, &all))
        (plotted(&context, span, &plots::figures(&courses, &paid, (now - span.time(), now))))
        (processes::section(&all.processes, now))
    };
    Ok(shell.around(&context, &main))
}

fn plotted(context: &Context, span: Span, figures: &Markup) -> Markup {
    html! {
        section aria-labelledby="plots" {
            h2 id="plots" { "Over time" }
            div.choices {
                nav aria-label="How far back" {
                    @for (one, word, name) in Span::ALL {
                        a href=(context.href(&format!("/pipeline?span={word}#plots"))) aria-current=[(one == span).then_some("true")] { (name) }
                    }
                }
            }
            (figures)
        }
    }
}

#[cfg(test)]
mod tests;
