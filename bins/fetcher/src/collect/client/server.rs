//! An API that answers what a script says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use config::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::ApiSource;

pub(crate) const KEY: &str = "b54bcf4d-1bca-4e8e-9a24-22ff2c3d462c";

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Writes these bytes and closes.
    Raw(Vec<u8>),
    /// Holds the connection and says nothing.
    Mute,
    /// Writes the first bytes, and then the second ones for as long as the client reads, as the [`Pace`] says.
    Endless(Vec<u8>, Vec<u8>, Pace),
}

/// How an endless answer goes on. It stops tokio's clock and lets the time pass itself: however busy the machine is, the
/// client first sees the bytes and then runs out of patience. So it needs a runtime of one thread that nobody else uses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// With a pause before each of the second bytes.
    Drip(Duration),
    /// As fast as it can until there are as many bytes as this. After that nothing comes for an hour.
    Flood(usize),
}

/// An HTTP answer with `body`, and `headers` as `name: value` lines.
pub(crate) fn reply(status: u16, headers: &[&str], body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let mut raw =
        format!("HTTP/1.1 {status} Scripted\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for header in headers {
        raw.push_str(header);
        raw.push_str("\r\n");
    }
    raw.push_str("\r\n");
    Reply::Raw([raw.as_bytes(), body].concat())
}

/// A page of `rows` coins out of `total`. They have no ids, so that pages are not taken for each other, and no time, so that they
/// are in order at any.
pub(crate) fn page_body(rows: u32, total: u32) -> String {
    let coins: Vec<_> = (1..=rows).map(|id| format!(r#"{{"name":"{id}"}}"#)).collect();
    format!(
        r#"{{"status":{{"error_code":"0","credit_count":{},"total_count":{total}}},"data":[{}]}}"#,
        rows.div_ceil(200).max(1),
        coins.join(",")
    )
}

pub(crate) fn page(rows: u32, total: u32) -> Reply {
    reply(200, &["content-type: application/json"], page_body(rows, total))
}

/// An error as the API words it.
pub(crate) fn api_error(status: u16, code: u32) -> Reply {
    let body = format!(r#"{{"status":{{"error_code":{code},"error_message":"because","credit_count":0}}}}"#);
    reply(status, &[], body)
}

/// A server that answers each request with the next reply of its script, and 599 once it has ended.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
    task: AbortHandle,
}

impl Server {
    pub(crate) async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let mut script: std::collections::VecDeque<Reply> = script.into_iter().collect();
        let seen = Arc::clone(&requests);
        let serve = async move {
            let mut open = Vec::new();
            let mut streams = tokio::task::JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(head) = read_head(&mut stream).await else { continue };
                seen.lock().unwrap().push(head);
                match script.pop_front().unwrap_or_else(|| reply(599, &[], "the script has ended")) {
                    Reply::Raw(bytes) => {
                        // A client that has seen enough closes first.
                        let _ = stream.write_all(&bytes).await;
                        let _ = stream.shutdown().await;
                    }
                    Reply::Mute => open.push(stream),
                    Reply::Endless(first, again, pace) => {
                        streams.spawn(write_for_ever(stream, first, again, pace));
                    }
                }
            }
        };
        let task = tokio::spawn(serve).abort_handle();
        Self { url, requests, task }
    }

    /// The heads of the requests so far, in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The `start` and `limit` of the listings requests so far.
    pub(crate) fn ranges(&self) -> Vec<String> {
        let lines = self.requests();
        let queries =
            lines.iter().filter_map(|head| head.split_once("/listings/latest?")?.1.split_once("&convert"));
        queries.map(|(range, _)| range.to_owned()).collect()
    }

    pub(crate) fn source(&self) -> ApiSource {
        ApiSource { base_url: self.url.parse().unwrap(), api_key: Secret::new(KEY), keyless: false }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Until the client has seen enough.
async fn write_for_ever(mut stream: TcpStream, first: Vec<u8>, again: Vec<u8>, pace: Pace) {
    let mut written = stream.write_all(&first).await;
    match pace {
        Pace::Drip(pause) => {
            tokio::time::pause();
            let mut pulse = tokio::time::interval(pause);
            while written.is_ok() {
                // When all wait for something, the time is that of the next pulse.
                pulse.tick().await;
                written = stream.write_all(&again).await;
            }
        }
        Pace::Flood(most) => {
            for _ in 0..most / again.len() {
                if written.is_err() {
                    return;
                }
                written = stream.write_all(&again).await;
            }
            tokio::time::pause();
            tokio::time::advance(Duration::from_hours(1)).await;
            // Held open until the client gives up.
            std::future::pending::<()>().await;
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&head).to_lowercase())
}
