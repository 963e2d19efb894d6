//! The client against servers that misbehave in every known way.

mod hostile;

use std::io::Write;

use config::Secret;
use testkit::clock::ManualClock;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::server::{KEY, Pace, Reply, Server, api_error, page, page_body, reply};
use super::*;

fn client(source: ApiSource) -> Result<Client, BadSource> {
    let (connect, whole) = (Duration::from_secs(5), Duration::from_secs(20));
    Client::new(source, connect, whole, Arc::new(ManualClock::default()))
}

fn usd() -> Vec<String> {
    vec!["USD".to_owned()]
}

async fn ask(replies: impl IntoIterator<Item = Reply>) -> Result<ListingsPage, FetchError> {
    let server = Server::start(replies).await;
    client(server.source()).unwrap().listings(1, 5000, &usd(), ApiVersion::V3).await
}

#[tokio::test]
async fn a_page_comes_exactly_as_it_was_sent() {
    let page = ask([page(3, 9166)]).await.unwrap();
    assert_eq!(page.body, page_body(3, 9166).as_bytes());
    assert_eq!((page.rows, page.credits, page.total_count, page.simulated), (3, 1, Some(9166), false));
}

#[tokio::test]
async fn compressed_pages_are_decoded() {
    let body = page_body(250, 9166);
    let reply = reply(200, &["content-encoding: gzip", "x-coinpipe-simulated: true"], gzip(body.as_bytes()));
    let page = ask([reply]).await.unwrap();
    assert_eq!(page.body, body.as_bytes());
    assert_eq!((page.rows, page.credits, page.simulated), (250, 2, true));
}

#[tokio::test]
async fn the_request_is_what_the_api_documents() {
    let server = Server::start([page(1, 1), page(1, 1)]).await;
    let mut source = server.source();
    client(source.clone()).unwrap().listings(5001, 200, &usd(), ApiVersion::V3).await.unwrap();
    source.base_url.set_path("/prefix/");
    source.api_key = Secret::default();
    let convert = ["USD".to_owned(), "EUR".to_owned()];
    client(source).unwrap().listings(1, 10, &convert, ApiVersion::V1).await.unwrap();
    let requests = server.requests();
    let line = "get /v3/cryptocurrency/listings/latest?start=5001&limit=200&convert=usd http/1.1\r\n";
    assert!(requests[0].starts_with(line), "{}", requests[0]);
    for header in
        [&format!("x-cmc_pro_api_key: {KEY}\r\n"), "accept: application/json\r\n", "accept-encoding: gzip"]
    {
        assert!(requests[0].contains(header), "no {header} in {}", requests[0]);
    }
    let line =
        "get /prefix/v1/cryptocurrency/listings/latest?start=1&limit=10&convert=usd%2ceur http/1.1\r\n";
    assert!(requests[1].starts_with(line), "{}", requests[1]);
    assert!(!requests[1].contains("x-cmc_pro_api_key"), "{}", requests[1]);
}

