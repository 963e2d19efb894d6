//! The site: what `[http] listen` serves to people and to programs, beside health and metrics.
//!
//! Every view is made on the server and can be read without JavaScript. The rows are those of the one store, so any number of
//! processes may serve it. A module is one part of the site and has a function `routes`; [`open`] puts them together.
//!
//! # Guarantees
//! - Looking never starves work: a [`Context`] bounds how many questions the store is asked at once, and for how long.
//! - No script and no style stands in a view: all of it is in `assets`, in the binary.

mod ago;
mod api;
mod assets;
mod compress;
mod context;
mod dress;
mod etag;
mod layout;
mod letters;
mod market;
mod numbers;
mod parameters;
mod pipeline;
mod plot;
mod safety;
mod sparkline;
mod trouble;
mod truth;

use axum::{Router, middleware};
use service::{Process, Queues, Stores};
use tracing::info;

pub use context::{Context, Parts};
pub use pipeline::json::{batch_json, depth_json, mail_json, waiting_json};
pub use pipeline::missing::{LookError, Places, letters_about, places};
pub use pipeline::{Facts, Known, Level, Overview, SlotState, Square, Truth, overview, truth as truth_of};

/// Serves the site of `process` from now on, over what it has open.
pub fn open(process: &Process, queues: &Queues, stores: &Stores) {
    let context = Context::new(Parts {
        stores: stores.clone(),
        queues: queues.clone(),
        clock: process.clock.clone(),
        config: process.config().clone(),
        metrics: process.metrics.clone(),
    });
    if process.serve_site(router(&context)) {
        info!("serving the site");
    }
}

/// Everything that the site answers.
pub fn router(context: &Context) -> Router {
    let routes = Router::new()
        .merge(market::routes())
        .merge(pipeline::routes())
        .merge(letters::routes())
        .merge(api::routes())
        .merge(assets::routes())
        .merge(safety::routes());
    let routes =
        if context.base_path().is_empty() { routes } else { Router::new().nest(context.base_path(), routes) };
    let dressed = middleware::from_fn_with_state(context.clone(), dress::dress);
    // Layers that come later are around those before.
    let routes = routes.fallback(trouble::nothing_here).layer(dressed);
    routes.layer(middleware::from_fn(compress::compress)).with_state(context.clone())
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
