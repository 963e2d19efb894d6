//! The one line of truth on top of every view: how the pipeline is, in a sentence.

use maud::{Markup, html};

use crate::ago::ago;
use crate::context::Context;

/// How the pipeline is now, in a sentence.
pub(crate) async fn truth(context: &Context) -> Markup {
    let freshness = context.ask(context.stores().quotes.freshness()).await;
    html! {
        @match freshness.map(|freshness| freshness.newest_fetch_at) {
            Ok(Some(at)) => { "Newest quotes: fetched " (ago(context.now(), at)) }
            Ok(None) => { "No quotes yet" }
            Err(trouble) => { (trouble.to_string()) }
        }
    }
}
