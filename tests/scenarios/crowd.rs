//! Whoever asks a process how it is, and does not ask to the end, does not keep it from its work.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;

use ports::SystemClock;
use simulator::{Options, Simulator};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::process::{Folder, program};
use crate::workers::Worker;

const CROWD: usize = 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetcher_with_few_handles_fetches_beside_a_thousand_unfinished_requests() {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let simulator =
        Simulator::start(loopback, Options::default(), Arc::new(SystemClock)).await.expect("it starts");
    // Nothing is to be had before the crowd is there.
    simulator.set_faults(["status=503".parse().expect("a fault")]);
    let folder = Folder::new();
    let log = folder.0.path().join("fetcher.log");
    let child = Command::new("sh")
        .args(["-c", "ulimit -n 256; exec \"$0\""])
        .arg(program("fetcher"))
        .current_dir(folder.0.path())
        .env_clear()
        .envs([
            ("COINPIPE__FETCH__BASE_URL", simulator.url().as_str()),
            ("COINPIPE__FETCH__API_KEY", "x"),
            ("COINPIPE__FETCH__LIMIT", "50"),
            ("COINPIPE__HTTP__LISTEN", "127.0.0.1:0"),
            ("COINPIPE__LOG__FORMAT", "json"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).expect("a log"))
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let fetcher = Worker { name: "fetcher", child, path: log };
    fetcher.until_said("serving /livez").await;
    let text = fetcher.log();
    let line = text.lines().find(|line| line.contains("serving /livez")).expect("it was said");
    let line: serde_json::Value = serde_json::from_str(line).expect("lines of JSON");
    let address = line["address"].as_str().expect("an address").to_owned();

    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        let mut stream = TcpStream::connect(&address).await.expect("it takes connections");
        // Whoever was sent away already need not be heard.
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n").await;
        crowd.push(stream);
    }
    simulator.set_faults([]);
    fetcher.until_said("published a batch").await;
    let well = folder.run(&["health"], &[("COINPIPE__HTTP__LISTEN", &address)]).await.expect(0);
    assert_eq!((well.stdout.as_str(), well.stderr.as_str()), ("", ""));
    drop(crowd);
    fetcher.stop().await;
}
