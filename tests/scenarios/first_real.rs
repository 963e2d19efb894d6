//! The first start for real quotes in a folder that holds simulated ones: with an API that is away, that refuses, and with
//! real pages that wait there already.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr};

use crate::market;
use crate::process::{DEADLINE, Folder, end, signal, until_said};
use crate::programs::Simulate;

/// A folder with a simulated snapshot of this hour, and with a recorded response, which is real.
async fn tried() -> Folder {
    let folder = Folder::new();
    folder.run(&["--once"], &[("COINPIPE__FETCH__LIMIT", "50")]).await.expect(0);
    std::fs::write(folder.0.path().join("recorded.json"), market::body(0)).expect("a file");
    folder
}

/// An address at which nobody answers.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("it has an address")
}

/// The API, at last: it answers at `address` with the recorded response until it is dropped.
async fn api_at(folder: &Folder, address: SocketAddr) -> Child {
    let listen = address.to_string();
    let args = ["simulate", "--listen", &listen, "--serve", "recorded.json"];
    let mut child = folder.command("coinpipe", &args, &[]).spawn().expect("it starts");
    until_said(&mut child, "COINPIPE__FETCH__BASE_URL=").await;
    child
}

/// The batches, newest first: their ids, and whether they are simulated and complete.
async fn batches(folder: &Folder) -> Vec<(String, bool, bool)> {
    let listed = folder.run(&["batches", "--json"], &[]).await.expect(0).json();
    let of = |batch: &Value| {
        let is = |name: &str| batch[name].as_bool().expect("true or false");
        (batch["id"].as_str().expect("an id").to_owned(), is("simulated"), is("complete"))
    };
    listed.as_array().expect("a list").iter().map(of).collect()
}

fn moved(folder: &Folder) -> usize {
    let names = std::fs::read_dir(folder.0.path()).expect("the folder");
    let names = names.map(|entry| entry.expect("an entry").file_name().into_string().expect("text"));
    names.filter(|name| name.starts_with("coinpipe.simulated-")).count()
}

/// Reads on until each of `texts` was said, in any order.
async fn until_lines(lines: &mut Lines<BufReader<ChildStderr>>, texts: &[&str]) {
    let mut missing = texts.to_vec();
    let found = async {
        while let Some(line) = lines.next_line().await.expect("stderr can be read") {
            missing.retain(|text| !line.contains(text));
            if missing.is_empty() {
                break;
            }
        }
    };
    tokio::time::timeout(DEADLINE, found).await.expect("it says it in time");
    assert!(missing.is_empty(), "it never said {missing:?}");
}

/// With a key and without one.
#[tokio::test]
async fn an_api_that_is_away_is_waited_for_before_anything_is_announced_or_moved() {
    for (name, value) in
        [("CMC_API_KEY", "a-key-of-sixteen-and-more"), ("COINPIPE__FETCH__SOURCE", "keyless")]
    {
        let folder = tried().await;
        let address = nobody();
        let url = format!("http://{address}");
        let env = [("COINPIPE__FETCH__BASE_URL", url.as_str()), (name, value)];
        let mut child = folder.command("coinpipe", &[], &env).spawn().expect("it starts");
        let said = until_said(&mut child, "waiting for the API at").await;
        assert!(said.contains("holds simulated quotes") && said.contains("cannot connect"), "{said}");
        signal(&child, "TERM").await;
        assert_eq!(end(child).await, Some(0), "{name}");
        assert_eq!(moved(&folder), 0, "{name}");
        // A run without a key goes on as if nothing had been.
        folder.run(&["--once"], &[("COINPIPE__FETCH__LIMIT", "50")]).await.expect(0);

        let once = folder.run(&["--once"], &env).await.expect(1);
        assert!(
            once.stderr.contains("nothing was fetched") && once.stderr.contains("cannot connect"),
            "{}",
            once.stderr
        );

        let mut child = folder.command("coinpipe", &[], &env).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        until_lines(&mut lines, &["waiting for the API at"]).await;
        // Somebody who looks would have the file open.
        let _api = api_at(&folder, address).await;
        until_lines(&mut lines, &["loaded chunk 1 of 1"]).await;
        signal(&child, "TERM").await;
        assert_eq!(end(child).await, Some(0), "{name}");
        assert_eq!(moved(&folder), 1, "{name}");
        let batches = batches(&folder).await;
        assert_eq!(batches.len(), 1, "{name}: {batches:?}");
        assert!(!batches[0].1, "{name}: {batches:?}");
    }
}

