//! Logging in and out, with the whole site behind it.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use chrono::TimeDelta;
use config::{Config, Secret};

use super::{ACTING, READING, cookie, get, reachable, request};
use crate::testing::{Answer, Site};

async fn log_in(site: &Site, form: &str, headers: &[(&str, &str)]) -> Answer {
    let mut login = request(Method::POST, "/login", headers);
    let kind = "application/x-www-form-urlencoded".parse().unwrap();
    login.headers_mut().insert(header::CONTENT_TYPE, kind);
    *login.body_mut() = Body::from(form.to_owned());
    site.ask(login).await
}

#[tokio::test]
async fn a_session_is_a_cookie_that_no_script_reads_and_no_other_site_sends() {
    let site = Site::with_settings(reachable);
    let answer = log_in(&site, &format!("token={READING}%0A&next=/"), &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    let parts: Vec<_> = set.split("; ").collect();
    assert_eq!(parts[1..], ["Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=2592000"]);
    assert!(!set.contains(READING), "{set}");
    let https = |config: &mut Config| {
        reachable(config);
        "https://coins.example.com".clone_into(&mut config.http.public_url);
    };
    let answer = log_in(&Site::with_settings(https), &format!("token={ACTING}"), &[]).await;
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.ends_with("; Max-Age=43200; Secure"), "{set}");
}

