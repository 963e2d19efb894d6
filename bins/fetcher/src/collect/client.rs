//! The CoinMarketCap client: the only code that speaks HTTP to the API.
//!
//! # Guarantees
//! - A page is returned exactly as received (decoded from gzip), and only after it was seen to be whole:
//!   JSON with a `status` that reports success and a `data` array.
//! - Every wait is bounded, and so is the memory: reading stops at [`MAX_PAGE_BYTES`] decoded bytes, so a
//!   gzip bomb is an error.
//! - The key travels in a header, over TLS or to this machine only, and never into an error.
//!
//! # Not guaranteed
//! That the coins inside make sense: the transformer checks each of them.

mod api_source;
mod envelope;
mod error;
mod key;
mod market;
mod past_calls;
mod web_page;

use std::sync::Arc;
use std::time::Duration;

use domain::{ApiVersion, MAX_PAGE_BYTES};
use ports::Clock;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode, redirect};
use serde::de::IgnoredAny;
use url::Url;

pub(crate) use api_source::{ApiSource, BadSource};
use envelope::Answer;
pub(crate) use error::{BodyFault, FetchError, Pause, TransportFault};
pub use key::KeyStatus;
pub(crate) use web_page::WebPage;

const KEY_HEADER: &str = "x-cmc_pro_api_key";
/// Set by the simulator, so that made-up quotes are recognised whatever the base URL is.
const SIMULATED_HEADER: &str = "x-coinpipe-simulated";
/// Nothing there is made up.
const REAL_HOST: &str = "pro-api.coinmarketcap.com";
/// An error's body is read for its reason only.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// What is said about a key has about 1 KB.
const MAX_KEY_BYTES: usize = 64 << 10;

/// One page of the listings, or an answer about a kind of the market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListingsPage {
    /// The body as received.
    pub body: Vec<u8>,
    /// Coins in `data`; of an answer without a list one.
    pub rows: u32,
    /// Credits that it cost, as the API says.
    pub credits: u32,
    /// How many coins there are in all, when the API says.
    pub total_count: Option<u32>,
    /// Whether a simulator made it up.
    pub simulated: bool,
}

/// A client of one source.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    source: ApiSource,
    clock: Arc<dyn Clock>,
}

