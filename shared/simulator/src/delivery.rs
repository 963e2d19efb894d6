//! How an answer leaves: compressed or not, whole, slowly, or cut off.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use ports::Clock;
use tokio_util::sync::CancellationToken;

use crate::fault::Fault;

/// The header that tells made-up answers from real ones.
pub const SIMULATED_HEADER: &str = "x-coinpipe-simulated";

/// A trickled body leaves in so many pieces.
const PIECES: usize = 20;
/// A huge body is so many megabytes of spaces: twice what a careful client reads.
const HUGE_MEGABYTES: usize = 128;

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

/// A valid listing without coins and with an absurd amount of space: made while it is read, so that the
/// simulator does not need the memory that it asks of the client.
pub(crate) fn huge(gzip: bool) -> Response {
    let mut encoder = gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast()));
    let pieces = (0..=HUGE_MEGABYTES + 1).map(move |piece| {
        let plain = match piece {
            0 => br#"{"status":{"error_code":0},"data":["#.to_vec(),
            piece if piece <= HUGE_MEGABYTES => vec![b' '; 1 << 20],
            _ => b"]}".to_vec(),
        };
        let Some(gzip) = encoder.as_mut() else { return Ok(plain) };
        gzip.write_all(&plain)?;
        if piece > HUGE_MEGABYTES {
            gzip.try_finish()?;
        }
        Ok(std::mem::take(gzip.get_mut()))
    });
    let filled = pieces.filter(|piece: &io::Result<Vec<u8>>| !matches!(piece, Ok(bytes) if bytes.is_empty()));
    headed(200, "application/json; charset=utf-8", gzip, Body::from_stream(stream::iter(filled)))
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

/// `half`, and then an error, which closes the connection.
fn cut_off(half: Bytes) -> Body {
    Body::from_stream(stream::unfold(Some(half), |half| async {
        if let Some(half) = half {
            return Some((Ok(half), None));
        }
        // The server only flushes what it has when the body makes it wait: without this the client might see
        // the connection close before it sees the first half.
        tokio::task::yield_now().await;
        Some((Err(io::Error::other("closed on purpose")), None))
    }))
}

fn trickled(body: Bytes, over: Duration, clock: Arc<dyn Clock>, stop: CancellationToken) -> Body {
    let size = body.len().div_ceil(PIECES).max(1);
    let pause = over / u32::try_from(PIECES).unwrap_or(1);
    Body::from_stream(stream::unfold((body, clock, stop), move |(mut body, clock, stop)| async move {
        if body.is_empty() {
            return None;
        }
        let piece = body.split_to(size.min(body.len()));
        let paused = stop.run_until_cancelled(clock.sleep(pause)).await;
        let piece = paused.map(|()| piece).ok_or_else(|| io::Error::other("the simulator stops"));
        Some((piece, (body, clock, stop)))
    }))
}

/// An empty answer.
pub(crate) fn empty() -> Response {
    headed(200, "application/json; charset=utf-8", false, Body::empty())
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