#[tokio::test]
async fn somebody_sees_who_they_are_and_logs_out() {
    let site = Site::with_settings(reachable);
    let cookie = cookie(&site, "", ACTING).await;
    let me = get(&site, "/login", &[("cookie", &cookie)]).await;
    assert!(me.text().contains("look and act") && me.text().contains("Anna"), "{}", me.text());
    let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let out = site.ask(request(Method::POST, "/logout", &headers)).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    assert!(
        out.headers[header::SET_COOKIE]
            .to_str()
            .unwrap()
            .contains("=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    );
    let elsewhere = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
    let forced = site.ask(request(Method::POST, "/logout", &elsewhere)).await;
    assert_eq!(forced.status, StatusCode::FORBIDDEN, "another site logs nobody out");
}

#[tokio::test]
async fn a_session_ends_and_with_another_token_all_do() {
    let site = Site::with_settings(reachable);
    let cookie = cookie(&site, "", ACTING).await;
    let headers = [("cookie", cookie.as_str())];
    assert_eq!(get(&site, "/", &headers).await.status, StatusCode::OK);
    let other = Site::with_settings(|config| {
        reachable(config);
        config.http.operator_token = Secret::new("another-0123456789");
    });
    assert_eq!(get(&other, "/", &headers).await.status, StatusCode::UNAUTHORIZED);
    site.clock.advance(TimeDelta::hours(12).to_std().unwrap());
    assert_eq!(get(&site, "/", &headers).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn whoever_logs_in_goes_on_here_and_nowhere_else() {
    let site = Site::with_settings(reachable);
    for (next, goes) in [
        ("/?currency=EUR%26q=a%2526b", "/?currency=EUR&q=a%26b"),
        ("/letters", "/letters"),
        ("", "/"),
        ("//evil.example/", "/"),
        ("/%5Cevil.example", "/"),
        ("/%09/evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/a%0D%0ASet-Cookie:%20x=y", "/"),
    ] {
        let answer = log_in(&site, &format!("token={READING}&next={next}"), &[]).await;
        assert_eq!(answer.headers[header::LOCATION], goes, "{next}");
        let shown = get(&site, &format!("/login?next={next}"), &[]).await;
        let value = format!("name=\"next\" value=\"{}\"", goes.replace('&', "&amp;"));
        assert!(shown.text().contains(&value), "{next}: {}", shown.text());
    }
}

#[tokio::test]
async fn a_wrong_token_is_said_after_a_second_and_a_token_in_an_address_is_none() {
    let site = Site::with_settings(reachable);
    let trying = log_in(&site, "token=reading-0123456788&next=/letters", &[]);
    let answer = site.in_passing_time(trying).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(
        answer.text().contains("not a token") && answer.text().contains("value=\"/letters\""),
        "{}",
        answer.text()
    );
    assert!(!answer.headers.contains_key(header::SET_COOKIE));
    let address = get(&site, &format!("/login?token={READING}"), &[]).await;
    assert!(address.status.is_client_error() || !address.headers.contains_key(header::SET_COOKIE));
    let read = get(&site, &format!("/?token={READING}"), &[]).await;
    assert_eq!(read.status, StatusCode::UNAUTHORIZED);
    let elsewhere = log_in(&site, &format!("token={READING}"), &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN, "another site logs nobody in");
}

#[tokio::test]
async fn where_nobody_may_act_the_form_says_what_to_set() {
    let free = get(&Site::new(), "/login", &[]).await;
    assert_eq!(free.status, StatusCode::OK);
    assert!(
        !free.text().contains("name=\"token\"") && free.text().contains("operator_token"),
        "{}",
        free.text()
    );
    let nothing = Request::post("/login").body(Body::empty()).unwrap();
    assert!(Site::new().ask(nothing).await.status.is_client_error());
}

/// Guesses lock nobody out, and whoever hangs up has guessed all the same.
#[tokio::test]
async fn a_right_token_is_answered_while_wrong_ones_wait_and_no_more_of_those_are_taken() {
    let site = Site::with_settings(reachable);
    for _ in 0..4 {
        tokio::select! {
            biased;
            answer = log_in(&site, "token=reading-0123456788", &[]) => panic!("{}", answer.status),
            () = tokio::task::yield_now() => {}
        }
    }
    let wrong = log_in(&site, "token=reading-0123456788", &[]).await;
    assert_eq!(wrong.status, StatusCode::TOO_MANY_REQUESTS);
    let right = log_in(&site, &format!("token={READING}"), &[]).await;
    assert_eq!(right.status, StatusCode::SEE_OTHER);
    let bearer = format!("Bearer {READING}");
    assert_eq!(get(&site, "/", &[("authorization", &bearer)]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn another_operator_token_logs_no_reader_out() {
    let site = Site::with_settings(reachable);
    let (reader, operator) = (cookie(&site, "", READING).await, cookie(&site, "", ACTING).await);
    let other = Site::with_settings(|config| {
        reachable(config);
        config.http.operator_token = Secret::new("another-0123456789");
    });
    assert_eq!(get(&other, "/", &[("cookie", &reader)]).await.status, StatusCode::OK);
    assert_eq!(get(&other, "/", &[("cookie", &operator)]).await.status, StatusCode::UNAUTHORIZED);
    let both = format!("{reader}; {operator}");
    let me = get(&site, "/login", &[("cookie", &both)]).await;
    assert!(me.text().contains("look and act"), "{}", me.text());
    let headers = [("cookie", both.as_str()), ("sec-fetch-site", "same-origin")];
    let out = site.ask(request(Method::POST, "/logout", &headers)).await;
    assert_eq!(out.headers.get_all(header::SET_COOKIE).iter().count(), 2, "both end");
}

/// On top of every view that somebody may look at stands how fresh the quotes are, and that they are simulated.
#[tokio::test]
async fn who_may_look_sees_how_the_pipeline_is_here_too_and_a_stranger_does_not() {
    let fill = async |site: &Site| {
        let store: &dyn ports::Store = &*site.store;
        let chunk = testkit::contract::store::sample::chunk(&[1]);
        let page = domain::PageMeta { simulated: true, ..chunk.page.clone() };
        store.load(&domain::Chunk { page, ..chunk }).await.unwrap();
    };
    let site = Site::with_settings(reachable);
    fill(&site).await;
    let cookie = cookie(&site, "", READING).await;
    let me = get(&site, "/login", &[("cookie", &cookie)]).await;
    assert!(me.text().contains("class=\"truth\"") && me.text().contains("SIMULATED"), "{}", me.text());
    assert!(me.text().contains("<h1>Logged in</h1>"), "{}", me.text());
    let stranger = get(&site, "/login", &[]).await;
    assert!(!stranger.text().contains("class=\"truth\"") && !stranger.text().contains("SIMULATED"));
    assert!(stranger.text().contains("<h1>Log in</h1>"), "{}", stranger.text());
    let free = Site::new();
    fill(&free).await;
    assert!(free.get("/login").await.text().contains("SIMULATED"));
}

#[tokio::test]
async fn a_wrong_token_does_not_cost_the_name() {
    let site = Site::with_settings(reachable);
    let answer = site.in_passing_time(log_in(&site, "token=reading-0123456788&name=Anna%22%3E", &[])).await;
    assert!(answer.text().contains("name=\"name\" value=\"Anna&quot;&gt;\""), "{}", answer.text());
}
