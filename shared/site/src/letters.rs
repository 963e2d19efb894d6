//! The letters: groups, single letters, and what an operator does with them.
//!
//! Every view takes the same filter as GET parameters and hands it on. What changes letters is asked for in one view, which counts and
//! names them, and begun by a form in it; it is done by `jobs` in this process, whether or not the browser stays.

mod act;
mod edit;
pub(crate) mod filter;
mod form;
pub(crate) mod group;
mod indent;
mod letter;
mod overview;
pub(crate) mod parts;
mod plan;
mod progress;
mod record;
mod silence;
mod verbs;

use axum::routing::{get, post};
use axum::{Router, middleware};

use crate::context::Context;
use crate::etag;
use crate::safety::Act;
use crate::slash::Views;

pub(crate) fn routes() -> Router<Context> {
    Router::new()
        .view("/letters", get(overview::view))
        .view("/letters/groups/{fingerprint}", get(group::view))
        .view("/letters/{id}", get(letter::view))
        .view("/letters/{id}/edit", get(edit::view))
        .view("/actions", get(record::view))
        .view("/actions/plan", get(plan::view))
        .view("/actions/progress", get(progress::view))
        .layer(middleware::from_fn(etag::tag))
}

/// The routes that change something.
pub(crate) fn acts() -> Vec<Act> {
    vec![
        Act::new("/letters/{id}/check", post(edit::check)),
        Act::new("/letters/{id}/keep", post(edit::keep)),
        Act::new("/letters/groups/{fingerprint}/silence", post(silence::silence)),
        Act::new("/letters/groups/{fingerprint}/unsilence", post(silence::unsilence)),
        Act::new("/actions/start", post(act::start)),
        Act::new("/actions/cancel", post(act::cancel)),
    ]
}

#[cfg(test)]
mod tests;
