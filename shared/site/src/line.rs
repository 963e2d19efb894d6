//! The line of truth on top of every view, found anew every few seconds, however many views are asked for.

use chrono::TimeDelta;
use maud::{Markup, html};

use crate::context::Context;
use crate::truth::{Level, Truth, counted, depths, facts, known, truth};

/// So long one that was found is told again.
const KEPT: TimeDelta = TimeDelta::seconds(2);

/// The line.
pub(crate) async fn line(context: &Context) -> Markup {
    let (truth, open) = find(context).await;
    let (class, sign) = look(truth.level);
    html! {
        span class={ "level " (class) } { span aria-hidden="true" { (sign) " " } strong { (truth.word) } } (truth.rest)
        @if open > 0 { " · " a href=(context.href("/letters")) { (counted(open, "group")) " of letters open" } }
    }
}

/// The class and the sign of a level.
fn look(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::Good => ("good", "●"),
        Level::Doubtful => ("doubtful", "▲"),
        Level::Bad => ("bad", "■"),
    }
}

/// How all is, and how many groups of letters are open.
async fn find(context: &Context) -> (Truth, u64) {
    let now = context.now();
    let finding = async {
        let tables = context.ask(facts(context.stores(), now)).await.ok();
        let queues = match &tables {
            Some(_) => depths(context.queue(), context.clock()).await,
            None => None,
        };
        let open = tables.as_ref().map_or(0, |tables| tables.open.len() as u64);
        Ok((truth(&known(context.config(), tables, queues, now)), open))
    };
    let Ok(found) = context.found().or_find(context.clock(), |_| KEPT, finding).await;
    found
}
