//! Gives a [`Trouble`] the form that whoever asked can read: a view for people, JSON for programs.

use axum::Json;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::one_line;
use maud::html;
use serde_json::json;

use crate::context::Context;
use crate::layout::{Section, Shell};
use crate::trouble::Trouble;

/// The longest sentence, in characters: it may hold what was asked for.
const LONGEST: usize = 1000;

/// The layer around all routes.
pub(crate) async fn dress(State(context): State<Context>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_program = path.strip_prefix(context.base_path()).is_some_and(|path| path.starts_with("/api/"));
    let response = next.run(request).await;
    let Some(trouble) = response.extensions().get::<Trouble>().cloned() else { return response };
    let status = trouble.status();
    if is_program {
        return (status, Json(json!({ "error": trouble.to_string() }))).into_response();
    }
    let title = match &trouble {
        Trouble::NotFound(_) => "Not found",
        Trouble::BadParameter(_) => "That makes no sense",
        Trouble::Forbidden(_) => "Not allowed",
        Trouble::Busy | Trouble::StoreAway | Trouble::StoreUnusable => "Not now",
    };
    // What went wrong may be asking the store: it is not asked again.
    let shell = Shell::without_truth(title, Section::None);
    (status, shell.around(&context, &html! { p.trouble { (one_line(&trouble.to_string(), LONGEST)) } }))
        .into_response()
}
