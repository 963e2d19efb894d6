//! What the whole pipeline shows at `/metrics` is what the list of names promises.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::metric_names::ALL;
use crate::process::{Folder, end, signal, until_said};

/// There only while a queue holds a message.
const SOMETIMES: &str = "coinpipe_queue_oldest_timestamp_seconds";

#[tokio::test]
async fn the_pipeline_shows_exactly_the_metrics_that_are_listed() {
    let folder = Folder::new();
    let settings = [("COINPIPE__HTTP__LISTEN", "127.0.0.1:0"), ("COINPIPE__LOG__FORMAT", "json")];
    let mut child = folder.command("coinpipe", &["run"], &settings).spawn().expect("it starts");
    let line = until_said(&mut child, "serving /livez").await;
    let line: serde_json::Value = serde_json::from_str(&line).expect("lines of JSON");
    let address = line["address"].as_str().expect("an address");
    let listed: BTreeSet<_> = ALL.iter().map(|name| (*name).to_owned()).collect();
    let mut shown = BTreeSet::new();
    let all = async {
        // Depths and the state of the connections come with the first look at them.
        while listed.iter().any(|name| name != SOMETIMES && !shown.contains(name)) {
            shown = names(&metrics(address).await);
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), all).await.is_ok();
    let missing: Vec<_> = listed.iter().filter(|name| *name != SOMETIMES && !shown.contains(*name)).collect();
    assert!(in_time, "not shown: {missing:?}");
    let unlisted: Vec<_> = shown.difference(&listed).collect();
    assert!(unlisted.is_empty(), "not listed in metric_names: {unlisted:?}");
    signal(&child, "TERM").await;
    assert_eq!(end(child).await, Some(0));
}

async fn metrics(address: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("it answers");
    text
}

/// The names of the series in `text`; a histogram's parts count as one.
fn names(text: &str) -> BTreeSet<String> {
    let series = text.lines().filter(|line| line.starts_with("coinpipe_"));
    let name = |line: &str| {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|part| name.strip_suffix(part))
            .unwrap_or(name)
            .to_owned()
    };
    series.map(name).collect()
}
