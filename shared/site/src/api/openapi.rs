//! `/api/openapi.json`: what the API promises, for programs that make clients of it.

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use serde_json::{Value, json};

use super::Routes;
use crate::context::Context;
use crate::trouble::Trouble;

/// Where it is, below the base path.
pub(super) const PATH: &str = "/api/openapi.json";

/// The description, without the address of the server.
pub(super) const TEXT: &str = include_str!("../../assets/openapi.json");

pub(super) fn routes() -> Routes {
    vec![(PATH, get(openapi))]
}

async fn openapi(State(context): State<Context>) -> Result<Json<Value>, Trouble> {
    // Its tests read it.
    let mut document: Value = serde_json::from_str(TEXT).map_err(|_| Trouble::StoreUnusable)?;
    document["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    let base = context.base_path();
    document["servers"] = json!([{ "url": if base.is_empty() { "/" } else { base } }]);
    Ok(Json(document))
}
