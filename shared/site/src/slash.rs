//! A slash too much at the end of an address leads to the view without it, with what was asked for.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

use crate::context::Context;
use crate::trouble;

/// Routes to views.
pub(crate) trait Views {
    /// With `view` at `path`; and what leads there from `path/`.
    fn view(self, path: &str, view: MethodRouter<Context>) -> Self;
}

impl Views for Router<Context> {
    fn view(self, path: &str, view: MethodRouter<Context>) -> Self {
        self.route(path, view).route(&format!("{path}/"), get(without))
    }
}

async fn without(State(context): State<Context>, uri: Uri) -> Response {
    let path = uri.path().strip_suffix('/').unwrap_or(uri.path());
    lead(&context.href(path), uri.query())
}

/// Leads to `path` with this `query`, for good.
pub(crate) fn lead(path: &str, query: Option<&str>) -> Response {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    match HeaderValue::try_from(format!("{path}{query}")) {
        Ok(place) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, place)]).into_response(),
        // There are addresses that no header can hold.
        Err(_) => trouble::nothing_at(path).into_response(),
    }
}
