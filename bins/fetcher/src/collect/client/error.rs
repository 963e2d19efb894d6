//! What can go wrong when the API is asked. `outcome` says what to do about each.

use std::fmt;
use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::web_page::WebPage;

/// The API could not be asked, or did not give what was asked for. Texts hold at most 200 characters of
/// the answer, and never the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The API says why, whatever the HTTP status.
    #[error("the API answered with error {code} (HTTP {status}): {message}")]
    Api {
        /// HTTP status.
        status: u16,
        /// `error_code`: the platform's from 1001, else an HTTP status.
        code: u32,
        /// `error_message`.
        message: String,
        /// When it wants to be asked again.
        pause: Option<Pause>,
    },
    /// Another status than 200, and no error of the API in the body.
    #[error("the API answered HTTP {status}: {sample:?}")]
    Http {
        /// HTTP status.
        status: u16,
        /// The beginning of the body.
        sample: String,
        /// When it wants to be asked again.
        pause: Option<Pause>,
    },
    /// A web page with another status than 200: a firewall, a proxy or maintenance answered, not the API.
    #[error(
        "a web page came in place of the API's answer, as firewalls and proxies send them (HTTP {status}): {page}"
    )]
    Page {
        /// HTTP status.
        status: u16,
        /// What it says.
        page: WebPage,
        /// When it wants to be asked again.
        pause: Option<Pause>,
    },
    /// Status 200, and a body that is no page.
    #[error("the API's answer {fault}: {sample:?}")]
    Body {
        /// What is wrong with it.
        fault: BodyFault,
        /// Its beginning.
        sample: String,
    },
    /// The body decodes to more than is taken.
    #[error("the API's answer is larger than {}", in_words(*limit))]
    TooLarge {
        /// Bytes that would have been taken.
        limit: usize,
    },
    /// No answer, or not all of it.
    #[error("{fault}: {reason}")]
    Transport {
        /// Where it failed.
        fault: TransportFault,
        /// The library's words.
        reason: String,
    },
}

impl FetchError {
    /// Whether the API says that it does not answer in several currencies at once; of a plan without the endpoint it says the
    /// same.
    pub(crate) fn refuses_currencies(&self) -> bool {
        match self {
            Self::Api { code: 1006, .. } => true,
            Self::Api { code: 400, message, .. } => {
                let message = message.to_lowercase();
                message.contains("plan") && message.contains("convert")
            }
            _ => false,
        }
    }
}

fn in_words(bytes: usize) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// Nothing, or blanks.
    Empty,
    /// A web page; maintenance pages come with any status.
    Html,
    /// JSON that stops in the middle.
    Truncated,
    /// Begins with a byte order mark.
    ByteOrderMark,
    /// Bytes that are no text.
    NotUtf8,
    /// Text that is not JSON.
    NotJson,
    /// JSON that is not an object with one `status` and one `data`.
    BadEnvelope,
    /// No `status`.
    NoStatus,
    /// A `status` that does not say whether it worked.
    BadStatus,
    /// No `data`.
    NoData,
    /// A `data` that is no list of coins.
    DataNotArray,
    /// A `data` without what it is asked for: null, without a coin, without the numbers.
    Hollow,
}

impl BodyFault {
    /// Stable word for machines.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty_body",
            Self::Html => "html",
            Self::Truncated => "truncated_json",
            Self::ByteOrderMark => "byte_order_mark",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::BadEnvelope => "bad_envelope",
            Self::NoStatus => "no_status",
            Self::BadStatus => "bad_status",
            Self::NoData => "no_data",
            Self::DataNotArray => "data_not_array",
            Self::Hollow => "hollow",
        }
    }

    /// Whether the body came whole and still is no page: the API has changed, or is another one.
    pub(crate) const fn is_another_shape(self) -> bool {
        matches!(
            self,
            Self::BadEnvelope | Self::NoStatus | Self::BadStatus | Self::NoData | Self::DataNotArray
        )
    }
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::Html => "is a web page",
            Self::Truncated => "is truncated JSON",
            Self::ByteOrderMark => "begins with a byte order mark",
            Self::NotUtf8 => "is not UTF-8",
            Self::NotJson => "is not JSON",
            Self::BadEnvelope => "is not an object with status and data",
            Self::NoStatus => "has no status",
            Self::BadStatus => "has a status that makes no sense",
            Self::NoData => "has no data",
            Self::DataNotArray => "has a data that is not a list",
            Self::Hollow => "lacks what was asked for",
        })
    }
}

