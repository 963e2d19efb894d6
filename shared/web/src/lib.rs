//! Serving HTTP to whoever connects, within bounds: `axum::serve` gives every connection as much time as it likes.
//!
//! # Guarantees
//! - At most [`Limits::connections`] are open at once. When one more comes, the oldest that has not sent its request yet is
//!   closed for it, or else the oldest of all: whoever asks and reads is served at once, however many do neither.
//! - A connection ends after one answer, at the latest after [`Limits::whole`]; one that does not send its request in
//!   time, or sends more than 16 KiB or 64 headers of it, sooner. Bodies of requests are not waited for.
//! - When the process has no handle left for a connection, it waits, and goes on.

use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 16 << 10;
/// The most headers of a request.
const MOST_HEADERS: usize = 64;
/// How long to wait when a connection cannot be taken: another one has to end first, here or elsewhere in the process.
const PAUSE: Duration = Duration::from_millis(200);

/// How much is given to whoever connects.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once, at least 1.
    pub connections: usize,
    /// The longest time until a request has arrived, without its body.
    pub head: Duration,
    /// The longest time for a connection, from its beginning to the last byte of the answer.
    pub whole: Duration,
}

/// Answers with `routes` what comes to `listener`. When asked to stop it takes no more connections, and returns when the
/// last answer has left. Dropping it closes all at once.
pub async fn serve(listener: TcpListener, routes: Router, limits: Limits, stop: CancellationToken) {
    let mut clients = Clients::default();
    let mut is_short_of_handles = false;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
            Some(_) = clients.tasks.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                is_short_of_handles = false;
                clients.make_room(limits.connections).await;
                clients.receive(stream, routes.clone(), limits, stop.clone());
            }
            // The client is gone already.
            Err(error) if is_about_the_client(&error) => {}
            Err(error) => {
                if !is_short_of_handles {
                    warn!(%error, "HTTP connections cannot be taken now; trying again");
                }
                is_short_of_handles = true;
                stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
            }
        }
    }
    drop(listener);
    while clients.tasks.join_next().await.is_some() {}
}

fn is_about_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// The clients that are connected.
#[derive(Default)]
struct Clients {
    tasks: JoinSet<()>,
    /// The oldest first; some may have ended.
    clients: VecDeque<Client>,
}

struct Client {
    task: AbortHandle,
    sent_request: Arc<AtomicBool>,
}

impl Clients {
    /// Waits until fewer than `most` are connected; closes the connections that this takes.
    async fn make_room(&mut self, most: usize) {
        self.clients.retain(|client| !client.task.is_finished());
        if self.clients.len() >= most.max(1) {
            let silent = self.clients.iter().position(|client| !client.sent_request.load(Ordering::Relaxed));
            if let Some(client) = self.clients.remove(silent.unwrap_or(0)) {
                debug!("too many HTTP connections; closing one");
                client.task.abort();
            }
        }
        // Its handle is free when its task has ended.
        while self.tasks.len() >= most.max(1) {
            self.tasks.join_next().await;
        }
    }

    fn receive(&mut self, stream: TcpStream, routes: Router, limits: Limits, stop: CancellationToken) {
        let sent_request = Arc::default();
        let task = self.tasks.spawn(serve_one(stream, routes, limits, Arc::clone(&sent_request), stop));
        self.clients.push_back(Client { task, sent_request });
    }
}

/// One connection, to its end.
async fn serve_one(
    stream: TcpStream,
    routes: Router,
    limits: Limits,
    sent_request: Arc<AtomicBool>,
    stop: CancellationToken,
) {
    let routes = TowerToHyperService::new(routes);
    let asked = Arc::clone(&sent_request);
    let answering = service_fn(move |request| {
        asked.store(true, Ordering::Relaxed);
        routes.call(request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .keep_alive(false)
            .max_buf_size(LARGEST_HEAD)
            .max_headers(MOST_HEADERS)
            // Our own, below, begins with the connection.
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(stream), answering)
    );
    let mut whole = pin!(tokio::time::sleep(limits.whole));
    let mut head = pin!(tokio::time::sleep(limits.head));
    let (mut head_is_over, mut is_stopping) = (false, false);
    loop {
        tokio::select! {
            // An error of one connection ends it, and concerns nobody else.
            _ = connection.as_mut() => return,
            () = &mut whole => return,
            () = &mut head, if !head_is_over => {
                if !sent_request.load(Ordering::Relaxed) {
                    return;
                }
                head_is_over = true;
            }
            () = stop.cancelled(), if !is_stopping => {
                if !sent_request.load(Ordering::Relaxed) {
                    return;
                }
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
