//! `coinpipe health`: asks a process over HTTP whether it is well.
//!
//! The request is written by hand, because only two crates may use reqwest (decision 2) and little of the answer matters: the
//! status line and, when it is bad, the text below. It is HTTP/1.0, which has no chunked bodies.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use service::{Process, Usage};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use url::{Position, Url};

/// Shorter than the usual timeout of a container's health check.
const PATIENCE: Duration = Duration::from_secs(3);
/// Of an answer, more than this is not read.
const MOST: u64 = 4096;

/// For health checks where there is neither a shell nor curl. It waits 3 seconds for an answer; what is wrong is said on
/// stderr.
#[derive(Args, Debug)]
pub(crate) struct HealthArgs {
    /// What to ask: /livez or /readyz of a process, or another page served over plain HTTP. Without it: /readyz where
    /// `[http] listen` says. Of several processes on one machine without that setting, only the first is there; the others say in
    /// their logs where they are
    url: Option<String>,
}

pub(crate) async fn run(process: &Process, args: &HealthArgs) -> anyhow::Result<()> {
    let url = match &args.url {
        Some(url) => url.clone(),
        None => ready_at(&process.config().http.listen)?,
    };
    let url = Url::parse(&url).map_err(|error| Usage(format!("{url:?} is not a URL: {error}")))?;
    if url.scheme() != "http" {
        return Err(Usage(format!("{url} does not begin with http://")).into());
    }
    ask(&url, PATIENCE).await.with_context(|| url.to_string())
}

/// Where a process that listens at `listen` is asked from its own machine.
fn ready_at(listen: &str) -> Result<String, Usage> {
    let mut address: SocketAddr = listen
        .parse()
        .map_err(|_| Usage("http.listen is off, so there is nobody to ask; name a URL".to_owned()))?;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        });
    }
    Ok(format!("http://{address}/readyz"))
}

/// Whether GET `url` is answered with 200 within `patience`; why not, otherwise.
async fn ask(url: &Url, patience: Duration) -> anyhow::Result<()> {
    tokio::time::timeout(patience, get(url))
        .await
        .map_err(|_| anyhow!("no answer in {}", humantime::format_duration(patience)))?
}

async fn get(url: &Url) -> anyhow::Result<()> {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        bail!("there is no host in it");
    };
    let place = format!("{host}:{port}");
    let stream = TcpStream::connect(&place).await.map_err(|error| match error.kind() {
        ErrorKind::ConnectionRefused => anyhow!(
            "nothing listens there (connection refused): coinpipe is not running, or serves elsewhere; it logs where, and \
             [http] listen sets it"
        ),
        _ => error.into(),
    })?;
    let mut stream = BufReader::new(stream);
    let path = &url[Position::BeforePath..Position::AfterQuery];
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {place}\r\n\r\n").as_bytes()).await?;

    let mut stream = stream.take(MOST);
    let mut answer = Vec::new();
    stream.read_until(b'\n', &mut answer).await?;
    if answer.starts_with(b"HTTP/1.") && answer.split(u8::is_ascii_whitespace).nth(1) == Some(b"200") {
        return Ok(());
    }
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let Some((_, status)) =
        head.strip_prefix("HTTP/1.").and_then(|head| head.lines().next()?.split_once(' '))
    else {
        bail!("the answer is not HTTP");
    };
    let said = if body.trim().is_empty() { String::new() } else { format!(": {}", body.trim()) };
    bail!("{}", domain::one_line(&format!("{status}{said}"), 200))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// What is found out about a server that writes `answer` to whatever is asked, or nothing at all.
    async fn found(answer: Option<&'static str>, patience: Duration) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/readyz?now", listener.local_addr().unwrap()).parse().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            assert!(request.starts_with(b"GET /readyz?now HTTP/1.0\r\nHost: 127.0.0.1:"), "{request:?}");
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                None => std::future::pending().await,
            }
        });
        let found = ask(&url, patience).await.map_err(|error| format!("{error:#}"));
        if answer.is_some() {
            server.await.unwrap();
        }
        found
    }

    #[test]
    fn a_process_is_asked_where_it_listens() {
        let check = |listen: &str, url: &str| assert_eq!(ready_at(listen).unwrap(), url, "{listen}");
        check("127.0.0.1:9464", "http://127.0.0.1:9464/readyz");
        check("0.0.0.0:80", "http://127.0.0.1:80/readyz");
        check("[::]:9464", "http://[::1]:9464/readyz");
        check("192.0.2.7:1", "http://192.0.2.7:1/readyz");
        assert!(ready_at("").unwrap_err().0.contains("http.listen"));
    }

    /// A server that sends for ever does not keep the command for ever.
    #[tokio::test]
    async fn an_answer_without_end_has_one() {
        for flood in ["x", "HTTP/1.0 500 Bad\r\n\r\nx", "HTTP/1.0 500 Bad\r\nX: y\r\n"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut sent = 0_u64;
                while stream.write_all(flood.as_bytes()).await.is_ok() {
                    sent += flood.len() as u64;
                }
                sent
            });
            let error = ask(&url, Duration::from_mins(1)).await.unwrap_err().to_string();
            assert!(error.len() < 500, "{error}");
            server.await.unwrap();
        }
    }

    #[tokio::test]
    async fn only_200_is_well_and_the_reason_is_told() {
        let check = async |answer, expected: Result<(), &str>| {
            let expected = expected.map_err(str::to_owned);
            assert_eq!(found(Some(answer), Duration::from_mins(1)).await, expected, "{answer:?}");
        };
        check("HTTP/1.0 200 OK\r\n\r\nok\n", Ok(())).await;
        check("HTTP/1.1 200\r\n\r\n", Ok(())).await;
        let waiting = "HTTP/1.0 503 Service Unavailable\r\na: b\r\n\r\nwaiting: loader\n";
        check(waiting, Err("503 Service Unavailable: waiting: loader")).await;
        check("HTTP/1.0 2000 OK\r\n\r\nno", Err("2000 OK: no")).await;
        check("HTTP/1.0 404 Not Found\r\ncontent-length: 0\r\n\r\n", Err("404 Not Found")).await;
        check("220 mail ESMTP 200\r\n", Err("the answer is not HTTP")).await;
        check("", Err("the answer is not HTTP")).await;
    }

    #[tokio::test]
    async fn who_is_mute_or_not_there_is_not_well() {
        assert_eq!(found(None, Duration::from_millis(20)).await.unwrap_err(), "no answer in 20ms");
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let url = format!("http://{free}/").parse().unwrap();
        let refused = ask(&url, Duration::from_mins(1)).await.unwrap_err();
        let refused = format!("{refused:#}");
        assert!(refused.contains("refused") && refused.contains("coinpipe is not running"), "{refused}");
        assert!(refused.contains("[http] listen") && !refused.contains("os error"), "{refused}");
    }
}
