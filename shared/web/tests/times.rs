//! Who takes too long is cut, and so is who sends too much.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_hours(1);
const BIG: usize = 32 << 20;

async fn start(head: Duration, whole: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let routes = Router::new().route("/", get(async || "ok")).route("/big", get(async || "x".repeat(BIG)));
    let limits = web::Limits { connections: 8, head, whole };
    tokio::spawn(web::serve(listener, routes, limits, CancellationToken::new()));
    address
}

/// Everything that comes until the connection ends; and it ends.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    // A reset is an end, too.
    let _ = timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("the connection ends");
    answer
}

#[tokio::test]
async fn a_request_that_never_ends_is_not_waited_for() {
    let address = start(SHORT, LONG).await;
    let mut silent = TcpStream::connect(address).await.expect("it listens");
    assert_eq!(rest(&mut silent).await, b"");
    let mut slow = TcpStream::connect(address).await.expect("it listens");
    slow.write_all(b"GET / HTTP/1.1\r\nX: ").await.expect("it reads");
    let (mut reading, mut writing) = slow.into_split();
    let trickle = async {
        let mut tick = tokio::time::interval(SHORT / 10);
        // Each byte would begin the time anew if only silence counted.
        while writing.write_all(b"x").await.is_ok() {
            tick.tick().await;
        }
    };
    let mut answer = Vec::new();
    let ended = async {
        let _ = reading.read_to_end(&mut answer).await;
    };
    let ended = async {
        tokio::select! { () = ended => {}, () = trickle => {} }
    };
    timeout(DEADLINE, ended).await.expect("the connection ends");
}

#[tokio::test]
async fn who_does_not_read_the_answer_is_cut() {
    let address = start(LONG, SHORT).await;
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("it reads");
    // Nothing is read until the server has lost its patience: then it takes nothing more either.
    let refused = async {
        let mut tick = tokio::time::interval(SHORT / 10);
        while stream.write_all(b"x").await.is_ok() {
            tick.tick().await;
        }
    };
    timeout(DEADLINE, refused).await.expect("the connection ends");
    assert!(rest(&mut stream).await.len() < BIG);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_and_one_answer_is_all() {
    let address = start(LONG, LONG).await;
    for head in [
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(20 << 10)),
        format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(20 << 10)),
        format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(100)),
    ] {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let _ = stream.write_all(head.as_bytes()).await;
        let answer = String::from_utf8_lossy(&rest(&mut stream).await).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2)).await.expect("it reads");
    let answer = String::from_utf8(rest(&mut stream).await).expect("text");
    assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 1, "{answer}");
}
