//! The site: what `[http] listen` serves to people and to programs, beside health and metrics.
//!
//! Every view is made on the server and can be read without JavaScript. The rows are those of the one store, so any number of
//! processes may serve it. A module is one part of the site and has a function `routes`; [`open`] puts them together.
//!
//! # Guarantees
//! - Looking never starves work: a [`Context`] bounds how many questions the store is asked at once, and for how long.
//! - No script and no style stands in a view: all of it is in `assets`, in the binary.
//! - Only an operator changes something: see `safety`.

mod access;
mod ago;
mod api;
mod assets;
mod compress;
mod context;
mod courses;
mod dress;
mod etag;
mod form;
mod in_the_way;
mod jobs;
mod lately;
mod layout;
mod letters;
mod line;
mod market;
mod moment;
mod numbers;
mod parameters;
mod pipeline;
mod plot;
mod recover;
mod safety;
mod sentence;
mod slash;
mod sparkline;
mod trouble;
mod truth;

use std::sync::Arc;

use axum::extract::RawQuery;
use axum::routing::get;
use axum::{Router, middleware};
use desk::Trial;
use service::{Process, Queues, Stores};
use tracing::{info, warn};

pub use context::{Context, Parts};
pub use pipeline::json::{batch_json, depth_json, mail_json, waiting_json};
pub use pipeline::missing::{Places, letters_about, places};
pub use pipeline::{Overview, SlotState, Square, next_slot, overview};
pub use truth::{Facts, Known, Level, Truth, facts, known, truth as truth_of};

/// Serves the site of `process` from now on, over what it has open. `trial` tries pages that somebody edited; without it none is.
pub fn open(process: &Process, queues: &Queues, stores: &Stores, trial: Option<Arc<dyn Trial>>) {
    let context = Context::new(Parts {
        stores: stores.clone(),
        queues: queues.clone(),
        clock: process.clock.clone(),
        config: process.config().clone(),
        metrics: process.metrics.clone(),
        trial,
        instance: process.id().to_owned(),
        stop: process.shutdown.soft(),
    });
    if let Some(address) = process.serve_site(router(&context)) {
        match context.guard().closed() {
            None => info!(%address, "serving the site at {}", context.address(address)),
            Some(why) => warn!(%address, "{why}"),
        }
        tokio::spawn(async move {
            let recovering = recover::keep_recovering(context.stores(), context.clock());
            context.stop().run_until_cancelled(recovering).await;
        });
    }
}

/// Everything that the site answers.
pub fn router(context: &Context) -> Router {
    let routes = Router::new()
        .merge(market::routes(context))
        .merge(pipeline::routes(context))
        .merge(letters::routes())
        .merge(api::routes())
        .merge(assets::routes())
        .merge(safety::routes())
        .merge(safety::acting(context, acts()));
    let routes = below(context.base_path(), routes);
    // Layers that come later are around those before.
    routes
        .fallback(trouble::nothing_here)
        .layer(middleware::from_fn_with_state(context.clone(), safety::gate))
        .layer(middleware::from_fn_with_state(context.clone(), dress::dress))
        .layer(middleware::from_fn(safety::headers))
        .layer(middleware::from_fn(compress::compress))
        .with_state(context.clone())
}

/// Every route that changes something.
fn acts() -> Vec<safety::Act> {
    letters::acts()
}

/// `routes` below `base`, which also has a `/` at its end for whoever types one.
fn below(base: &str, routes: Router<Context>) -> Router<Context> {
    if base.is_empty() {
        return routes;
    }
    let market = base.to_owned();
    let there = get(async move |RawQuery(asked): RawQuery| slash::lead(&market, asked.as_deref()));
    Router::new().nest(base, routes).route(&format!("{base}/"), there)
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
