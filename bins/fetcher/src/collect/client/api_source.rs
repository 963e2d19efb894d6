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
    /// Whether only the routes are used that need no key.
    pub keyless: bool,
}

/// What anybody may ask without a key is below this path.
const KEYLESS_PATH: &str = "public-api";
/// Its answers have the shape of real ones; its names and numbers are made up.
const SANDBOX: &str = "sandbox-api.coinmarketcap.com";
/// The hosts of CoinMarketCap, and how short a key of theirs is not: they have 36 characters.
const COINMARKETCAP: &str = ".coinmarketcap.com";
const LEAST_KEY: usize = 16;

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
    /// CoinMarketCap gives no such keys.
    #[error(
        "fetch.api_key (or CMC_API_KEY) is too short for a key of CoinMarketCap, which has 36 characters; is it whole?"
    )]
    ShortKey,
    /// The HTTP client cannot be built.
    #[error("cannot set up HTTPS: {0}; are CA certificates installed (package ca-certificates)?")]
    Tls(String),
}

impl BadSource {
    /// The setting in `[fetch]` to look at, where it is one.
    pub(crate) fn setting(&self) -> Option<&'static str> {
        match self {
            Self::Scheme(_) | Self::Extras => Some("base_url"),
            Self::PlainKey(_) | Self::Key | Self::ShortKey => Some("api_key"),
            Self::Tls(_) => None,
        }
    }
}

impl ApiSource {
    /// The URL of `path`, such as `v1/key/info`.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        let mut prefix = url.path().trim_end_matches('/').to_owned();
        if self.keyless && !prefix.ends_with(KEYLESS_PATH) {
            prefix = format!("{prefix}/{KEYLESS_PATH}");
        }
        url.set_path(&format!("{prefix}/{path}"));
        url
    }

    /// Whether it is CoinMarketCap's sandbox.
    pub(crate) fn is_sandbox(&self) -> bool {
        self.base_url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(SANDBOX))
    }

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
        let is_theirs = url.host_str().is_some_and(|host| host.ends_with(COINMARKETCAP));
        if is_theirs && (1..LEAST_KEY).contains(&self.api_key.expose().len()) {
            return Err(BadSource::ShortKey);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn source(base_url: &str, keyless: bool) -> ApiSource {
        ApiSource { base_url: base_url.parse().unwrap(), api_key: Secret::default(), keyless }
    }

    #[test]
    fn routes_without_a_key_are_below_a_path_of_their_own() {
        let check = |base_url, keyless, expected| {
            assert_eq!(source(base_url, keyless).url("v1/x").as_str(), expected);
        };
        check("https://a.example", false, "https://a.example/v1/x");
        check("https://a.example/b/", false, "https://a.example/b/v1/x");
        check("https://a.example", true, "https://a.example/public-api/v1/x");
        check("https://a.example/public-api/", true, "https://a.example/public-api/v1/x");
    }

    #[test]
    fn the_sandbox_is_known_by_its_host() {
        for (base_url, expected) in [
            ("https://sandbox-api.coinmarketcap.com", true),
            ("https://Sandbox-API.CoinMarketCap.com/x", true),
            ("https://pro-api.coinmarketcap.com", false),
            ("https://sandbox-api.coinmarketcap.com.example", false),
        ] {
            assert_eq!(source(base_url, false).is_sandbox(), expected, "{base_url}");
        }
    }
}
