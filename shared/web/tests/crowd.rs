//! A crowd that does not ask, does not end its question or does not read the answer is in nobody's way. The only test of its
//! process: it counts the process's handles.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(30);
const CONNECTIONS: usize = 64;
const CROWD: usize = 1000;
/// More than sockets take without a reader.
const BIG: usize = 16 << 20;

fn handles() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux").count()
}

async fn ask(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_of_them_hold_few_handles_and_nobody_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let routes = Router::new().route("/", get(async || "ok")).route("/big", get(async || "x".repeat(BIG)));
    // Nobody runs out of time here: only the number is too large.
    let limits = web::Limits {
        connections: CONNECTIONS,
        head: Duration::from_hours(1),
        whole: Duration::from_hours(1),
    };
    let stop = CancellationToken::new();
    let server = tokio::spawn(web::serve(listener, routes, limits, stop.clone()));
    assert!(ask(address, "/").await.ends_with("\r\n\r\nok"));

    let before = handles();
    let mut crowd = Vec::new();
    for number in 0..CROWD {
        let mut stream = TcpStream::connect(address).await.expect("it takes connections");
        let said: &[u8] = match number % 4 {
            0 => b"",
            1 => b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
            2 => b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
            _ => b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
        };
        // Whoever was sent away already need not be heard.
        let _ = stream.write_all(said).await;
        crowd.push(stream);
        if number % 100 == 0 {
            let asked = timeout(DEADLINE, ask(address, "/")).await.expect("it answers in time");
            assert!(asked.starts_with("HTTP/1.1 200 "), "{asked}");
        }
    }
    let asked = timeout(DEADLINE, ask(address, "/")).await.expect("it answers in time");
    assert!(asked.ends_with("\r\n\r\nok"), "{asked}");
    // The last that is to go may not have gone yet.
    let held = || handles().saturating_sub(before + CROWD);
    let sent_away = async {
        let mut look = tokio::time::interval(Duration::from_millis(10));
        while held() > CONNECTIONS {
            look.tick().await;
        }
    };
    timeout(DEADLINE, sent_away).await.unwrap_or_else(|_| panic!("{} connections are open", held()));

    stop.cancel();
    drop(crowd);
    timeout(DEADLINE, server).await.expect("it stops").expect("it did not panic");
}
