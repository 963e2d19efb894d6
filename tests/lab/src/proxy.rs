//! A TCP proxy that injects faults: what stands between a client and its server when a test says so.
//!
//! One thread accepts, two per connection copy bytes. Faults can change while connections live. Bytes are
//! never reordered or altered; a connection that is not cut delivers what it took in, in order.

mod faults;
mod pump;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use faults::Switchboard;

use crate::{LabError, place, wait};

/// Which of the two directions a fault is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server: requests.
    ToServer,
    /// From the server to the client: answers.
    ToClient,
    /// Both directions.
    Both,
}

/// A proxy on a free port of 127.0.0.1. Dropping it cuts its connections and frees the port.
///
/// ```no_run
/// let broker = "amqp://lab:lab@127.0.0.1:5672/%2f";
/// let proxy = lab::Proxy::before(broker).unwrap();
/// let url = proxy.url_for(broker); // give this to the program under test
/// proxy.cut_after(lab::Way::ToClient, 0); // the next answer is never seen: the connection is reset
/// lab::wait_until("it was cut", || proxy.cuts() == 1);
/// proxy.refuse(); // and nobody gets in ...
/// proxy.heal(); // ... until now
/// ```
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    board: Arc<Switchboard>,
}

impl Proxy {
    /// Listens in front of `upstream` (`host:port`); nothing is connected before a client comes.
    pub fn start(upstream: impl ToSocketAddrs) -> Result<Self, LabError> {
        let upstream: Vec<SocketAddr> =
            upstream.to_socket_addrs().map_err(LabError::io("resolve the proxied address"))?.collect();
        let [port] = place::free_ports()?;
        let listener = listen(port).map_err(LabError::io(format_args!("listen on port {port}")))?;
        let board = Arc::new(Switchboard::new());
        let accepting = Arc::clone(&board);
        std::thread::Builder::new()
            .name(format!("lab-proxy-{port}"))
            .spawn(move || accept(port, listener, &upstream, &accepting))
            .map_err(LabError::io("start a thread"))?;
        Ok(Self { port, board })
    }

    /// Listens in front of the host and port of `url`.
    pub fn before(url: &str) -> Result<Self, LabError> {
        let (_, address, _) = split(url).ok_or_else(|| LabError::new(format!("{url} has no host")))?;
        let default = match url.split(':').next() {
            Some("amqp") => 5672,
            Some("amqps") => 5671,
            Some("mysql") => 3306,
            Some("https") => 443,
            _ => 80,
        };
        let has_port = address.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        if has_port { Self::start(address) } else { Self::start(format!("{address}:{default}")) }
    }

    /// The port that clients connect to; it stays the same for the proxy's whole life.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `url` with its host and port replaced by the proxy's. Panics when `url` has no host.
    pub fn url_for(&self, url: &str) -> String {
        let (before, _, after) = split(url).unwrap_or_else(|| panic!("{url} has no host"));
        format!("{before}127.0.0.1:{}{after}", self.port)
    }

    /// Resets every live connection, in both directions; returns when they are gone. New ones are welcome.
    pub fn cut(&self) {
        self.board.cut();
        self.settled("the cut connections are closed", || self.board.cut_ones_are_gone());
    }

    /// Refuses new connections as a closed port does, until [`Proxy::heal`]. Live ones go on.
    pub fn refuse(&self) {
        self.board.change(|faults| faults.refuse = true);
        self.settled("the port is closed", || !self.board.is_listening());
    }

    /// The server is unreachable: [`Proxy::refuse`], then [`Proxy::cut`].
    pub fn down(&self) {
        self.refuse();
        self.cut();
    }

    /// Nothing moves any more, and nobody is told: a half-open connection. Bytes on their way wait
    /// for [`Proxy::heal`]; new connections are accepted and stalled too.
    pub fn stall(&self, way: Way) {
        self.board.change_way(way, |faults| faults.stall = true);
    }

