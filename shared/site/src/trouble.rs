//! Why there is no view: one sentence and a status, the same for people and for programs.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use ports::StoreError;

/// Why there is no view. As an answer it is dressed by the layer `dress`: as a view, as JSON below `/api`, or as text in place of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nothing has this address, or what it names is not there.
    #[error("{0}")]
    NotFound(String),
    /// A parameter makes no sense; says which, and what would.
    #[error("{0}")]
    BadParameter(String),
    /// Whoever asks may not.
    #[error("{0}")]
    Forbidden(String),
    /// The request is not taken, for what the status says.
    #[error("{1}")]
    Refused(StatusCode, Cow<'static, str>),
    /// Asking took too long, or too many ask.
    #[error("the store is busy, so this took too long; try again in a moment")]
    Busy,
    /// The store is away for a while.
    #[error("the store is not available now, and the pipeline waits for it, too; try again in a moment")]
    StoreAway,
    /// The store cannot be used before somebody does something about it. The reason is in the log.
    #[error("the store cannot be used; the log of this process says why")]
    StoreUnusable,
}

impl Trouble {
    /// Nobody knows who asks, and that matters.
    pub(crate) fn who_are_you() -> Self {
        let text = "say who you are: Authorization: Bearer, and the token of [http] token or operator_token";
        Self::Refused(StatusCode::UNAUTHORIZED, text.into())
    }

    /// Too many tokens were tried.
    pub(crate) fn too_many_attempts() -> Self {
        let text = "too many tokens are tried at once; try again in a few seconds";
        Self::Refused(StatusCode::TOO_MANY_REQUESTS, text.into())
    }

    /// The address is longer than any of the site.
    pub(crate) fn too_long() -> Self {
        Self::Refused(StatusCode::URI_TOO_LONG, "the address is too long".into())
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::BadParameter(_) => StatusCode::BAD_REQUEST,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Refused(status, _) => *status,
            Self::Busy | Self::StoreAway => StatusCode::SERVICE_UNAVAILABLE,
            Self::StoreUnusable => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        if error.is_transient() { Self::StoreAway } else { Self::StoreUnusable }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.to_string()).into_response();
        let more = match self.status() {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer realm=\"coinpipe\"")),
            StatusCode::TOO_MANY_REQUESTS => Some((header::RETRY_AFTER, "5")),
            _ => None,
        };
        response.headers_mut().extend(more.map(|(name, value)| (name, HeaderValue::from_static(value))));
        response.extensions_mut().insert(self);
        response
    }
}

/// What every address that is none gets.
pub(crate) async fn nothing_here(uri: Uri) -> Trouble {
    nothing_at(uri.path())
}

/// Nothing has the address `path`.
pub(crate) fn nothing_at(path: &str) -> Trouble {
    Trouble::NotFound(format!("there is nothing at {path}"))
}
