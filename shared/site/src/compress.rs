//! Compressed answers, for whoever takes them: text becomes a fifth of its size.

use std::io::Write;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::trouble::Trouble;

/// Below so many bytes it is not worth it: one packet takes them.
const LEAST: u64 = 1024;
/// Above so many it would take the time of others.
const MOST: u64 = 64 << 20;
/// Each answer is compressed for one reader.
const QUICKLY: Compression = Compression::new(5);
/// What compresses well.
const KINDS: [&str; 5] =
    ["text/", "application/json", "image/svg", "application/javascript", "application/xml"];

/// The layer around everything. What is compressed already stays as it is.
pub(crate) async fn compress(request: Request, next: Next) -> Result<Response, Trouble> {
    let takes_gzip = takes_gzip(request.headers());
    let mut response = next.run(request).await;
    let has_kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_text = has_kind.is_some_and(|kind| KINDS.iter().any(|it| kind.starts_with(it)));
    if !is_text || response.headers().contains_key(header::CONTENT_ENCODING) {
        return Ok(response);
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // What is made while it is sent has no size, and is sent as it is.
    let is_worth_it = response.body().size_hint().exact().is_some_and(|size| (LEAST..MOST).contains(&size));
    if !takes_gzip || !is_worth_it {
        return Ok(response);
    }
    let (mut head, body) = response.into_parts();
    // It was in memory before; it cannot fail.
    let body = to_bytes(body, usize::MAX).await.map_err(|_| Trouble::Busy)?;
    let body = tokio::task::spawn_blocking(move || gzip(&body, QUICKLY)).await.map_err(|_| Trouble::Busy)?;
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(Response::from_parts(head, Body::from(body)))
}

/// `body`, compressed.
pub(crate) fn gzip(body: &[u8], effort: Compression) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), effort);
    // A `Vec` takes all that is written.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default().into()
}

/// Whether whoever asks takes gzip: it is named, and not with a weight of 0.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
        ["gzip", "x-gzip"].iter().any(|gzip| name.trim().eq_ignore_ascii_case(gzip))
            && weight.unwrap_or(1.0) > 0.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_by_whoever_names_it() {
        for (value, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.2", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            assert_eq!(takes_gzip(&headers), takes, "{value}");
        }
    }
}
