//! Servers that want to hold, flood or break the client: each is given up within the timeout, with a code.

use chrono::DateTime;
use domain::{DeadLetter, StageName};

use super::*;

/// How long the client waits. No answer here takes so long, and where the time has to pass the server lets it.
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks a server that answers so.
async fn ask_once(reply: Reply) -> Result<ListingsPage, FetchError> {
    let server = Server::start([reply]).await;
    let client = Client::new(server.source(), PATIENCE, PATIENCE, Arc::new(ManualClock::default())).unwrap();
    let convert = usd();
    let asking = client.listings(1, 5000, &convert, ApiVersion::V3);
    let answer = tokio::time::timeout(2 * PATIENCE, asking).await.expect("it is given up");
    assert_eq!(server.requests().len(), 1, "a redirect or a retry");
    answer
}

/// The same on a runtime of its own, whose clock the server may stop.
fn ask_alone(reply: Reply) -> Result<ListingsPage, FetchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(ask_once(reply))
}

fn raw(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

#[test]
fn what_never_ends_is_given_up() {
    let ok = "HTTP/1.1 200 OK\r\n";
    let endless = |first: &str, again: &str| Reply::Endless(raw(first), raw(again), Pace::Flood(8 << 20));
    let drip = |first: &str, again: &str| {
        Reply::Endless(raw(first), raw(again), Pace::Drip(Duration::from_millis(20)))
    };
    for (reply, codes) in [
        // A byte now and then is an answer that is too slow.
        (drip(&format!("{ok}content-length: 100000\r\n\r\n"), " "), &["timeout"][..]),
        (drip(&format!("{ok}transfer-encoding: chunked\r\n\r\n"), "1\r\n \r\n"), &["timeout"]),
        (drip(ok, "x: y\r\n"), &["timeout", "connection"]),
        (drip("", "H"), &["timeout", "connection"]),
        // As fast as it can.
        (endless(ok, "x: y\r\n"), &["connection"]),
        (endless(&format!("{ok}x: "), "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"), &["connection"]),
        (endless("", "HTTP/1.1 100 Continue\r\n\r\n"), &["timeout", "connection"]),
        (endless("", "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"), &["timeout", "connection"]),
        (endless("", &"\r\n".repeat(100)), &["timeout", "connection"]),
        (
            endless(&format!("{ok}transfer-encoding: chunked\r\n\r\n"), "1;xxxxxxxxxxxxxxxxxxxxxxxxx"),
            &["broken_off", "timeout"],
        ),
        (
            endless(&format!("{ok}transfer-encoding: chunked\r\n\r\n0\r\n"), "x: y\r\n"),
            &["broken_off", "timeout"],
        ),
        // An error whose reason has no end: the status alone decides.
        (endless("HTTP/1.1 500 No\r\n\r\n", "because because because because because "), &["http_500"]),
        (drip("HTTP/1.1 503 No\r\n\r\n", "because "), &["http_503"]),
    ] {
        let shown: String = format!("{reply:?}").chars().take(200).collect();
        let error = ask_alone(reply).map(|page| page.rows).expect_err(&shown);
        assert!(codes.contains(&error.code().as_str()), "{error}: {}\n{shown}", error.code());
    }
}

#[tokio::test]
async fn lies_about_length_and_encoding_are_no_pages() {
    let body = page_body(2, 2);
    let with =
        |headers: &str, body: &str| Reply::Raw(raw(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}")));
    for (reply, codes) in [
        (with("content-length: 18446744073709551615", &body), &["broken_off", "connection"][..]),
        (with("content-length: 99999999999999999999999", &body), &["connection"]),
        (with("content-length: -1", &body), &["connection"]),
        (with("content-length: 1\r\ncontent-length: 2", &body), &["connection"]),
        (with("transfer-encoding: chunked", "ffffffffffffffffff\r\nx"), &["broken_off"]),
        (with("transfer-encoding: chunked", "-1\r\nx"), &["broken_off"]),
        (with("transfer-encoding: chunked", "zz\r\nx"), &["broken_off"]),
        (with("location: /again\r\ncontent-length: 0", ""), &["empty_body"]),
        (
            reply(301, &["location: /v3/cryptocurrency/listings/latest?start=1&limit=5000&convert=USD"], ""),
            &["http_301"],
        ),
        (reply(308, &["location: //127.0.0.1:1/"], ""), &["http_308"]),
        (reply(500, &["content-encoding: gzip"], gzip(&vec![b' '; 8 << 20])), &["http_500"]),
    ] {
        let shown: String = format!("{reply:?}").chars().take(200).collect();
        let error = ask_once(reply).await.map(|page| page.rows).expect_err(&shown);
        assert!(codes.contains(&error.code().as_str()), "{error}: {}\n{shown}", error.code());
    }
}

/// Whatever a server asks for: within an hour, or what its limit says, and never in the past.
#[tokio::test]
async fn counts_beyond_all_reason_are_numbers_all_the_same() {
    for (sent, credits) in [
        ("25", 25),
        (r#""25""#, 25),
        ("4294967296", u32::MAX),
        ("18446744073709551615", u32::MAX),
        ("18446744073709551616", u32::MAX),
        ("1e30", u32::MAX),
        // No number to who reads JSON into doubles.
        ("1e400", 0),
        (r#""99999999999999999999999999""#, u32::MAX),
        ("-1", 0),
        ("-1e30", 0),
        ("1.5", 0),
        ("null", 0),
        (r#""many""#, 0),
        ("[[[]]]", 0),
    ] {
        let body = format!(
            r#"{{"status":{{"error_code":0,"credit_count":{sent},"total_count":{sent}}},"data":[{{"id":1}}]}}"#
        );
        let page = ask_once(reply(200, &[], &body)).await.unwrap();
        assert_eq!((page.credits, page.rows), (credits, 1), "{sent}");
    }
}

#[tokio::test]
async fn however_deep_it_nests_it_has_a_code() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(1_000_000), close.repeat(1_000_000));
    for (body, code) in [
        (format!(r#"{{"status":{},"data":[]}}"#, deep("[", "]")), "bad_status"),
        (
            format!(r#"{{"status":{{}},"data":{}}}"#, deep(r#"{"a":"#, "}").replace(":}", ":1}")),
            "data_not_array",
        ),
        (deep("[", "]"), "bad_envelope"),
        ("[".repeat(1_000_000), "truncated_json"),
        (r#"{"status":"#.repeat(1_000_000), "truncated_json"),
    ] {
        let answer = ask_once(reply(200, &[], &body)).await.map(|page| page.rows);
        assert_eq!(answer.unwrap_err().code(), code);
    }
    let body = format!(
        r#"{{"status":{{"more":{0},"error_message":{0},"credit_count":{0}}},"more":{0},"data":[{0}]}}"#,
        deep("[", "]")
    );
    assert_eq!(ask_once(reply(200, &[], &body)).await.unwrap().rows, 1);
    // The same as what a key may do.
    let plan = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let body = format!(r#"{{"status":{{}},"data":{{"plan":{plan}}}}}"#);
    let server = Server::start([reply(200, &[], &body)]).await;
    assert_eq!(client(server.source()).unwrap().key_status().await.unwrap_err().code(), "bad_envelope");
}

#[tokio::test]
async fn an_error_of_any_length_and_alphabet_is_a_short_line() {
    for message in
        ["x".repeat(1 << 20), "\\u0000\\u001b[2J\\r\\n".repeat(1000), "\u{202e}\u{10ffff}".repeat(1000)]
    {
        let body = format!(r#"{{"status":{{"error_code":1008,"error_message":"{message}"}}}}"#);
        for status in [200, 429] {
            let error = ask_once(reply(status, &[], &body)).await.unwrap_err();
            let text = error.to_string();
            assert!(text.chars().count() < 300 && !text.chars().any(char::is_control), "{text:?}");
            let letter =
                DeadLetter::incident(StageName::Fetcher, error.code(), 1, text, DateTime::UNIX_EPOCH);
            assert!(letter.reason.len() <= DeadLetter::MAX_REASON_BYTES);
        }
    }
}

/// A page in which a few bytes are others: it is a page, or has a code.
#[test]
fn no_bytes_break_the_envelope() {
    let pages = [
        page_body(3, 9166),
        r#"{"status":{"error_code":1008,"error_message":"no","credit_count":0},"data":null}"#.to_owned(),
        r#"{"status":{"error_code":0},"data":{"plan":{"credit_limit_monthly":10,"credit_limit_monthly_reset_timestamp":"2026-12-01T00:00:00.000Z"}}}"#
            .to_owned(),
    ];
    let mut dice = fastrand::Rng::with_seed(12);
    let odd = [b'"', b'\\', b'{', b'}', b'[', b']', b',', b':', b'-', b'e', b'9', 0, 0x80, 0xff, 0xed, b'u'];
    for _ in 0..20_000 {
        let mut body = pages[dice.usize(..pages.len())].clone().into_bytes();
        for _ in 0..dice.usize(1..6) {
            let at = dice.usize(..body.len());
            match dice.u8(..4) {
                0 => body[at] = odd[dice.usize(..odd.len())],
                1 => body.truncate(at.max(1)),
                2 => body.insert(at, odd[dice.usize(..odd.len())]),
                _ => {
                    body.remove(at);
                }
            }
            if body.is_empty() {
                break;
            }
        }
        let opened = envelope::open(&body);
        // Counting the coins on the way changes nothing.
        let counted = opened.as_ref().map(|answer| (answer.error_code, envelope::count_rows(answer.data)));
        let listing = envelope::open_listing(&body);
        assert_eq!(listing.as_ref().map(|answer| (answer.error_code, answer.data)), counted);
        if let Ok(answer) = opened {
            let _ = KeyStatus::read(answer.data, false);
        }
    }
}
