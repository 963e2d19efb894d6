//! One line for each failure that the API's table and FAULTS know.

use std::sync::Arc;

use domain::{ApiVersion, timestamp};
use testkit::clock::ManualClock;

use super::*;
use crate::collect::client::server::{Server, reply};
use crate::collect::client::{BodyFault, Client, WebPage};

const NOW: &str = "2026-11-22T14:00:10.000Z";

fn instant(text: &str) -> DateTime<Utc> {
    timestamp::from_text(text).unwrap()
}

fn circumstances() -> Circumstances {
    Circumstances {
        now: instant(NOW),
        failures: 1,
        jitter: 0.0,
        currencies: 1,
        keyless: false,
        monthly_reset: None,
    }
}

fn api(status: u16, code: u32) -> FetchError {
    FetchError::Api { status, code, message: "because".to_owned(), pause: None }
}

fn http(status: u16) -> FetchError {
    FetchError::Http { status, sample: "<html>".to_owned(), pause: None }
}

fn page(status: u16) -> FetchError {
    let page = WebPage { title: "Access denied".to_owned(), ray: Some("5f00aa11bb22cc33".to_owned()) };
    FetchError::Page { status, page, pause: None }
}

fn paused(error: FetchError, until: &str) -> FetchError {
    let until = Some(Pause { until: instant(until) });
    match error {
        FetchError::Api { status, code, message, .. } => {
            FetchError::Api { status, code, message, pause: until }
        }
        FetchError::Http { status, sample, .. } => FetchError::Http { status, sample, pause: until },
        FetchError::Page { status, page, .. } => FetchError::Page { status, page, pause: until },
        other => other,
    }
}

/// `stop`, `retry 2.5s`, or `until 2026-…`.
fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Stop { .. } => "stop".to_owned(),
        Outcome::RetryLater { after, .. } => format!("retry {after:?}"),
        Outcome::WaitUntil { until, .. } => format!("until {}", timestamp::to_text(*until)),
    }
}

fn check(error: &FetchError, code: &str, expected: &str) {
    check_at(error, &circumstances(), code, expected);
}

fn check_at(error: &FetchError, at: &Circumstances, code: &str, expected: &str) {
    let outcome = error.outcome(at);
    assert_eq!((error.code().as_str(), brief(&outcome).as_str()), (code, expected), "{error:?}");
    let (Outcome::RetryLater { reason, .. }
    | Outcome::WaitUntil { reason, .. }
    | Outcome::Stop { reason, .. }) = &outcome;
    assert_eq!(*reason, error.to_string());
    if let Outcome::Stop { hint, .. } = outcome {
        assert!(!hint.is_empty());
    }
}

#[test]
fn refusals_of_key_plan_or_request_stop() {
    for (status, code) in
        [(401, 1001), (401, 1002), (402, 1003), (402, 1004), (403, 1005), (403, 1006), (403, 1007)]
    {
        check(&api(status, code), &format!("api_{code}"), "stop");
        // Also when they come with another status.
        check(&api(200, code), &format!("api_{code}"), "stop");
    }
    for status in [301, 302, 307, 400, 401, 402, 404, 405, 410, 414, 422, 451] {
        check(&http(status), &format!("http_{status}"), "stop");
    }
    for status in [400, 401, 402, 403, 404] {
        check(&api(status, u32::from(status)), &format!("http_{status}"), "stop");
    }
    check(&api(200, 400), "http_400", "stop");
    for code in [4001, 4002] {
        check(&api(400, code), &format!("api_{code}"), "stop");
        check(&api(200, code), &format!("api_{code}"), "stop");
    }
    for status in [404, 405, 407] {
        check(&page(status), &format!("http_{status}"), "stop");
    }
}

/// The API refuses a key in an envelope of its own. Without one, something before it refused the machine, which passes.
#[test]
fn what_is_not_the_apis_own_refusal_is_waited_out() {
    for status in [403, 406] {
        check(&page(status), &format!("http_{status}"), "retry 2.5s");
        check(&http(status), &format!("http_{status}"), "retry 2.5s");
        check(&paused(page(status), "2026-11-22T14:00:40Z"), &format!("http_{status}"), "retry 30s");
        assert!(page(status).pointer().unwrap().contains("firewall"), "{status}");
    }
    for status in [500, 503, 520, 525] {
        check(&page(status), &format!("http_{status}"), "retry 2.5s");
        assert!(page(status).pointer().unwrap().contains("status.coinmarketcap.com"), "{status}");
    }
    check(&page(429), "http_429", "until 2026-11-22T14:01:00.000Z");
    assert_eq!(
        page(403).to_string(),
        "a web page came in place of the API's answer, as firewalls and proxies send them (HTTP 403): \"Access denied\", \
         ray id 5f00aa11bb22cc33"
    );
}

