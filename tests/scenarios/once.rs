//! `coinpipe --once` beside other workers, and stopped before its end.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ports::SystemClock;
use simulator::{Options, Simulator};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use crate::place::{HEARTBEAT, Place, Servers};
use crate::process::{DEADLINE, Folder, end, signal, until_said};
use crate::workers::Worker;

async fn api() -> Simulator {
    let options = Options { coins: 400, ..Options::default() };
    Simulator::start((Ipv4Addr::LOCALHOST, 0).into(), options, Arc::new(SystemClock)).await.expect("an API")
}

/// One snapshot of four pages.
fn once(place: &Place, api: &Simulator) -> Worker {
    let url = api.url();
    let env = [
        ("COINPIPE__FETCH__BASE_URL", url.as_str()),
        ("COINPIPE__FETCH__API_KEY", "key"),
        ("COINPIPE__FETCH__LIMIT", "400"),
        ("COINPIPE__FETCH__PAGE_SIZE", "100"),
    ];
    Worker::operate_with(place, &["--once"], &env)
}

mod private_servers {
    use super::*;

    /// A transformer that is frozen holds pages, which nobody can see until its connection counts as dead: longer than
    /// queues have to look empty.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_frozen_worker_that_holds_pages_is_waited_for() {
        let Some(servers) = Servers::start().await else { return };
        let place = Place::on(&servers, 1000).await;
        let api = api().await;
        let patient = place.queue_url.replace(&format!("heartbeat={HEARTBEAT}"), "heartbeat=6");
        let frozen = Worker::start(&place, "transformer", &[("COINPIPE__QUEUE__URL", &patient)]);
        // They share the pages until this one had some.
        let mut snapshots = 0;
        while frozen.said("cleaned page") == 0 {
            let mut first = once(&place, &api);
            assert_eq!(first.ended().await, Some(0), "{}", first.log());
            snapshots += 1;
            assert!(snapshots < 20, "it never had a page: {}", frozen.log());
        }
        signal(&frozen.child, "STOP").await;
        let mut second = once(&place, &api);
        let ended = second.ended_within(2 * DEADLINE).await;
        assert_eq!(ended, Some(0), "{}", second.log());
        assert!(second.said("waiting for another worker") > 0, "it held nothing: {}", second.log());
        place.until_complete(snapshots + 1).await;
        signal(&frozen.child, "CONT").await;
        frozen.stop().await;
        api.stop().await;
    }
}

#[tokio::test]
async fn stopped_while_it_loads_it_exits_1_and_says_what_is_missing() {
    let folder = Folder::new();
    let env = [
        ("COINPIPE_FAILPOINT", "loader.received:hang"),
        ("COINPIPE__SHUTDOWN__DRAIN", "2s"),
        ("COINPIPE__FETCH__LIMIT", "50"),
        ("COINPIPE__QUEUE__LEASE", "1s"),
    ];
    for stop in ["TERM", "INT"] {
        let mut child = folder.command("coinpipe", &["--once"], &env).spawn().expect("it starts");
        let (sender, said) = tokio::sync::oneshot::channel();
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let reading = tokio::spawn(async move {
            use tokio::io::AsyncBufReadExt;
            let (mut text, mut sender) = (String::new(), Some(sender));
            while stderr.read_line(&mut text).await.is_ok_and(|read| read > 0) {
                if text.contains("cleaning and loading")
                    && let Some(sender) = sender.take()
                {
                    let _ = sender.send(());
                }
            }
            text
        });
        tokio::time::timeout(DEADLINE, said).await.expect("it loads").expect("it was said");
        signal(&child, stop).await;
        assert_eq!(end(child).await, Some(1));
        let text = reading.await.expect("it was read");
        assert!(text.contains("missing page 1 of batch"), "{text}");
    }
    // Nothing is lost.
    folder.run(&["--once"], &env[2..]).await.expect(0);
    let batches = folder.run(&["batches", "--json"], &[]).await.expect(0).json();
    assert!(batches.as_array().is_some_and(|batches| batches.len() == 3), "{batches:#}");
    assert!(batches.as_array().expect("a list").iter().all(|batch| batch["complete"] == true), "{batches:#}");
}

