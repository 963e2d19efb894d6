//! How an answer leaves: compressed or not, whole, slowly, or cut off.

mod bodies;

use std::io::{self, Write as _};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use ports::Clock;
use tokio_util::sync::CancellationToken;

use self::bodies::{cut_off, trickled};
pub(crate) use self::bodies::{empty, huge};
use crate::fault::Fault;

/// The header that tells made-up answers from real ones.
pub const SIMULATED_HEADER: &str = "x-coinpipe-simulated";

/// The header in which Cloudflare says which request it was, and what a simulated firewall says there.
pub(crate) const RAY_HEADER: &str = "cf-ray";
pub(crate) const RAY_ID: &str = "5f00aa11bb22cc33-SIM";

/// An answer, not yet encoded.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: String) -> Self {
        Self { status, content_type: "application/json; charset=utf-8", body: body.into_bytes() }
    }

    pub(crate) fn html(status: u16) -> Self {
        let page = "<!DOCTYPE html>\n<html><head><title>Maintenance</title></head>\n\
            <body><h1>We&#39;ll be back soon</h1><p>The site is down for maintenance.</p></body></html>\n";
        Self { status, content_type: "text/html; charset=utf-8", body: page.as_bytes().to_vec() }
    }

    /// As Cloudflare words it.
    pub(crate) fn firewall(status: u16) -> Self {
        let page = format!(
            "<!DOCTYPE html>\n<html lang=\"en-US\"><head><title>Access denied | simulated firewall</title></head>\n\
             <body><h1>Error 1006</h1><p>Ray ID: <strong>{RAY_ID}</strong></p><p>The owner of this website has banned \
             your IP address.</p></body></html>\n"
        );
        Self { status, content_type: "text/html; charset=UTF-8", body: page.into_bytes() }
    }

    pub(crate) fn is_error(&self) -> bool {
        self.status >= 400
    }

    /// Drops the second half of the body.
    pub(crate) fn truncate(&mut self) {
        self.body.truncate(self.body.len() / 2);
    }

    /// Compresses the body if the client can read it so.
    pub(crate) fn encode(self, gzip: bool) -> io::Result<Encoded> {
        let body = if gzip {
            // Fast: the loopback has bandwidth to spare, and the next call is waiting.
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&self.body)?;
            encoder.finish()?
        } else {
            self.body
        };
        Ok(Encoded { status: self.status, content_type: self.content_type, gzip, body: body.into() })
    }
}

/// An answer as its bytes travel.
#[derive(Debug)]
pub(crate) struct Encoded {
    status: u16,
    content_type: &'static str,
    gzip: bool,
    body: Bytes,
}

impl Encoded {
    /// The response, leaving as `faults` want it: the first of `close` and `trickle` decides. Slow bodies stop
    /// short when `stop` is cancelled.
    pub(crate) fn send(self, faults: &[Fault], clock: Arc<dyn Clock>, stop: CancellationToken) -> Response {
        let length = self.body.len();
        let way = faults.iter().find(|fault| matches!(fault, Fault::Close | Fault::Trickle(_)));
        let body = match way {
            Some(Fault::Close) => cut_off(self.body.slice(..length / 2)),
            Some(Fault::Trickle(over)) => trickled(self.body, *over, clock, stop),
            _ => Body::from(self.body),
        };
        let mut response = headed(self.status, self.content_type, self.gzip, body);
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        response
    }
}

/// Whether the client can read gzip.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(quality.trim(), "q=0" | "q=0.0")
    })
}

fn headed(status: u16, content_type: &'static str, gzip: bool, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_accept_it() {
        check("gzip", true);
        check("deflate, gzip;q=0.5", true);
        check("br, GZIP", true);
        check("identity", false);
        check("gzip;q=0", false);
    }

    fn check(accept: &'static str, gzip: bool) {
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accept))]);
        assert_eq!(accepts_gzip(&headers), gzip, "{accept}");
    }
}
