//! Where a request came from, as browsers say it. The rules are those of Go's `http.CrossOriginProtection`, with one more for what a
//! browser sends by itself.
//!
//! tower-http has such a layer from 0.7 on; reqwest stands on 0.6, and a second one in the build is more than these lines.

use axum::http::{HeaderMap, HeaderName, Method, header};

use crate::access::hosts;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Who made somebody's browser ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CameFrom {
    /// The site, or the person.
    Here,
    /// A page of somebody else.
    Elsewhere,
    /// It does not say: no browser of the last years.
    Unknown,
}

/// Where a request with these `headers` to `host` came from; `public` is the origin under which the site is known, too.
pub(super) fn came_from(headers: &HeaderMap, host: &str, public: Option<&str>) -> CameFrom {
    if let Some(site) = headers.get(FETCH_SITE) {
        let is_here = matches!(site.as_bytes(), b"same-origin" | b"none");
        return if is_here && is_single(headers, &FETCH_SITE) { CameFrom::Here } else { CameFrom::Elsewhere };
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return CameFrom::Unknown };
    let is_here = origin.to_str().is_ok_and(|origin| hosts::is_of(host, origin) || public == Some(origin));
    if is_here && is_single(headers, &header::ORIGIN) { CameFrom::Here } else { CameFrom::Elsewhere }
}

fn is_single(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().nth(1).is_none()
}

/// Whether a request changes nothing, by its method.
pub(super) fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// Whether somebody follows a link: what other sites may lead to, in contrast to what they embed or fetch.
pub(super) fn follows_a_link(method: &Method, headers: &HeaderMap) -> bool {
    let is = |name, value: &str| headers.get(name).is_some_and(|found| found.as_bytes() == value.as_bytes());
    is_safe(method) && is(FETCH_MODE, "navigate") && is(FETCH_DEST, "document")
}

#[cfg(test)]
mod tests {
    use super::CameFrom::{Elsewhere, Here, Unknown};
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_page_of_somebody_else_is_told_from_our_own() {
        let site = "sec-fetch-site";
        for (sent, expected) in [
            (&[][..], Unknown),
            (&[(site, "same-origin")], Here),
            (&[(site, "none")], Here),
            (&[(site, "same-site")], Elsewhere),
            (&[(site, "cross-site")], Elsewhere),
            (&[(site, "")], Elsewhere),
            (&[(site, "cross-site"), ("origin", "http://127.0.0.1:9464")], Elsewhere),
            (&[(site, "same-origin"), ("origin", "null")], Here),
            (&[("origin", "http://127.0.0.1:9464")], Here),
            (&[("origin", "https://coins.example.com")], Here),
            (&[("origin", "http://coins.example.com")], Elsewhere),
            (&[("origin", "http://127.0.0.1:9465")], Elsewhere),
            (&[("origin", "http://evil.example")], Elsewhere),
            (&[("origin", "null")], Elsewhere),
            (&[("origin", "")], Elsewhere),
        ] {
            let found = came_from(&headers(sent), "127.0.0.1:9464", Some("https://coins.example.com"));
            assert_eq!(found, expected, "{sent:?}");
        }
        let mut twice = headers(&[(site, "same-origin")]);
        twice.append(FETCH_SITE, "cross-site".parse().unwrap());
        assert_eq!(came_from(&twice, "127.0.0.1:9464", None), Elsewhere);
    }

    #[test]
    fn following_a_link_is_neither_embedding_nor_sending() {
        let link = headers(&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]);
        assert!(follows_a_link(&Method::GET, &link));
        assert!(!follows_a_link(&Method::POST, &link));
        let frame = headers(&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")]);
        assert!(!follows_a_link(&Method::GET, &frame));
        assert!(!follows_a_link(&Method::GET, &headers(&[("sec-fetch-mode", "no-cors")])));
    }
}
