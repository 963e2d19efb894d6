//! The API for programs: the same data as in the views, as JSON. `assets/openapi.json` describes it.
//!
//! A module is one part of it and lists its routes; a test holds the description against the lists.

mod batches;
mod coins;
mod history;
mod index;
mod json;
mod letters;
mod market;
mod openapi;
mod status;

use axum::Router;
use axum::middleware;
use axum::routing::MethodRouter;

use crate::context::Context;

/// What is below `/api`: paths, and what answers there.
type Routes = Vec<(&'static str, MethodRouter<Context>)>;

/// All of it.
fn all() -> Routes {
    [
        coins::routes(),
        history::routes(),
        letters::routes(),
        market::routes(),
        batches::routes(),
        status::routes(),
        index::routes(),
        openapi::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(crate) fn routes() -> Router<Context> {
    let routes = all()
        .into_iter()
        .chain(index::with_a_slash())
        .fold(Router::new(), |router, (path, route)| router.route(path, route));
    routes.layer(middleware::from_fn(crate::etag::tag))
}

#[cfg(test)]
mod tests;