    /// Reads what comes this way and throws it away. With [`Way::ToClient`], requests arrive and answers are lost.
    pub fn discard(&self, way: Way) {
        self.board.change_way(way, |faults| faults.discard = true);
    }

    /// Delays every piece (up to 16 KiB) by `latency`, one after the other.
    pub fn delay(&self, way: Way, latency: Duration) {
        self.board.change_way(way, |faults| faults.latency = latency);
    }

    /// Passes on at most `bytes` at a time, each piece in a packet of its own.
    pub fn slice(&self, way: Way, bytes: usize) {
        assert!(bytes > 0, "slices of nothing");
        self.board.change_way(way, |faults| faults.slice = Some(bytes));
    }

    /// Lets `bytes` more bytes pass this way, over all connections, then resets them all, once: connections
    /// that are made afterwards work. With 0, the next byte that comes is not passed on.
    pub fn cut_after(&self, way: Way, bytes: usize) {
        self.board.change_way(way, |faults| faults.cut_after = Some(bytes));
    }

    /// Ends all faults: what was stalled flows on, the port is open again. What was cut or discarded is gone.
    pub fn heal(&self) {
        self.board.heal();
        self.settled("the port is open", || self.board.is_listening());
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.board.count(|counts| counts.accepted)
    }

    /// How many connections live now.
    pub fn live(&self) -> usize {
        self.board.live()
    }

    /// How many times [`Proxy::cut_after`] struck.
    pub fn cuts(&self) -> usize {
        self.board.count(|counts| counts.struck)
    }

    /// How many bytes were passed on this way (both added up for [`Way::Both`]).
    pub fn bytes(&self, way: Way) -> u64 {
        self.board.count(|counts| match way {
            Way::ToServer => counts.to_server,
            Way::ToClient => counts.to_client,
            Way::Both => counts.to_server + counts.to_client,
        })
    }

    fn settled(&self, what: &str, level: impl Fn() -> bool) {
        let seen = wait::poll(wait::DEADLINE, || level().then_some(()));
        assert!(seen.is_some(), "not in time: {what}: {:?}", self.board);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.board.end();
        self.board.cut();
        // The accepting thread may wait for a client.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        wait::poll(wait::DEADLINE, || (!self.board.is_listening()).then_some(()));
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    // Accepting never blocks, so that a change of mind is seen at once.
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn accept(port: u16, listener: TcpListener, upstream: &[SocketAddr], board: &Arc<Switchboard>) {
    let mut listener = Some(listener);
    board.listening(true);
    while !board.is_ended() {
        if board.refuses() {
            if listener.take().is_some() {
                board.listening(false);
            }
        } else if listener.is_none() {
            // Taken by somebody else meanwhile: `heal` says so when it gives up.
            listener = listen(port).ok();
            board.listening(listener.is_some());
        }
        match listener.as_ref().map(TcpListener::accept) {
            Some(Ok((client, _))) => pump::connect(client, upstream, board),
            _ => board.doze(),
        }
    }
    drop(listener);
    board.listening(false);
}

/// `url` as what comes before the host, `host:port`, and what comes after.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let start = url.find("://")? + 3;
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let host = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
    (host < end).then(|| (&url[..host], &url[host..end], &url[end..]))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn urls_are_split_at_their_host() {
        for (url, parts) in [
            ("amqp://u:p%40@h:5672/%2f?heartbeat=5", Some(("amqp://u:p%40@", "h:5672", "/%2f?heartbeat=5"))),
            ("mysql://h/db", Some(("mysql://", "h", "/db"))),
            ("http://[::1]:80", Some(("http://", "[::1]:80", ""))),
            ("http://h?a@b", Some(("http://", "h", "?a@b"))),
            ("http:///x", None),
            ("nothing", None),
        ] {
            assert_eq!(split(url), parts, "{url}");
        }
    }
}
