//! The pipeline: stages, queues, batches, processes.

use axum::Router;

use crate::context::Context;

pub(crate) fn routes() -> Router<Context> {
    Router::new()
}
