//! Without handles the server waits, and goes on when there are some. The only test of its process: it changes the
//! process's limit.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(30);

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panicked")).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn limit_handles(most: Option<u64>) {
    let limits = Rlimit { current: most, ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, limits).expect("a limit below the hard one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_handles_it_waits_and_goes_on() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_writer(move || writer.clone()).init();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let routes = Router::new().route("/", get(async || "ok"));
    let limits = web::Limits { connections: 8, head: Duration::from_mins(1), whole: Duration::from_mins(1) };
    let server = tokio::spawn(web::serve(listener, routes, limits, CancellationToken::new()));

    let usual = getrlimit(Resource::Nofile).current;
    let socket = TcpSocket::new_v4().expect("a socket");
    // No number is free below the largest in use, so the next one is over the limit.
    let mut filling = Vec::new();
    let largest = loop {
        let file = std::fs::File::open("/dev/null").expect("a handle");
        let number = std::os::fd::AsRawFd::as_raw_fd(&file);
        filling.push(file);
        if filling.len() > 64 {
            break number;
        }
    };
    limit_handles(u64::try_from(largest + 1).ok());
    assert!(std::fs::File::open("/dev/null").is_err(), "there is a handle left");

    let mut stream = socket.connect(address).await.expect("the system takes the connection");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("the system takes the request");
    let tried = async {
        let mut look = tokio::time::interval(Duration::from_millis(10));
        while !log.text().contains("cannot be taken") {
            look.tick().await;
        }
    };
    timeout(DEADLINE, tried).await.expect("it says that it has no handles");
    assert!(!server.is_finished(), "the server ended");

    limit_handles(usual);
    let mut answer = String::new();
    let answered = timeout(DEADLINE, stream.read_to_string(&mut answer)).await;
    assert!(answered.is_ok() && answer.ends_with("\r\n\r\nok"), "{answered:?}: {answer}");
    assert_eq!(log.text().matches("cannot be taken").count(), 1, "{}", log.text());
}
