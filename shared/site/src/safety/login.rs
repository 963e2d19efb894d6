//! Logging in and out. Tokens come in the body of a form, never in an address.

use axum::extract::{Form, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, extract::DefaultBodyLimit};
use maud::html;
use serde::Deserialize;
use tracing::info;

use crate::access::guard::Reading;
use crate::access::session::Session;
use crate::access::visitor::{Proof, Role, Visitor};
use crate::ago::minute;
use crate::context::Context;
use crate::layout::{Section, Shell};
use crate::slash::Views;
use crate::trouble::Trouble;

/// Where one logs in, and sees who one is.
pub(super) const LOGIN: &str = "/login";
/// Where one logs out.
pub(super) const LOGOUT: &str = "/logout";
/// The largest form, in bytes.
const LARGEST: usize = 8 << 10;

pub(crate) fn routes() -> Router<Context> {
    Router::new()
        .view(LOGIN, get(show).post(log_in))
        .route(LOGOUT, post(log_out))
        .route_layer(DefaultBodyLimit::max(LARGEST))
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    next: String,
}

async fn show(State(context): State<Context>, visitor: Visitor, Query(shown): Query<Shown>) -> Response {
    view(&context, &visitor, &own(&context, &shown.next), None).await
}

#[derive(Deserialize)]
struct Given {
    token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    next: String,
}

async fn log_in(State(context): State<Context>, Form(given): Form<Given>) -> Response {
    let guard = context.guard();
    let next = own(&context, &given.next);
    let nobody = Visitor::unknown(None);
    // A pasted token may have a line break behind it.
    let Some(role) = guard.tokens.role(given.token.trim()) else {
        let what = "somebody tried to log in to the site with a wrong token";
        if guard.attempts.fail(context.shared_clock(), what).await.is_err() {
            return Trouble::too_many_attempts().into_response();
        }
        let wrong = Wrong { said: "That is not a token of this site.", name: &given.name };
        let mut answer = view(&context, &nobody, &next, Some(wrong)).await;
        *answer.status_mut() = StatusCode::UNAUTHORIZED;
        return answer;
    };
    let session = Session::new(role, &given.name, context.now());
    info!(name = session.name, ?role, "somebody logged in to the site");
    going_on(&next, guard.cookies_of(&session))
}

async fn log_out(State(context): State<Context>) -> Response {
    going_on(&context.href(LOGIN), context.guard().cookies_of_nobody())
}

fn going_on(next: &str, cookies: Vec<HeaderValue>) -> Response {
    let mut headers = HeaderMap::new();
    headers.extend(HeaderValue::from_str(next).ok().map(|next| (header::LOCATION, next)));
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// Where somebody who asked for this goes when they have logged in.
pub(super) fn next_of(request: &Parts) -> String {
    let asked = request.uri.path_and_query().filter(|_| request.method == Method::GET);
    asked.map(|asked| asked.as_str().to_owned()).unwrap_or_default()
}

/// `next` if it is an address of this site, or else the first one: nobody is led elsewhere from here.
fn own(context: &Context, next: &str) -> String {
    let is_path = next.starts_with('/') && !next.starts_with("//");
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let rest = next.strip_prefix(context.base_path()).filter(|_| is_path && is_plain);
    match rest {
        Some(rest) if rest.is_empty() || rest.starts_with(['/', '?']) => next.to_owned(),
        _ => context.href("/"),
    }
}

/// What was wrong with a form, and what it said besides the token.
pub(super) struct Wrong<'a> {
    said: &'static str,
    name: &'a str,
}

/// The form, and who one is. Whoever may not look is told nothing about the pipeline.
pub(super) async fn view(
    context: &Context,
    visitor: &Visitor,
    next: &str,
    wrong: Option<Wrong<'_>>,
) -> Response {
    let guard = context.guard();
    let has = |role| guard.tokens.has(role);
    let may = match visitor.role {
        Some(Role::Operator) => Some("look and act"),
        Some(Role::Reader) if guard.reading != Reading::Free => Some("look"),
        _ => None,
    };
    let main = html! {
        @if let Some(wrong) = &wrong { p.alert role="alert" { (wrong.said) } }
        @if let Some(may) = may {
            p {
                "You may " (may)
                @if !visitor.name.is_empty() { " as " strong { (visitor.name) } }
                @if let Proof::Cookie(until) = &visitor.proof {
                    ", until "
                    time datetime=(until.to_rfc3339()) { (minute(*until)) }
                }
                "."
            }
            form method="post" action=(context.href(LOGOUT)) { button { "Log out" } }
        }
        @if guard.reading == Reading::Free { p { "Everybody on this machine may look." } }
        @if has(Role::Reader) || has(Role::Operator) {
            form.login method="post" action=(context.href(LOGIN)) {
                input type="hidden" name="next" value=(next);
                label for="name" { "Your name, if actions are to be recorded under it" }
                input id="name" name="name" value=[wrong.map(|wrong| wrong.name)] autocomplete="username" maxlength="40";
                label for="token" { "Token" }
                input id="token" name="token" type="password" autocomplete="current-password" required maxlength="256";
                button { "Log in" }
            }
            p {
                "The tokens are those of " code { "[http]" } " in the settings: "
                @if has(Role::Reader) { code { "token" } " to look" }
                @if has(Role::Reader) && has(Role::Operator) { ", " }
                @if has(Role::Operator) { code { "operator_token" } " to look and act" }
                "."
            }
        }
        @if !has(Role::Operator) {
            p {
                "Nobody may act here: " code { "[http] operator_token" } " is not set. "
                code { "coinpipe dead" } " does it in a terminal."
            }
        }
    };
    let title = if may.is_some() { "Logged in" } else { "Log in" };
    let shell = if visitor.may_read() {
        Shell::new(context, title, Section::None).await
    } else {
        Shell::without_truth(title, Section::None)
    };
    shell.around(context, &main)
}