/// `check` asks once, and says what a snapshot would say in the end.
#[test]
fn one_question_has_the_hint_of_many_tries() {
    for (error, keyless, hint) in [
        (api(401, 1001), false, "check fetch.api_key"),
        (api(401, 1002), true, "fetch.source = \"auto\""),
        (page(403), false, "firewall"),
        (http(503), false, "status.coinmarketcap.com"),
        (http(404), false, "fetch.api_version"),
    ] {
        assert!(error.remedy(keyless).unwrap().contains(hint), "{error}: {:?}", error.remedy(keyless));
    }
    assert_eq!(api(429, 1008).remedy(false), None);
}

#[test]
fn what_the_plan_does_not_include_is_named_by_its_option() {
    let hint = |currencies| match api(403, 1006).outcome(&Circumstances { currencies, ..circumstances() }) {
        Outcome::Stop { hint, .. } => hint,
        other => panic!("{other:?}"),
    };
    assert!(hint(1).contains("fetch.api_version"), "{}", hint(1));
    assert!(hint(3).contains("fetch.convert"), "{}", hint(3));
}

/// Whoever else uses the address, or the key, may take the whole minute each time.
#[test]
fn a_minute_that_was_waited_for_in_vain_is_followed_by_longer_waits() {
    let until = ["14:01", "14:01", "14:01", "14:02", "14:04", "14:05", "14:05"];
    for (failures, until) in (1..).zip(until) {
        for code in [1008, 1011, 1022] {
            let at = Circumstances { failures, ..circumstances() };
            check_at(
                &api(429, code),
                &at,
                &format!("api_{code}"),
                &format!("until 2026-11-22T{until}:00.000Z"),
            );
        }
    }
    let at = Circumstances { failures: u32::MAX, ..circumstances() };
    check_at(&http(429), &at, "http_429", "until 2026-11-22T14:05:00.000Z");
}

#[test]
fn limits_wait_for_their_end() {
    check(&api(429, 1008), "api_1008", "until 2026-11-22T14:01:00.000Z");
    check(&api(200, 1008), "api_1008", "until 2026-11-22T14:01:00.000Z");
    check(&api(429, 1009), "api_1009", "until 2026-11-23T00:00:00.000Z");
    check(&api(429, 1010), "api_1010", "until 2026-12-01T00:00:00.000Z");
    check(&api(429, 1011), "api_1011", "until 2026-11-22T14:01:00.000Z");
    check(&api(429, 1022), "api_1022", "until 2026-11-22T14:01:00.000Z");
    check(&http(429), "http_429", "until 2026-11-22T14:01:00.000Z");
    check(&api(429, 429), "http_429", "until 2026-11-22T14:01:00.000Z");
    check(&api(429, 1099), "api_1099", "until 2026-11-22T14:01:00.000Z");
}

#[test]
fn the_monthly_limit_ends_with_the_plans_month_when_that_is_known() {
    let at = |reset| Circumstances { monthly_reset: Some(instant(reset)), ..circumstances() };
    check_at(&api(429, 1010), &at("2026-11-25T09:00:00Z"), "api_1010", "until 2026-11-25T09:00:00.000Z");
    // A reset in the past says nothing; one in the far future is not believed.
    check_at(&api(429, 1010), &at("2026-11-01T00:00:00Z"), "api_1010", "until 2026-12-01T00:00:00.000Z");
    check_at(&api(429, 1010), &at("2099-01-01T00:00:00Z"), "api_1010", "until 2026-12-24T14:00:10.000Z");
}

#[test]
fn what_may_pass_is_tried_again() {
    for status in [408, 425, 500, 502, 503, 504, 520, 599] {
        check(&http(status), &format!("http_{status}"), "retry 2.5s");
    }
    check(&api(500, 500), "http_500", "retry 2.5s");
    check(&api(200, 500), "http_500", "retry 2.5s");
    check(&api(500, 1099), "api_1099", "retry 2.5s");
    check(&api(200, 7), "http_7", "retry 2.5s");
    // No page although the status says so, such as 204.
    check(&http(204), "http_204", "retry 2.5s");
    for (fault, code) in [
        (BodyFault::Empty, "empty_body"),
        (BodyFault::Html, "html"),
        (BodyFault::Truncated, "truncated_json"),
        (BodyFault::ByteOrderMark, "byte_order_mark"),
        (BodyFault::NotUtf8, "not_utf8"),
        (BodyFault::NotJson, "not_json"),
    ] {
        check(&FetchError::Body { fault, sample: "x".to_owned() }, code, "retry 2.5s");
    }
    for (fault, code) in [
        (TransportFault::Timeout, "timeout"),
        (TransportFault::Dns, "dns"),
        (TransportFault::Connect, "connect"),
        (TransportFault::BrokenOff, "broken_off"),
        (TransportFault::Connection, "connection"),
    ] {
        check(&FetchError::Transport { fault, reason: "x".to_owned() }, code, "retry 2.5s");
    }
}

