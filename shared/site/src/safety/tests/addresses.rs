//! Odd addresses, methods and sizes: each answer looks like the site, and says no.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use config::{Config, Secret};

use super::{ACTING, cookie, get, reachable, request};
use crate::testing::Site;

#[tokio::test]
async fn what_is_not_there_is_said_by_the_site() {
    let site = Site::new();
    for path in
        ["/nothing", "//", "/%2e%2e/etc/passwd", "/..%2f", "/%00", "/coins/%ff", "/%3Cscript%3E", "/nothing/"]
    {
        let answer = get(&site, path, &[]).await;
        let is_no = [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST].contains(&answer.status);
        assert!(is_no && answer.text().contains("<main"), "{path}: {} {}", answer.status, answer.text());
        assert!(!answer.text().contains("<script>"), "{}", answer.text());
    }
}

/// It once was nothing.
#[tokio::test]
async fn a_slash_too_much_leads_to_the_view_and_never_elsewhere() {
    let site = Site::new();
    for path in ["/coins/1", "/coins/1.csv", "/pipeline", "/letters", "/letters/a%2Fb", "/actions", "/login"]
    {
        for asked in ["", "?range=7d&currency=a%26b"] {
            let there = get(&site, &format!("{path}/{asked}"), &[]).await;
            assert_eq!(there.status, StatusCode::PERMANENT_REDIRECT, "{path}");
            assert_eq!(there.headers[header::LOCATION], format!("{path}{asked}"));
        }
    }
    for path in ["//evil.example/", "//evil.example/pipeline/", "/\\evil.example/", "/pipeline//", "/logout/"]
    {
        let answer = get(&site, path, &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!answer.headers.contains_key(header::LOCATION), "{path}");
    }
    let stranger = get(&Site::with_settings(reachable), "/coins/1/", &[]).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "who may not look is told nothing");
    let posted = Site::with_settings(|config| config.http.operator_token = Secret::new(ACTING));
    let bearer = format!("Bearer {ACTING}");
    let posted = posted.ask(request(Method::POST, "/letters/x/", &[("authorization", &bearer)])).await;
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED, "nothing is acted on by a way round");
}

#[tokio::test]
async fn a_method_that_is_not_there_and_what_is_too_much_is_said_by_the_site() {
    let site = Site::with_settings(|config| config.http.operator_token = Secret::new(ACTING));
    let cookie = cookie(&site, "", ACTING).await;
    let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let method = site.ask(request(Method::PUT, "/", &headers)).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(method.headers[header::ALLOW].to_str().unwrap().contains("GET"));
    assert!(method.text().contains("<main"), "{}", method.text());
    let options = site.ask(request(Method::OPTIONS, "/", &[])).await;
    assert_eq!(options.status, StatusCode::METHOD_NOT_ALLOWED);
    let long = get(&site, &format!("/?q={}", "a".repeat(5000)), &[]).await;
    assert_eq!(long.status, StatusCode::URI_TOO_LONG);
    assert!(long.text().contains("<main"), "{}", long.text());
    let large = Request::post("/login")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(format!("token={}", "a".repeat(10_000))));
    let large = site.ask(large.unwrap()).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(large.text().contains("<main"), "{}", large.text());
    let json = site.ask(request(Method::DELETE, "/api/nothing", &headers)).await;
    assert_eq!(json.status, StatusCode::NOT_FOUND);
    assert!(json.text().starts_with("{\"error\":"), "{}", json.text());
}

#[tokio::test]
async fn a_request_names_one_host() {
    let site = Site::new();
    let two = request(Method::GET, "/", &[("host", "127.0.0.1"), ("host", "evil.example")]);
    assert_eq!(site.ask(two).await.status, StatusCode::BAD_REQUEST);
    let whole = request(Method::GET, "http://evil.example/", &[("host", "127.0.0.1")]);
    assert_eq!(site.ask(whole).await.status, StatusCode::FORBIDDEN);
}

/// A proxy passes `/coinpipe/…` on as it comes, with the host that people typed.
#[tokio::test]
async fn behind_a_proxy_everything_is_below_the_base_path() {
    let below = |config: &mut Config| {
        reachable(config);
        "/coinpipe".clone_into(&mut config.http.base_path);
        "https://coins.example.com".clone_into(&mut config.http.public_url);
    };
    let site = Site::with_settings(below);
    let proxied =
        [("host", "coins.example.com"), ("x-forwarded-for", "10.0.0.1"), ("x-forwarded-proto", "https")];
    let stranger = get(&site, "/coinpipe?currency=USD", &proxied).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    assert!(stranger.text().contains("action=\"/coinpipe/login\""), "{}", stranger.text());
    assert!(stranger.text().contains("value=\"/coinpipe?currency=USD\""), "{}", stranger.text());
    let cookie = cookie(&site, "/coinpipe", ACTING).await;
    let known: Vec<_> = proxied.iter().copied().chain([("cookie", cookie.as_str())]).collect();
    let view = get(&site, "/coinpipe", &known).await;
    assert_eq!(view.status, StatusCode::OK);
    for link in view.text().split(['"', '\'']).filter(|part| part.starts_with('/')) {
        assert!(
            link == "/coinpipe" || link.starts_with("/coinpipe/") || link.starts_with("/coinpipe?"),
            "{link}"
        );
    }
    for asked in ["", "?search=a%26b&currency=EUR"] {
        let there = get(&site, &format!("/coinpipe/{asked}"), &known).await;
        assert_eq!(there.status, StatusCode::PERMANENT_REDIRECT);
        assert_eq!(there.headers[header::LOCATION], format!("/coinpipe{asked}"), "what was asked for stays");
    }
    let there = get(&site, "/coinpipe/pipeline/?span=month", &known).await;
    assert_eq!(there.headers[header::LOCATION], "/coinpipe/pipeline?span=month");
    for path in ["/", "/login", "/coinpip", "/coinpipefoo", "/assets/site.css"] {
        assert_eq!(get(&site, path, &known).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let act = site.ask(request(Method::POST, "/coinpipefoo/login", &proxied)).await;
    assert_eq!(act.status, StatusCode::UNAUTHORIZED);
}
