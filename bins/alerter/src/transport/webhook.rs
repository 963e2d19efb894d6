//! The webhook: each message as a POST of JSON, signed as <https://www.standardwebhooks.com> says.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use config::Secret;
use hmac::{Hmac, KeyInit, Mac};
use ports::Clock;
use ports::store::Mail;
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use sha2::Sha256;
use url::Url;

use super::{SendError, SendErrorKind, Sent, Transport, TransportError};
use crate::http;

/// Who takes longer for a message gets it again.
const TIMEOUT: Duration = Duration::from_secs(15);

pub(super) struct Webhook {
    http: reqwest::Client,
    url: Url,
    key: Option<Key>,
    clock: Arc<dyn Clock>,
}

/// What messages are signed with.
struct Key(Vec<u8>);

impl Webhook {
    pub(super) fn new(url: &Secret, secret: &Secret, clock: Arc<dyn Clock>) -> Result<Self, TransportError> {
        let wrong = |key, reason: String| TransportError { key, reason };
        let url = Url::parse(url.expose())
            .map_err(|error| wrong("alert.webhook", format!("is not a URL: {error}")))?;
        let http =
            http::client(url.scheme() == "https", TIMEOUT).map_err(|error| wrong("alert.webhook", error))?;
        let key = Key::new(secret).map_err(|reason| wrong("alert.webhook_secret", reason))?;
        Ok(Self { http, url, key, clock })
    }

    fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

impl Key {
    /// `whsec_` and base 64, or any text.
    fn new(secret: &Secret) -> Result<Option<Self>, String> {
        if secret.is_empty() {
            return Ok(None);
        }
        let key = match secret.expose().strip_prefix("whsec_") {
            Some(text) => STANDARD.decode(text).map_err(|_| "is not base 64 behind whsec_".to_owned())?,
            None => secret.expose().as_bytes().to_vec(),
        };
        Ok(Some(Self(key)))
    }

    /// The signature of a message: over its id, the second in which it is sent, and its body.
    fn sign(&self, id: &str, second: i64, body: &str) -> Result<String, SendError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0)
            .map_err(|error| misconfigured(format_args!("alert.webhook_secret: {error}")))?;
        mac.update(format!("{id}.{second}.{body}").as_bytes());
        Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

#[async_trait]
impl Transport for Webhook {
    async fn send(&self, mail: &Mail) -> Result<Sent, SendError> {
        let second = self.clock.now().timestamp();
        let mut call = self
            .http
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &mail.id)
            .header("webhook-timestamp", second);
        if let Some(key) = &self.key {
            call = call.header("webhook-signature", key.sign(&mail.id, second, &mail.body)?);
        }
        let answer = call.body(mail.body.clone()).send().await;
        let answer = answer
            .map_err(|error| SendError::transient(format_args!("webhook: {}", http::explain(error))))?;
        match meaning(answer.status()) {
            None => Ok(Sent::ToAll),
            Some(kind) => Err(SendError {
                kind,
                reason: format!("webhook: {} answered {}", self.host(), answer.status()),
            }),
        }
    }

    async fn check(&self) -> Result<String, SendError> {
        let signed = if self.key.is_some() { "signed" } else { "not signed: alert.webhook_secret is empty" };
        Ok(format!("messages go to {}, {signed}; whether it takes them shows with the first", self.host()))
    }
}

/// What an answer means for the message; `None`: it was taken.
fn meaning(status: StatusCode) -> Option<SendErrorKind> {
    match status.as_u16() {
        200..=299 => None,
        408 | 425 | 429 | 500..=599 => Some(SendErrorKind::Transient),
        // It cannot read this one.
        400 | 406 | 409 | 411 | 413 | 415 | 422 | 431 => Some(SendErrorKind::Refused),
        // Not there, not allowed, elsewhere, or no more.
        _ => Some(SendErrorKind::Misconfigured),
    }
}

fn misconfigured(reason: impl fmt::Display) -> SendError {
    SendError { kind: SendErrorKind::Misconfigured, reason: reason.to_string() }
}

#[cfg(test)]
mod tests;