#[test]
fn whole_answers_of_another_shape_are_not_paid_for_again_and_again() {
    for (fault, code) in [
        (BodyFault::BadEnvelope, "bad_envelope"),
        (BodyFault::NoStatus, "no_status"),
        (BodyFault::BadStatus, "bad_status"),
        (BodyFault::NoData, "no_data"),
        (BodyFault::DataNotArray, "data_not_array"),
    ] {
        check(&FetchError::Body { fault, sample: "{}".to_owned() }, code, "stop");
    }
    check(&FetchError::TooLarge { limit: 64 << 20 }, "too_large", "stop");
    check(&FetchError::Transport { fault: TransportFault::Tls, reason: "x".to_owned() }, "tls", "stop");
}

#[test]
fn the_servers_wish_is_honoured_within_bounds() {
    check(&paused(api(429, 1008), "2026-11-22T14:03:00Z"), "api_1008", "until 2026-11-22T14:03:00.000Z");
    check(&paused(api(429, 1008), "2027-11-22T14:03:00Z"), "api_1008", "until 2026-11-22T15:00:10.000Z");
    check(&paused(api(429, 1008), "2020-01-01T00:00:00Z"), "api_1008", "until 2026-11-22T14:01:00.000Z");
    check(&paused(api(429, 1009), "2026-11-22T20:00:00Z"), "api_1009", "until 2026-11-22T20:00:00.000Z");
    check(&paused(http(503), "2026-11-22T14:00:40Z"), "http_503", "retry 30s");
    check(&paused(http(503), "2026-11-22T14:00:11Z"), "http_503", "retry 2.5s");
    check(&paused(http(503), "2020-01-01T00:00:00Z"), "http_503", "retry 2.5s");
    check(&paused(http(503), "2099-01-01T00:00:00Z"), "http_503", "retry 3600s");
}

#[test]
fn waits_double_to_five_minutes_and_are_spread() {
    let waits: Vec<_> =
        [1, 2, 3, 6, 7, 8, 1000, u32::MAX].iter().map(|&n| RETRIES.wait(n, 1.0).as_secs()).collect();
    assert_eq!(waits, [5, 10, 20, 160, 300, 300, 300, 300]);
    let at = Circumstances { jitter: 0.5, ..circumstances() };
    check_at(&api(429, 1008), &at, "api_1008", "until 2026-11-22T14:01:02.500Z");
}

#[test]
fn limits_at_the_end_of_the_year_reach_into_the_next() {
    let at = Circumstances { now: instant("2026-12-31T23:59:59.999Z"), ..circumstances() };
    check_at(&api(429, 1008), &at, "api_1008", "until 2027-01-01T00:00:00.000Z");
    check_at(&api(429, 1009), &at, "api_1009", "until 2027-01-01T00:00:00.000Z");
    check_at(&api(429, 1010), &at, "api_1010", "until 2027-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn no_wish_of_a_server_makes_the_fetcher_wait_for_ever() {
    let now = instant("2026-11-22T14:00:00Z");
    for value in [
        "-1",
        "-9223372036854775808",
        "0",
        "1e18",
        "1000000000000000000",
        "18446744073709551615",
        "4294967295",
        "99999999999999999999999999999999",
        "NaN",
        "20.5",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:60 -2359",
        "Mon, 01 Jan 0000 00:00:00 +2359",
        "Sun, 99 Nov 2026 99:99:99 GMT",
        "Sunday, 22-Nov-26 14:00:00 GMT",
        "9999-12-31 23:59:59 -2359",
        "+262142-12-31 23:59:59 -2359",
        "-262143-01-01 00:00:00 +2359",
        "",
    ] {
        for (status, header) in [
            (503, "retry-after"),
            (429, "retry-after"),
            (503, "x-ratelimit-reset"),
            (429, "x-ratelimit-reset"),
        ] {
            let reply = reply(status, &[&format!("{header}: {value}")], "no");
            let server = Server::start([reply]).await;
            let patience = Duration::from_secs(20);
            let clock = Arc::new(ManualClock::default());
            let client = Client::new(server.source(), patience, patience, clock).unwrap();
            let asked = client.listings(1, 5000, &["USD".to_owned()], ApiVersion::V3).await;
            let error = asked.map(|page| page.rows).unwrap_err();
            assert_eq!(error.code(), format!("http_{status}"), "{header}: {value}");
            for failures in [1, u32::MAX] {
                let at = Circumstances {
                    now,
                    failures,
                    jitter: 1.0,
                    currencies: 1,
                    keyless: false,
                    monthly_reset: None,
                };
                let until = match error.outcome(&at) {
                    Outcome::RetryLater { after, .. } => now + after,
                    Outcome::WaitUntil { until, .. } => until,
                    Outcome::Stop { .. } => panic!("{header}: {value} stops"),
                };
                let wait = until - now;
                assert!(wait > TimeDelta::zero(), "{header}: {value}: {wait}");
                assert!(wait <= TimeDelta::seconds(3605), "{header}: {value}: {wait}");
            }
        }
    }
}