/// The key is spoken of, and a simulated snapshot is none for a real source.
#[tokio::test]
async fn a_key_that_is_refused_is_told_and_nothing_is_moved() {
    let folder = tried().await;
    let api = Simulate::start(&folder, &["--key", "right"]).await;
    let env = [("COINPIPE__FETCH__BASE_URL", api.url.as_str()), ("CMC_API_KEY", "wrong")];
    let mut child = folder.command("coinpipe", &[], &env).spawn().expect("it starts");
    let said = until_said(&mut child, "waiting for the API at").await;
    assert!(said.contains("1001") && said.contains("check fetch.api_key (or CMC_API_KEY)"), "{said}");
    signal(&child, "TERM").await;
    assert_eq!(end(child).await, Some(0));
    let once = folder.run(&["--once"], &env).await.expect(1);
    assert!(once.stderr.contains("1001") && once.stderr.contains("nothing was fetched"), "{}", once.stderr);
    assert_eq!(moved(&folder), 0);
}

#[tokio::test]
async fn check_says_what_will_be_moved() {
    let folder = tried().await;
    let api = Simulate::start(&folder, &["--serve", "recorded.json"]).await;
    for (name, value) in [("CMC_API_KEY", "key"), ("COINPIPE__FETCH__SOURCE", "keyless")] {
        let env = [("COINPIPE__FETCH__BASE_URL", api.url.as_str()), (name, value)];
        let check = folder.run(&["check"], &env).await.expect(0).stdout;
        let line = check.lines().find(|line| line.starts_with("ok      data    ")).expect("a line");
        assert!(
            line.ends_with("holds simulated quotes: the next run moves it aside before it fetches"),
            "{line}"
        );
    }
    assert!(!folder.run(&["check"], &[]).await.expect(0).stdout.contains("data    "));
    assert_eq!(moved(&folder), 0);
}

/// As a fetcher of its own leaves it, which does not look at the store.
#[tokio::test]
async fn real_pages_that_wait_beside_simulated_quotes_are_kept_and_not_paid_for_again() {
    let folder = tried().await;
    let api = Simulate::start(&folder, &["--serve", "recorded.json"]).await;
    let env = [("COINPIPE__FETCH__BASE_URL", api.url.as_str()), ("CMC_API_KEY", "key")];
    let mut fetcher = folder.command("fetcher", &[], &env).spawn().expect("it starts");
    until_said(&mut fetcher, "published a batch").await;
    signal(&fetcher, "TERM").await;
    assert_eq!(end(fetcher).await, Some(0));
    // The loader leaves it where it is, and says what to do.
    let mut loader = folder.command("loader", &[], &env).spawn().expect("it starts");
    until_said(&mut loader, "run `coinpipe` with your key once").await;
    assert_eq!(end(loader).await, Some(1));

    let mut child = folder.command("coinpipe", &[], &env).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
    let said = ["kept      real data", "loaded chunk 1 of 1", "this slot has a snapshot already"];
    until_lines(&mut lines, &said).await;
    signal(&child, "TERM").await;
    assert_eq!(end(child).await, Some(0));
    let batches = batches(&folder).await;
    assert_eq!(batches.len(), 1, "{batches:?}");
    assert_eq!(moved(&folder), 1);
    assert_eq!(folder.status().await["tables"]["quotes_latest"], market::COINS);
}
