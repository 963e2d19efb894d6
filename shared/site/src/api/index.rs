//! `/api`: where to begin for whoever has no description yet.

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use serde_json::{Value, json};

use super::{Routes, all, openapi};
use crate::context::Context;

pub(super) fn routes() -> Routes {
    vec![("/api", get(index))]
}

/// The same for whoever types a `/` behind it. It is not described: one address is enough.
pub(super) fn with_a_slash() -> Routes {
    vec![("/api/", get(index))]
}

async fn index(State(context): State<Context>) -> Json<Value> {
    let addresses: Vec<_> = all().into_iter().map(|(path, _)| context.href(path)).collect();
    Json(json!({ "description": context.href(openapi::PATH), "addresses": addresses }))
}