/// Where the transport failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransportFault {
    /// Longer than the connect or the whole timeout.
    Timeout,
    /// The host's name has no address.
    Dns,
    /// No connection: refused or unreachable.
    Connect,
    /// No trust: a bad certificate, or a server that does not speak TLS.
    Tls,
    /// The body ended early or was badly compressed.
    BrokenOff,
    /// The connection failed in another way before an answer came.
    Connection,
}

impl TransportFault {
    /// Stable word for machines.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::BrokenOff => "broken_off",
            Self::Connection => "connection",
        }
    }

    pub(super) fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_dns() {
            Self::Dns
        } else if is_tls(error) {
            Self::Tls
        } else if error.is_connect() {
            Self::Connect
        } else {
            Self::Connection
        }
    }
}

impl fmt::Display for TransportFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "the API did not answer in time",
            Self::Dns => "the API's host name cannot be resolved",
            Self::Connect => "cannot connect to the API",
            Self::Tls => "no secure connection to the API",
            Self::BrokenOff => "the API's answer broke off",
            Self::Connection => "the connection to the API failed",
        })
    }
}

/// How long the server asks to be left alone: `Retry-After` or `x-ratelimit-reset`. As claimed; what uses
/// it sets bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    /// When it may be asked again.
    pub until: DateTime<Utc>,
}

impl Pause {
    pub(super) fn asked_for(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let retry_after = text(RETRY_AFTER.as_str()).and_then(|text| retry_after(text, now));
        let until = retry_after.or_else(|| text("x-ratelimit-reset").and_then(ratelimit_reset))?;
        Some(Self { until })
    }
}

/// Seconds, or a date in the form of HTTP.
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match text.parse::<u32>() {
        Ok(seconds) => {
            now.checked_add_signed(chrono::TimeDelta::from_std(Duration::from_secs(seconds.into())).ok()?)
        }
        Err(_) => DateTime::parse_from_rfc2822(text).ok().map(|at| at.with_timezone(&Utc)),
    }
}

/// Not documented; seen as `2006-01-02 15:04:05 -0700`.
fn ratelimit_reset(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S %z").ok().map(|at| at.with_timezone(&Utc))
}

/// The first cause of `error`, without the URL. What reqwest and hyper say above it is said by [`TransportFault`].
pub(super) fn explain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Whether rustls is the cause of `error`. It hides inside I/O errors, which do not name what they hold as
/// their source.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<rustls::Error>() || held.is_some_and(|held| is_tls(held)) || error.source().is_some_and(is_tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_may_ask_for_a_pause_in_several_ways() {
        let now = domain::timestamp::from_text("2026-11-22T14:00:10Z").unwrap();
        let check = |name: &'static str, value: &'static str, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            let until = Pause::asked_for(&headers, now).map(|pause| pause.until);
            assert_eq!(
                until,
                expected.map(|text| domain::timestamp::from_text(text).unwrap()),
                "{name}: {value}"
            );
        };
        check("retry-after", "20", Some("2026-11-22T14:00:30Z"));
        check("retry-after", "Sun, 22 Nov 2026 14:05:00 GMT", Some("2026-11-22T14:05:00Z"));
        check("x-ratelimit-reset", "2026-11-22 15:01:00 +0100", Some("2026-11-22T14:01:00Z"));
        for senseless in ["", "-5", "soon", "99999999999999999999"] {
            check("retry-after", senseless, None);
        }
        check("retry-after", "4294967295", Some("2162-12-29T20:28:25Z"));
        check("x-ratelimit-reset", "tomorrow", None);
    }
}