impl Client {
    /// A client that waits at most `connect_timeout` for a connection and `timeout` for a whole answer.
    pub(crate) fn new(
        source: ApiSource,
        connect_timeout: Duration,
        timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BadSource> {
        // Normally the process shell has done this; without a provider reqwest panics.
        let _ = rustls::crypto::ring::default_provider().install_default();
        source.check()?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if !source.api_key.is_empty() {
            let mut key = HeaderValue::from_str(source.api_key.expose()).map_err(|_| BadSource::Key)?;
            key.set_sensitive(true);
            headers.insert(KEY_HEADER, key);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("coinpipe/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .gzip(true)
            .connect_timeout(connect_timeout)
            .timeout(timeout)
            // A redirect would carry the key to another host.
            .redirect(redirect::Policy::none())
            // Retries are decided by outcome, in one place.
            .retry(reqwest::retry::never());
        if source.base_url.scheme() == "http" {
            // Not through a proxy that would read along, and usable on machines without CA certificates.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let http = builder.build().map_err(|error| BadSource::Tls(error::explain(error)))?;
        Ok(Self { http, source, clock })
    }

    /// The host that is asked.
    pub(crate) fn host(&self) -> &str {
        self.source.base_url.host_str().unwrap_or_default()
    }

    /// `limit` coins from rank `start` (from 1) in the currencies `convert`.
    pub(crate) async fn listings(
        &self,
        start: u32,
        limit: u32,
        convert: &[String],
        api_version: ApiVersion,
    ) -> Result<ListingsPage, FetchError> {
        let mut url = self.source.url(&format!("{api_version}/cryptocurrency/listings/latest"));
        url.query_pairs_mut()
            .append_pair("start", &start.to_string())
            .append_pair("limit", &limit.to_string())
            .append_pair("convert", &convert.join(","));
        self.listing_at(url).await
    }

    /// The coins `ids` in the currencies `convert`, in the shape of a v3 listing. Those that the API does not know are left out.
    pub(crate) async fn quotes(&self, ids: &[u32], convert: &[String]) -> Result<ListingsPage, FetchError> {
        let mut url = self.source.url("v3/cryptocurrency/quotes/latest");
        let ids: Vec<_> = ids.iter().map(u32::to_string).collect();
        url.query_pairs_mut()
            .append_pair("id", &ids.join(","))
            .append_pair("convert", &convert.join(","))
            .append_pair("skip_invalid", "true");
        self.listing_at(url).await
    }

    /// The listing that `url` answers with.
    async fn listing_at(&self, url: Url) -> Result<ListingsPage, FetchError> {
        let (body, pause, simulated) = self.get(url, MAX_PAGE_BYTES).await?;
        let answer = self.success(envelope::open_listing(&body), &body, pause)?;
        // Without an account none are taken, whatever the answer says.
        let credits = if self.source.keyless { 0 } else { answer.credits };
        let total_count = answer.total_count;
        let rows = answer.data.map_err(|fault| self.body_error(fault, &body))?;
        Ok(ListingsPage { body, rows, credits, total_count, simulated })
    }

    /// Whether it asks without a key what needs none.
    pub(crate) fn is_keyless(&self) -> bool {
        self.source.keyless
    }

    /// Whether the answers are made up: what is said without asking. `None` when only an answer tells.
    pub(crate) fn is_known_to_be_simulated(&self) -> Option<bool> {
        let is_real = self.source.base_url.host_str() == Some(REAL_HOST);
        if self.source.is_sandbox() { Some(true) } else { is_real.then_some(false) }
    }

    /// What the key may still do; costs no credits. Without a key there is nothing to be said, but that the API answers.
    pub(crate) async fn key_status(&self) -> Result<KeyStatus, FetchError> {
        if self.source.keyless {
            let page = self.listings(1, 1, &["USD".to_owned()], ApiVersion::V3).await?;
            return Ok(KeyStatus { simulated: page.simulated, ..KeyStatus::default() });
        }
        let (body, pause, simulated) = self.get(self.source.url("v1/key/info"), MAX_KEY_BYTES).await?;
        let answer = self.success(envelope::open(&body), &body, pause)?;
        KeyStatus::read(answer.data, simulated).map_err(|fault| self.body_error(fault, &body))
    }

    /// The body of an answer with status 200, of at most `limit` bytes, the pause it asks for, and whether a simulator gave it.
    async fn get(&self, url: Url, limit: usize) -> Result<(Vec<u8>, Option<Pause>, bool), FetchError> {
        #[cfg(test)]
        let _busy = crate::busy::Busy::begin();
        let response = self.http.get(url).send().await.map_err(|error| self.transport(error))?;
        if response.status() != StatusCode::OK {
            return Err(self.refusal(response).await);
        }
        let is_marked = response.headers().get(SIMULATED_HEADER).is_some_and(|value| value == "true");
        let simulated = is_marked || self.source.is_sandbox();
        let pause = Pause::asked_for(response.headers(), self.clock.now());
        Ok((self.read(response, limit).await?, pause, simulated))
    }

    /// What was `opened` of an answer with status 200 and this `body`, which may hold an error all the same.
    fn success<D>(
        &self,
        opened: Result<Answer<D>, BodyFault>,
        body: &[u8],
        pause: Option<Pause>,
    ) -> Result<Answer<D>, FetchError> {
        let answer = opened.map_err(|fault| self.body_error(fault, body))?;
        if answer.error_code == 0 {
            return Ok(answer);
        }
        let message = self.readable(&answer.message);
        Err(FetchError::Api { status: 200, code: answer.error_code, message, pause })
    }

    /// What an answer other than 200 says.
    async fn refusal(&self, response: Response) -> FetchError {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let pause = Pause::asked_for(&headers, self.clock.now());
        // The status alone decides when the body cannot be read.
        let body = self.read(response, MAX_ERROR_BYTES).await.unwrap_or_default();
        match envelope::open::<IgnoredAny>(&body) {
            Ok(answer) if answer.error_code != 0 => {
                let message = self.readable(&answer.message);
                FetchError::Api { status, code: answer.error_code, message, pause }
            }
            _ => {
                let text = String::from_utf8_lossy(&body);
                match self.web_page(&text, &headers) {
                    Some(page) => FetchError::Page { status, page, pause },
                    None => FetchError::Http { status, sample: self.readable(&text), pause },
                }
            }
        }
    }

    /// What a web page says, without the key.
    fn web_page(&self, text: &str, headers: &HeaderMap) -> Option<WebPage> {
        let text = envelope::without_key(text, &self.source.api_key);
        WebPage::read(&text, headers)
    }

    /// Reads the decoded body, at most `limit` bytes of it.
    async fn read(&self, mut response: Response, limit: usize) -> Result<Vec<u8>, FetchError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken_off(error))? {
            if body.len() + chunk.len() > limit {
                return Err(FetchError::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn transport(&self, error: reqwest::Error) -> FetchError {
        let fault = TransportFault::of(&error);
        let reason = format!("{}: {}", self.host(), error::explain(error));
        FetchError::Transport { fault, reason: self.readable(&reason) }
    }

    fn broken_off(&self, error: reqwest::Error) -> FetchError {
        let fault = if error.is_timeout() { TransportFault::Timeout } else { TransportFault::BrokenOff };
        FetchError::Transport { fault, reason: self.readable(&error::explain(error)) }
    }

    fn body_error(&self, fault: BodyFault, body: &[u8]) -> FetchError {
        let beginning = &body[..body.len().min(envelope::SAMPLED_BYTES)];
        let text = String::from_utf8_lossy(beginning);
        let title = self.web_page(&text, &HeaderMap::new()).map(|page| page.title);
        let telling = title.filter(|title| !title.is_empty());
        FetchError::Body { fault, sample: telling.unwrap_or_else(|| self.readable(&text)) }
    }

    fn readable(&self, text: &str) -> String {
        envelope::sample(text, &self.source.api_key)
    }
}

#[cfg(test)]
pub(crate) mod server;
#[cfg(test)]
mod tests;
