//! The letters: groups, single letters, and what an operator does with them.

use axum::Router;

use crate::context::Context;
use crate::safety::Act;

pub(crate) fn routes() -> Router<Context> {
    Router::new()
}

/// The routes that change something.
pub(crate) fn acts() -> Vec<Act> {
    Vec::new()
}
