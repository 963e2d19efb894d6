//! The address of the API and the key, checked before anything is sent there.

use config::Secret;
use url::{Host, Url};

/// The address of the API and the key.
#[derive(Clone, Debug)]
pub(crate) struct ApiSource {
    /// Base URL: scheme, host, and a path prefix if any.
    pub base_url: Url,
    /// Key; empty when the server needs none.
    pub api_key: Secret,
}

/// A source that cannot be used as it is configured. The texts are for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadSource {
    /// Not a web address.
    #[error("fetch.base_url must begin with https:// or http://, not {0}:")]
    Scheme(String),
    /// User, password, query or fragment: none of them would reach the API as meant.
    #[error("fetch.base_url must be scheme, host and path only; the key goes into fetch.api_key")]
    Extras,
    /// The key would cross the network readable.
    #[error(
        "fetch.base_url is http:// on {0}, so the API key would travel unencrypted; use https://, or leave \
         fetch.api_key empty"
    )]
    PlainKey(String),
    /// The key holds bytes that no header can carry.
    #[error("fetch.api_key contains characters that cannot be sent; is it the key alone?")]
    Key,
    /// The HTTP client cannot be built.
    #[error("cannot set up HTTPS: {0}; are CA certificates installed (package ca-certificates)?")]
    Tls(String),
}

impl ApiSource {
    pub(super) fn check(&self) -> Result<(), BadSource> {
        let url = &self.base_url;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadSource::Scheme(url.scheme().to_owned()));
        }
        let extras = url.password().is_some() || url.query().is_some() || url.fragment().is_some();
        if extras || !url.username().is_empty() {
            return Err(BadSource::Extras);
        }
        if url.scheme() == "http" && !self.api_key.is_empty() && !is_loopback(url) {
            return Err(BadSource::PlainKey(url.host_str().unwrap_or_default().to_owned()));
        }
        Ok(())
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