#[tokio::test]
async fn every_answer_that_is_no_page_has_its_code() {
    let cut = |keep: usize| {
        let Reply::Raw(mut raw) = page(300, 300) else { unreachable!() };
        raw.truncate(keep);
        Reply::Raw(raw)
    };
    let whole = page_body(300, 300);
    for (reply, expected) in [
        (api_error(401, 1001), "api_1001"),
        (api_error(429, 1008), "api_1008"),
        (api_error(200, 1010), "api_1010"),
        (api_error(500, 500), "http_500"),
        (reply(502, &[], "<html>bad gateway</html>"), "http_502"),
        (reply(403, &["cf-ray: 5f00aa11bb22cc33-FRA"], "<html><title>Access denied"), "http_403"),
        (reply(503, &[], ""), "http_503"),
        (reply(429, &[], "slow down"), "http_429"),
        (reply(204, &[], ""), "http_204"),
        (reply(302, &["location: http://127.0.0.1:1/"], ""), "http_302"),
        (reply(200, &[], ""), "empty_body"),
        (reply(200, &[], "<!doctype html><h1>Maintenance"), "html"),
        (reply(200, &[], &whole.as_bytes()[..whole.len() / 2]), "truncated_json"),
        (reply(200, &[], b"\xef\xbb\xbf{}"), "byte_order_mark"),
        (reply(200, &[], b"{\"data\":\"\xff\xfe\"}"), "not_utf8"),
        (reply(200, &[], "please wait"), "not_json"),
        (reply(200, &[], r#"{"data":[]}"#), "no_status"),
        (reply(200, &[], r#"{"status":{"error_code":0},"data":{}}"#), "data_not_array"),
        (reply(200, &[], r#"{"status":{"error_code":0}}"#), "no_data"),
        (reply(200, &["content-encoding: gzip"], "this is not gzip"), "broken_off"),
        (reply(200, &["content-encoding: gzip"], &gzip(whole.as_bytes())[..60]), "broken_off"),
        (cut(400), "broken_off"),
        (cut(20), "connection"),
        (Reply::Raw(Vec::new()), "connection"),
        (Reply::Raw(b"220 smtp.example ESMTP\r\n".to_vec()), "connection"),
    ] {
        let shown = format!("{reply:?}");
        let shown: String = shown.chars().take(300).collect();
        let error = ask([reply]).await.expect_err(&shown);
        assert_eq!(error.code(), expected, "{error}\n{shown}");
    }
}

#[tokio::test]
async fn a_gzip_bomb_is_not_unpacked() {
    let zeros = vec![b' '; MAX_PAGE_BYTES + 1];
    let reply = reply(200, &["content-encoding: gzip"], gzip(&zeros));
    let error = ask([reply]).await.unwrap_err();
    assert_eq!(error, FetchError::TooLarge { limit: MAX_PAGE_BYTES });
    assert_eq!(error.to_string(), "the API's answer is larger than 64 MiB");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let server = Server::start([Reply::Mute]).await;
    let (short, clock) = (Duration::from_millis(100), Arc::new(ManualClock::default()));
    let client = Client::new(server.source(), short, short, clock).unwrap();
    let error = client.listings(1, 1, &usd(), ApiVersion::V3).await.unwrap_err();
    assert_eq!(error.code(), "timeout", "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_so() {
    let server = Server::start([]).await;
    let source = server.source();
    drop(server);
    // The port is free once the server's task is gone.
    tokio::task::yield_now().await;
    let error = client(source).unwrap().key_status().await.unwrap_err();
    assert_eq!(error.code(), "connect", "{error}");
}

#[tokio::test]
async fn a_host_without_an_address_and_a_server_without_tls_are_told_apart() {
    // A label may have 63 characters, so that no name server is asked.
    let base_url = format!("http://{}.invalid", "x".repeat(64)).parse().unwrap();
    let source = ApiSource { base_url, api_key: Secret::default(), keyless: false };
    let error = client(source).unwrap().key_status().await.unwrap_err();
    assert_eq!(error.code(), "dns", "{error}");
    let begin = format!("the API's host name cannot be resolved: {}.invalid: ", "x".repeat(64));
    let text = error.to_string();
    assert!(text.starts_with(&begin), "which one is not said: {text}");
    assert!(!text.contains("error"), "what libraries say on the way is said, too: {text}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
    let client = match client(ApiSource { base_url, api_key: Secret::default(), keyless: false }) {
        Ok(client) => client,
        // A machine without CA certificates says so at once.
        Err(error) => return assert!(matches!(error, BadSource::Tls(_)), "{error}"),
    };
    let plain = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        // Held open until the client has seen it.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        status = client.key_status() => {
            let error = status.unwrap_err();
            assert_eq!(error.code(), "tls", "{error}");
        }
        () = plain => unreachable!("it waits for ever"),
    }
}

#[tokio::test]
async fn the_key_is_in_no_error_even_when_the_server_sends_it_back() {
    let echo = format!("your key {KEY} is bad");
    let in_json = format!(r#"{{"status":{{"error_code":1001,"error_message":"{echo}"}}}}"#);
    for reply in
        [reply(401, &[], &in_json), reply(200, &[], &in_json), reply(403, &[], &echo), reply(200, &[], &echo)]
    {
        let error = ask([reply]).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("your key *** is bad") && !shown.contains(KEY), "{shown}");
    }
    let server = Server::start([]).await;
    let shown = format!("{:?}", server.source());
    assert!(!shown.contains(KEY), "{shown}");
}

#[tokio::test]
async fn the_key_status_is_read() {
    let body = r#"{"status":{"error_code":0},"data":{"plan":{"rate_limit_minute":30}}}"#;
    let server = Server::start([reply(200, &["x-coinpipe-simulated: true"], body)]).await;
    let status = client(server.source()).unwrap().key_status().await.unwrap();
    assert_eq!(status, KeyStatus { minute_limit: Some(30), simulated: true, ..KeyStatus::default() });
    assert!(server.requests()[0].starts_with("get /v1/key/info http/1.1\r\n"));
}

#[test]
fn sources_that_would_leak_or_mislead_are_refused() {
    let check = |url: &str, key: &str, expected: Result<(), &str>| {
        let source = ApiSource { base_url: url.parse().unwrap(), api_key: Secret::new(key), keyless: false };
        match (client(source), expected) {
            // Machines without CA certificates cannot speak HTTPS at all.
            (Ok(_) | Err(BadSource::Tls(_)), Ok(())) => {}
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{url}: {error}");
                assert!(key.is_empty() || !error.to_string().contains(key), "{url}: {error}");
            }
            (found, _) => panic!("{url}: {:?} instead of {expected:?}", found.map(|_| ())),
        }
    };
    check("https://pro-api.coinmarketcap.com", KEY, Ok(()));
    check("https://pro-api.coinmarketcap.com/public-api/", "", Ok(()));
    check("http://127.0.0.1:18085", KEY, Ok(()));
    check("http://localhost:18085", KEY, Ok(()));
    check("http://[::1]:18085", KEY, Ok(()));
    check("http://simulator:18085", "", Ok(()));
    check("http://simulator:18085", KEY, Err("unencrypted"));
    check("http://127.0.0.1.example.com", KEY, Err("unencrypted"));
    check("ftp://example.com", "", Err("must begin with https://"));
    check("https://me:secret@example.com", "", Err("scheme, host and path only"));
    check("https://example.com/?CMC_PRO_API_KEY=x", "", Err("scheme, host and path only"));
    check("https://example.com", "two\nlines", Err("cannot be sent"));
    // Other servers may have keys of any length.
    check("https://pro-api.coinmarketcap.com", "x", Err("fetch.api_key (or CMC_API_KEY) is too short"));
    check("https://Sandbox-API.CoinMarketCap.com", "your-key", Err("too short"));
    check("https://example.com", "x", Ok(()));
    check("http://127.0.0.1:18085", "x", Ok(()));
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}
