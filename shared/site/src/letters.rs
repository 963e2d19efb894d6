//! The letters: groups, single letters, and what an operator does with them.

use axum::Router;

use crate::context::Context;

pub(crate) fn routes() -> Router<Context> {
    Router::new()
}
