//! What every request passes before anything answers it: who asks, from where, and whether they may.
//!
//! # Guarantees
//! - Nothing but the form to log in, or why the site is closed, and the style of it is shown to whoever may not read.
//! - No request with a method that changes something gets through from anybody but an operator, whatever route it is for; the
//!   exceptions are logging in and out.
//! - A page of somebody else can lead here by a link, and do nothing else.

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::origin::CameFrom;
use super::{login, origin};
use crate::access::guard::Reading;
use crate::access::hosts;
use crate::access::visitor::{Proof, Role, Visitor};
use crate::context::Context;
use crate::form::Form;
use crate::trouble::Trouble;

/// The longest address, in bytes. A filter of letters is far below.
const LONGEST_ADDRESS: usize = 4 << 10;

/// Why a request does not get through.
enum Refusal {
    Trouble(Trouble),
    /// They may log in. `again`: a browser that followed a link from elsewhere kept the cookie back, so have it ask once more.
    LogIn {
        again: bool,
    },
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// The layer around all routes.
pub(crate) async fn gate(State(context): State<Context>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match admitted(&context, &parts).await {
        Ok(visitor) => {
            parts.extensions.insert(visitor);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(Refusal::Trouble(trouble)) => trouble.into_response(),
        Err(Refusal::LogIn { again }) => {
            let nobody = Visitor::unknown(None);
            let mut answer = login::view(&context, &nobody, &login::next_of(&parts), None).await;
            *answer.status_mut() = StatusCode::UNAUTHORIZED;
            if again {
                answer.headers_mut().insert(header::REFRESH, header::HeaderValue::from_static("0"));
            }
            answer
        }
    }
}

async fn admitted(context: &Context, request: &Parts) -> Result<Visitor, Refusal> {
    let guard = context.guard();
    let Parts { method, headers, .. } = request;
    let address = request.uri.path_and_query().map_or(0, |address| address.as_str().len());
    if address > LONGEST_ADDRESS {
        return Err(Trouble::too_long().into());
    }
    let host = hosts::of(request)
        .ok_or_else(|| Trouble::BadParameter("the request must name one host".to_owned()))?;
    let path = request.uri.path().strip_prefix(context.base_path()).unwrap_or_default();
    // What styles a view tells nothing, and without it the refusal would be hard to read.
    let is_asset = path.starts_with("/assets/");
    match guard.reading {
        Reading::Closed(why) if !is_asset => return Err(Trouble::Forbidden(why.to_owned()).into()),
        Reading::Free if !is_asset => check_is_on_this_machine(request, host, guard.origin.as_deref())?,
        Reading::Closed(_) | Reading::Free | Reading::ByToken => {}
    }
    let came_from = origin::came_from(headers, host, guard.origin.as_deref());
    if came_from == CameFrom::Elsewhere && !origin::follows_a_link(method, headers) {
        return Err(Trouble::Forbidden("another site may only link here".to_owned()).into());
    }
    let visitor = visitor(context, request).await?;
    let is_login = [login::LOGIN, login::LOGOUT].contains(&path);
    if !visitor.may_read() && !is_login && !is_asset {
        let is_from_elsewhere = came_from == CameFrom::Elsewhere && !guard.has_cookie(headers);
        let again = *method == Method::GET && is_from_elsewhere;
        let is_program = Form::of(path) == Form::Json || !origin::is_safe(method);
        return Err(if is_program { Trouble::who_are_you().into() } else { Refusal::LogIn { again } });
    }
    if !origin::is_safe(method) {
        // A browser sends its cookie by itself, and one that does not say for whom is too old to be believed.
        if came_from == CameFrom::Unknown && matches!(visitor.proof, Proof::Cookie(_)) {
            return Err(
                Trouble::Forbidden("the browser does not say where this comes from".to_owned()).into()
            );
        }
        if !is_login {
            check_may_act(context, &visitor)?;
        }
    }
    Ok(visitor)
}

/// What is free here is so for this machine, under its own names.
fn check_is_on_this_machine(request: &Parts, host: &str, public: Option<&str>) -> Result<(), Trouble> {
    let is_known = hosts::is_local(host) || public.is_some_and(|origin| hosts::is_of(host, origin));
    if is_known && !hosts::came_through_a_proxy(&request.headers) {
        return Ok(());
    }
    Err(Trouble::Forbidden(
        "without [http] token (COINPIPE__HTTP__TOKEN) this site answers only on this machine, as localhost or \
         127.0.0.1, and not through a proxy"
            .to_owned(),
    ))
}

/// That `visitor` may change something.
pub(crate) fn check_may_act(context: &Context, visitor: &Visitor) -> Result<(), Trouble> {
    if visitor.may_act() {
        return Ok(());
    }
    Err(if context.guard().tokens.has(Role::Operator) {
        Trouble::Forbidden("only an operator may do that: log in with the operator token".to_owned())
    } else {
        Trouble::Forbidden("nobody may do that here: [http] operator_token is not set".to_owned())
    })
}

/// Who asks: by the token in the request, or by the cookie, or as everybody here.
async fn visitor(context: &Context, request: &Parts) -> Result<Visitor, Trouble> {
    let guard = context.guard();
    let everybody = Visitor::unknown((guard.reading == Reading::Free).then_some(Role::Reader));
    if let Some(token) = bearer(request)? {
        let Some(role) = guard.tokens.role(token) else {
            let slowed =
                guard.attempts.fail(context.shared_clock(), "a request to the site had a wrong token").await;
            return Err(slowed.map_or_else(|_| Trouble::too_many_attempts(), |()| Trouble::who_are_you()));
        };
        return Ok(Visitor { role: Some(role), proof: Proof::Token, name: String::new() });
    }
    let session = guard.session(&request.headers, context.now());
    Ok(session.map_or(everybody, |session| Visitor {
        role: Some(session.role),
        proof: Proof::Cookie(session.until),
        name: session.name,
    }))
}

/// The token in `Authorization`. Another kind of credential there is somebody else's, such as a proxy's.
fn bearer(request: &Parts) -> Result<Option<&str>, Trouble> {
    let mut lines = request.headers.get_all(header::AUTHORIZATION).iter();
    let (Some(line), second) = (lines.next(), lines.next()) else { return Ok(None) };
    let line = line.to_str().ok().filter(|_| second.is_none()).ok_or_else(Trouble::who_are_you)?;
    let Some((kind, token)) = line.split_once(' ') else { return Ok(None) };
    Ok(kind.eq_ignore_ascii_case("bearer").then(|| token.trim()))
}
