//! The API for programs: the same data as in the views, as JSON.

use axum::Router;

use crate::context::Context;

pub(crate) fn routes() -> Router<Context> {
    Router::new()
}
