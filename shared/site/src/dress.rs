//! Gives a [`Trouble`] the form that whoever asked can read: a view for people, JSON for programs, text where a file was asked for.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::one_line;
use maud::html;
use serde_json::json;

use crate::context::Context;
use crate::form::Form;
use crate::layout::{Section, Shell};
use crate::sentence::{sentence, with_code};
use crate::trouble::Trouble;

/// What an answer says beside its form.
const KEPT: [HeaderName; 4] =
    [header::ALLOW, header::CONNECTION, header::RETRY_AFTER, header::WWW_AUTHENTICATE];
/// The longest sentence, in characters: it may hold what was asked for.
const LONGEST: usize = 1000;

/// The layer around all routes.
pub(crate) async fn dress(State(context): State<Context>, request: Request, next: Next) -> Response {
    let form = Form::of(request.uri().path().strip_prefix(context.base_path()).unwrap_or_default());
    let response = next.run(request).await;
    let (head, body) = response.into_parts();
    let trouble = match head.extensions.get::<Trouble>() {
        Some(trouble) => trouble.clone(),
        None if is_bare(head.status, &head.headers) => {
            let reason = to_bytes(body, LONGEST).await.unwrap_or_default();
            of_status(head.status, &String::from_utf8_lossy(&reason))
        }
        None => return Response::from_parts(head, body),
    };
    let mut dressed = dressed(&context, form, &trouble);
    for name in KEPT {
        if let Some(value) = head.headers.get(&name) {
            dressed.headers_mut().insert(name, value.clone());
        }
    }
    dressed
}

/// Whether an answer is what axum itself says of a request that gets to no view, such as one with a method that its route has not.
fn is_bare(status: StatusCode, headers: &HeaderMap) -> bool {
    let is_failure = status.is_client_error() || status.is_server_error();
    let is_text = |kind: &header::HeaderValue| kind.as_bytes().starts_with(b"text/plain");
    is_failure && headers.get(header::CONTENT_TYPE).is_none_or(is_text)
}

fn of_status(status: StatusCode, reason: &str) -> Trouble {
    let text = match status {
        StatusCode::METHOD_NOT_ALLOWED => "that cannot be done at this address".to_owned(),
        StatusCode::PAYLOAD_TOO_LARGE => "that is more than is taken at once".to_owned(),
        status if reason.trim().is_empty() => {
            status.canonical_reason().unwrap_or("that did not work").to_lowercase()
        }
        _ => reason.trim().to_owned(),
    };
    Trouble::Refused(status, text.into())
}

fn dressed(context: &Context, form: Form, trouble: &Trouble) -> Response {
    let status = trouble.status();
    match form {
        Form::Json => return (status, Json(json!({ "error": trouble.to_string() }))).into_response(),
        Form::Text => {
            return (status, format!("{}\n", one_line(&trouble.to_string(), LONGEST))).into_response();
        }
        Form::View => {}
    }
    let title = match trouble {
        Trouble::NotFound(_) => "Not found",
        Trouble::Refused(StatusCode::UNAUTHORIZED, _) => "Who are you?",
        Trouble::Refused(StatusCode::PAYLOAD_TOO_LARGE | StatusCode::URI_TOO_LONG, _) => "Too much",
        Trouble::Refused(StatusCode::TOO_MANY_REQUESTS, _)
        | Trouble::Busy
        | Trouble::StoreAway
        | Trouble::StoreUnusable => "Not now",
        Trouble::Refused(..) => "That does not work",
        Trouble::BadParameter(_) => "That makes no sense",
        Trouble::Forbidden(_) => "Not allowed",
    };
    // What went wrong may be asking the store: it is not asked again.
    let shell = Shell::without_truth(title, Section::None);
    let said = sentence(&one_line(&trouble.to_string(), LONGEST));
    (status, shell.around(context, &html! { p.trouble { (with_code(&said)) } })).into_response()
}