#[tokio::test]
async fn stopped_while_it_fetches_it_exits_1() {
    let folder = Folder::new();
    let api = api().await;
    api.set_faults(["status=503".parse().expect("a fault")]);
    let url = api.url();
    let env = [("COINPIPE__FETCH__BASE_URL", url.as_str()), ("COINPIPE__FETCH__API_KEY", "key")];
    let mut child = folder.command("coinpipe", &["--once"], &env).spawn().expect("it starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
    let mut said = String::new();
    while !said.contains("waiting until") {
        let read = tokio::time::timeout(DEADLINE, stderr.read_line(&mut said)).await;
        assert!(read.expect("it says so").expect("it can be read") > 0, "{said}");
    }
    signal(&child, "TERM").await;
    stderr.read_to_string(&mut said).await.expect("the rest");
    assert_eq!(end(child).await, Some(1));
    // No page arrived, so none is kept.
    assert!(said.contains("stopped before the snapshot was fetched"), "{said}");
    assert!(!said.contains("are kept"), "{said}");
    api.stop().await;
}

/// Named by the second, they would be one batch.
#[tokio::test]
async fn two_in_a_row_are_two_batches() {
    let folder = Folder::new();
    let env = [("COINPIPE__FETCH__LIMIT", "1")];
    let started = tokio::time::Instant::now();
    for _ in 0..3 {
        folder.run(&["--once"], &env).await.expect(0);
    }
    let batches = folder.run(&["batches", "--json"], &[]).await.expect(0).json();
    assert_eq!(batches.as_array().map(Vec::len), Some(3), "{batches:#}");
    assert!(started.elapsed() > Duration::from_secs(2), "each is named by a second of its own");
}

/// The real program dies at each point between claim and settlement, and comes back within the slot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetcher_killed_at_any_point_completes_its_slot_when_it_is_back() {
    for point in ["intended", "claimed", "asking", "answered", "kept", "sealed", "published", "settled"] {
        let folder = Folder::new();
        let failpoint = format!("fetcher.{point}:abort");
        // A short lease: the lead of the dead is soon given to the next. A long slot: none begins meanwhile.
        let env = [
            ("COINPIPE__QUEUE__LEASE", "1s"),
            ("COINPIPE__FETCH__LIMIT", "300"),
            ("COINPIPE__FETCH__PAGE_SIZE", "200"),
            ("COINPIPE__FETCH__EVERY", "365d"),
            ("COINPIPE_FAILPOINT", &failpoint),
        ];
        let died = folder.run(&["run"], &env).await;
        assert_eq!(died.code, None, "{failpoint}: it should have died by SIGABRT:\n{}", died.stderr);
        let mut child = folder.command("coinpipe", &["run"], &env[..4]).spawn().expect("it starts");
        until_said(&mut child, "asking for the lead").await;
        let complete = async {
            let mut look = tokio::time::interval(Duration::from_millis(200));
            loop {
                look.tick().await;
                let batches = folder.run(&["batches", "--json"], &[]).await;
                // Until the tables are made there is nothing to see.
                if batches.code != Some(0) {
                    continue;
                }
                let batches = batches.json();
                if batches[0]["complete"] == true && batches[0]["pages"] == 2 {
                    assert_eq!(batches.as_array().map(Vec::len), Some(1), "{failpoint}: {batches:#}");
                    return;
                }
            }
        };
        tokio::time::timeout(DEADLINE, complete)
            .await
            .unwrap_or_else(|_| panic!("{failpoint}: not complete"));
        signal(&child, "TERM").await;
        assert_eq!(end(child).await, Some(0), "{failpoint}");
        let status = folder.status().await;
        assert_eq!(status["dead_letter_groups"], serde_json::json!([]), "{failpoint}");
    }
}

/// Who wants a snapshot now, as the site says how where no fetcher runs, may have one that runs here.
#[tokio::test]
async fn where_snapshots_are_taken_already_it_says_by_whom_and_when_the_next_is_due() {
    let folder = Folder::new();
    let env = [("COINPIPE__FETCH__LIMIT", "50")];
    let mut running = folder.command("coinpipe", &["run"], &env).spawn().expect("it starts");
    until_said(&mut running, "loaded chunk").await;
    let refused = folder.run(&["--once"], &env).await.expect(1).stderr;
    let named = format!("process {} (", running.id().expect("it runs"));
    for part in [&named, "takes the snapshots here", "coinpipe status", "stop it first"] {
        assert!(refused.contains(part), "{part:?} is not in {refused}");
    }
    signal(&running, "TERM").await;
    assert_eq!(end(running).await, Some(0));
}
