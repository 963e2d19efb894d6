//! GET parameters, read into a struct. What makes no sense is told, never guessed.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::trouble::Trouble;

/// The GET parameters as a `T`; what is none is [`Trouble::BadParameter`].
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        let Query(parameters) =
            Query::try_from_uri(&parts.uri).map_err(|error| Trouble::BadParameter(error.body_text()))?;
        Ok(Self(parameters))
    }
}
