//! The gate, with the whole site behind it.

mod acts;
mod addresses;
mod login;

use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{Method, Request, StatusCode, header};
use config::{Config, Secret};

use crate::testing::{Answer, Site, coins};

pub(super) const READING: &str = "reading-0123456789";
pub(super) const ACTING: &str = "acting-0123456789a";

/// A site that others can reach, with both tokens.
pub(super) fn reachable(config: &mut Config) {
    "0.0.0.0:9464".clone_into(&mut config.http.listen);
    config.http.token = Secret::new(READING);
    config.http.operator_token = Secret::new(ACTING);
}

/// A request that says these headers.
pub(super) fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let add = |request: Builder, (name, value): &(&str, &str)| request.header(*name, *value);
    headers.iter().fold(request, add).body(Body::empty()).expect("a request")
}

pub(super) async fn get(site: &Site, path: &str, headers: &[(&str, &str)]) -> Answer {
    site.ask(request(Method::GET, path, headers)).await
}

/// The cookie of somebody who logged in with `token`.
pub(super) async fn cookie(site: &Site, base: &str, token: &str) -> String {
    let form = Body::from(format!("token={token}&name=Anna&next={base}/"));
    let login = Request::post(format!("{base}/login"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(form);
    let answer = site.ask(login.expect("a request")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    let set = answer.headers[header::SET_COOKIE].to_str().expect("text");
    set.split(';').next().expect("a pair").to_owned()
}

#[tokio::test]
async fn on_this_machine_reading_is_free_under_the_machine_s_own_names() {
    let site = Site::new();
    for host in ["127.0.0.1:9464", "localhost:9464", "[::1]:9464", "localhost"] {
        assert_eq!(get(&site, "/", &[("host", host)]).await.status, StatusCode::OK, "{host}");
    }
    for headers in [
        &[("host", "evil.example")][..],
        &[("host", "evil.example:9464")],
        &[("host", "127.0.0.1.evil.example:9464")],
        &[("host", "coins.example.com"), ("x-forwarded-for", "10.0.0.1")],
        &[("host", "127.0.0.1:9464"), ("x-forwarded-for", "10.0.0.1")],
        &[("host", "127.0.0.1:9464"), ("via", "1.1 proxy")],
    ] {
        let answer = get(&site, "/", headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
        assert!(answer.text().contains("COINPIPE__HTTP__TOKEN"), "{}", answer.text());
    }
}

#[tokio::test]
async fn where_others_can_connect_a_site_without_a_token_is_closed_and_says_what_to_set() {
    let others: [fn(&mut Config); 3] = [
        |config| "0.0.0.0:9464".clone_into(&mut config.http.listen),
        |config| "https://coins.example.com".clone_into(&mut config.http.public_url),
        |config| {
            reachable(config);
            config.http.token = Secret::default();
        },
    ];
    for change in others {
        let site = Site::with_settings(change);
        for path in ["/", "/login", "/asset", "/api/status", "/nothing"] {
            let answer = get(&site, path, &[]).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
            assert!(answer.text().contains("COINPIPE__HTTP__TOKEN"), "{}", answer.text());
        }
        // What it says is to be read, and its style tells nothing.
        assert_eq!(get(&site, &crate::assets::path("site.css"), &[]).await.status, StatusCode::OK);
        let embedded = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")];
        let elsewhere = get(&site, &crate::assets::path("site.css"), &embedded).await;
        assert_eq!(elsewhere.status, StatusCode::FORBIDDEN);
        let act = site.ask(request(Method::POST, "/assets/x", &[])).await;
        assert_eq!(act.status, StatusCode::FORBIDDEN);
    }
    let site = Site::with_settings(|config| "http://localhost:8080".clone_into(&mut config.http.public_url));
    assert_eq!(get(&site, "/", &[("host", "localhost:8080")]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn with_a_token_nothing_is_shown_to_who_does_not_know_it() {
    let site = Site::with_settings(reachable);
    let view = get(&site, "/?q=%3Cb%3E&currency=EUR", &[]).await;
    assert_eq!(view.status, StatusCode::UNAUTHORIZED);
    assert!(view.text().contains("<form") && view.text().contains("name=\"token\""), "{}", view.text());
    assert!(view.text().contains("value=\"/?q=%3Cb%3E&amp;currency=EUR\""), "{}", view.text());
    assert!(!view.text().contains("quotes"), "{}", view.text());
    let nothing = get(&site, "/nothing", &[]).await;
    assert_eq!(nothing.status, StatusCode::UNAUTHORIZED, "what there is is not shown either");
    let program = get(&site, "/api/status", &[]).await;
    assert_eq!(program.status, StatusCode::UNAUTHORIZED);
    assert!(program.headers[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"));
    assert!(program.text().starts_with("{\"error\":"), "{}", program.text());
    // Without it the form would not be one.
    let style = crate::assets::path("site.css");
    assert_eq!(get(&site, &style, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_knows_a_token_reads_by_cookie_or_by_header() {
    let site = Site::with_settings(reachable);
    for token in [READING, ACTING] {
        let cookie = cookie(&site, "", token).await;
        assert_eq!(get(&site, "/", &[("cookie", &cookie)]).await.status, StatusCode::OK);
        let among = format!("a=b; {cookie};c=\"d; e\"");
        assert_eq!(get(&site, "/", &[("cookie", &among)]).await.status, StatusCode::OK);
        let header = format!("Bearer {token}");
        assert_eq!(get(&site, "/", &[("authorization", &header)]).await.status, StatusCode::OK);
        let last = if cookie.ends_with('A') { 'E' } else { 'A' };
        let changed = format!("{}{last}", &cookie[..cookie.len() - 1]);
        let changed = get(&site, "/", &[("cookie", &changed)]).await;
        assert_eq!(changed.status, StatusCode::UNAUTHORIZED, "{cookie}");
    }
    // What a proxy asks for of its own.
    let basic = get(&site, "/", &[("authorization", "Basic YTpi")]).await;
    assert_eq!(basic.status, StatusCode::UNAUTHORIZED);
}

/// The market, a coin and the pipeline are given again to whoever asks within a moment, so nothing in them may be for one visitor.
#[tokio::test]
async fn what_is_given_again_is_the_same_for_whoever_may_read() {
    for path in ["/", "/?search=1&size=5", "/coins/1", "/coins/1.csv", "/pipeline"] {
        let mut answers = Vec::new();
        for token in [READING, ACTING] {
            // A site for each: else the second is given what the first one was.
            let site = Site::with_settings(reachable);
            site.load(coins(3)).await;
            let cookie = cookie(&site, "", token).await;
            let answer = get(&site, path, &[("cookie", &cookie)]).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert!(!answer.text().contains("Anna"), "{path}: {}", answer.text());
            answers.push(answer);
        }
        assert_eq!(answers[0].text(), answers[1].text(), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_no_token_and_takes_its_time() {
    let site = Site::with_settings(reachable);
    let start = site.context.now();
    let wrong = get(&site, "/api/status", &[("authorization", "Bearer reading-0123456788")]);
    let answer = site.in_passing_time(wrong).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(site.context.now() > start);
}

#[tokio::test]
async fn another_site_may_link_here_and_do_nothing_else() {
    let site = Site::new();
    let link =
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    assert_eq!(get(&site, "/", &link).await.status, StatusCode::OK);
    for headers in [
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")][..],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
    ] {
        assert_eq!(get(&site, "/", headers).await.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
}

/// `SameSite=Strict` keeps the cookie back when a mail's link is followed. The browser asks again, this time from here.
#[tokio::test]
async fn a_link_in_a_mail_leads_to_what_it_names() {
    let site = Site::with_settings(reachable);
    let link =
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let first = get(&site, "/?currency=USD", &link).await;
    assert_eq!(
        (first.status, first.headers[header::REFRESH].as_bytes()),
        (StatusCode::UNAUTHORIZED, &b"0"[..])
    );
    let here = [("sec-fetch-site", "same-origin"), link[1], link[2]];
    let again = get(&site, "/?currency=USD", &here).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    assert!(!again.headers.contains_key(header::REFRESH), "not for ever");
}

#[tokio::test]
async fn every_answer_says_what_a_view_may_do_and_that_it_is_kept_nowhere() {
    let site = Site::with_settings(reachable);
    let cookie = cookie(&site, "", READING).await;
    let known = [("cookie", cookie.as_str())];
    for (path, headers) in [
        ("/", &known[..]),
        ("/", &[]),
        ("/nothing", &known),
        ("/api/nothing", &known),
        ("/login", &[]),
        ("/login", &[("origin", "http://evil.example")]),
    ] {
        let answer = get(&site, path, headers).await;
        let value =
            |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let policy = value("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(value("x-content-type-options"), "nosniff");
        assert_eq!(value("referrer-policy"), "same-origin");
        assert_eq!(value("cache-control"), "no-store", "{path}");
    }
    let style = get(&site, &crate::assets::path("site.css"), &[]).await;
    assert!(style.headers["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(style.headers["x-content-type-options"], "nosniff");
}
