//! An HTTP client that hides nothing: one request over one connection, and what came back.

use std::io::Read as _;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A hung answer fails its test after so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// As it came over the wire, only without chunk sizes.
    pub(crate) raw: Vec<u8>,
    /// Whether the whole body arrived.
    pub(crate) complete: bool,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The body, decompressed.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if self.header("content-encoding") == Some("gzip") {
            flate2::read::GzDecoder::new(&self.raw[..]).read_to_string(&mut text).expect("valid gzip");
        } else {
            text = String::from_utf8(self.raw.clone()).expect("UTF-8");
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    pub(crate) fn rows(&self) -> Vec<Value> {
        self.json()["data"].as_array().unwrap_or_else(|| panic!("no rows in {}", self.text())).clone()
    }

    pub(crate) fn error_code(&self) -> Value {
        self.json()["status"]["error_code"].clone()
    }
}

/// GET with a key and these headers, as `name: value` lines.
pub(crate) async fn get_with(url: &str, path: &str, headers: &[&str]) -> Reply {
    tokio::time::timeout(PATIENCE, exchange(url, path, headers)).await.expect("an answer in time")
}

/// GET with a key.
pub(crate) async fn get(url: &str, path: &str) -> Reply {
    get_with(url, path, &["X-CMC_PRO_API_KEY: some-key"]).await
}

async fn exchange(url: &str, path: &str, headers: &[&str]) -> Reply {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let host_line = format!("Host: {host}");
    let lines = [&[&*host_line, "Connection: close"], headers].concat().join("\r\n");
    let request = format!("GET {path} HTTP/1.1\r\n{lines}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // A connection that is reset ends the answer as one that is closed does.
    let _ = stream.read_to_end(&mut bytes).await;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a response head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut reply = Reply { status, head, raw: bytes[end + 4..].to_vec(), complete: true };
    if reply.header("transfer-encoding") == Some("chunked") {
        (reply.raw, reply.complete) = dechunk(&reply.raw);
    } else if let Some(length) = reply.header("content-length") {
        reply.complete = reply.raw.len() == length.parse::<usize>().unwrap();
    }
    reply
}

fn dechunk(mut chunked: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = chunked.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&chunked[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        let rest = &chunked[line + 2..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        chunked = rest.get(size + 2..).unwrap_or_default();
    }
    (body, false)
}
