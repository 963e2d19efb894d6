//! Which host a request is meant for. A page of somebody else may give its own name the address of this machine (DNS rebinding):
//! what is free to whoever is on this machine answers only to the machine's own names.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};

/// What proxies add.
const BY_PROXIES: [HeaderName; 7] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("cf-connecting-ip"),
];

/// The host and port that the request names; `None` when it names none, or several.
pub(crate) fn of(request: &Parts) -> Option<&str> {
    let mut named = request.headers.get_all(header::HOST).iter();
    let (first, second) = (named.next(), named.next());
    if second.is_some() {
        return None;
    }
    let host = first.map(|host| host.to_str());
    match (request.uri.authority(), host) {
        // With a whole address in the first line, that one counts.
        (Some(authority), _) => Some(authority.as_str()),
        (None, Some(Ok(host))) => Some(host),
        (None, _) => None,
    }
}

/// Whether `host`, with a port or without, is a name of the machine itself.
pub(crate) fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(name, _)| name),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.parse().is_ok_and(|address: IpAddr| address.is_loopback()) || name.eq_ignore_ascii_case("localhost")
}

/// Whether `host` is that of the origin `origin`.
pub(crate) fn is_of(host: &str, origin: &str) -> bool {
    origin.split_once("://").is_some_and(|(_, named)| named.eq_ignore_ascii_case(host))
}

/// Whether a proxy passed the request on, as far as it says so.
pub(crate) fn came_through_a_proxy(headers: &HeaderMap) -> bool {
    BY_PROXIES.iter().any(|name| headers.contains_key(name))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn only_the_machine_s_own_names_are_local() {
        for (host, expected) in [
            ("localhost", true),
            ("LocalHost:9464", true),
            ("127.0.0.1:9464", true),
            ("127.8.9.10", true),
            ("[::1]:9464", true),
            ("[::1]", true),
            ("", false),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:9464", false),
            ("0.0.0.0:9464", false),
            ("10.0.0.1", false),
            ("[::]:1", false),
            ("::1", false),
            ("2130706433", false),
            ("127.1", false),
            ("localhost@evil.example", false),
        ] {
            assert_eq!(is_local(host), expected, "{host}");
        }
    }

    #[test]
    fn a_request_names_one_host_or_none() {
        let host = |uri: &str, hosts: &[&str]| {
            let mut request = Request::get(uri);
            for host in hosts {
                request = request.header(header::HOST, *host);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            of(&parts).map(str::to_owned)
        };
        assert_eq!(host("/", &["a:1"]).as_deref(), Some("a:1"));
        assert_eq!(host("http://b/", &["a:1"]).as_deref(), Some("b"));
        assert_eq!(host("/", &[]), None);
        assert_eq!(host("/", &["localhost", "evil.example"]), None);
        assert!(is_of("Coins.example.com:8443", "https://coins.example.com:8443"));
        assert!(!is_of("coins.example.com", "https://coins.example.com:8443"));
    }
}
