//! `ETag`: an answer that whoever asks has already is not sent again.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::trouble::Trouble;

/// What a browser or a program keeps, and asks about each time.
const ASK_EACH_TIME: HeaderValue = HeaderValue::from_static("private, no-cache");

/// The layer around the API and the views. An answer that has a tag keeps it.
pub(crate) async fn tag(request: Request, next: Next) -> Result<Response, Trouble> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let known: Vec<_> = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect();
    let response = next.run(request).await;
    if !is_read || response.status() != StatusCode::OK {
        return Ok(response);
    }
    let mut response = tagged(response).await?;
    let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()).unwrap_or_default();
    if !known.iter().filter_map(|it| it.to_str().ok()).any(|it| is_named(it, tag)) {
        return Ok(response);
    }
    for of_the_body in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
        response.headers_mut().remove(of_the_body);
    }
    Ok((StatusCode::NOT_MODIFIED, std::mem::take(response.headers_mut())).into_response())
}

/// `response` with a tag.
async fn tagged(response: Response) -> Result<Response, Trouble> {
    if response.headers().contains_key(header::ETAG) {
        return Ok(response);
    }
    let (mut head, body) = response.into_parts();
    // It was in memory before; it cannot fail.
    let body = to_bytes(body, usize::MAX).await.map_err(|_| Trouble::Busy)?;
    // Weak, because it is of the text, however it is compressed.
    let hash: Vec<_> = Sha256::digest(&body).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    if let Ok(tag) = HeaderValue::from_str(&format!("W/\"{}\"", hash.concat())) {
        head.headers.insert(header::ETAG, tag);
    }
    // Views say that nobody keeps them; the script that asks again keeps the tag alone.
    head.headers.entry(header::CACHE_CONTROL).or_insert(ASK_EACH_TIME);
    Ok(Response::from_parts(head, Body::from(body)))
}

/// Whether `tag` is in a list of tags, weak or not.
fn is_named(list: &str, tag: &str) -> bool {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    list.trim() == "*" || list.split(',').any(|it| plain(it) == plain(tag))
}
