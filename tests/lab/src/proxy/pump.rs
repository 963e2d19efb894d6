//! The threads that copy bytes between the two sockets of a connection.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use super::Way;
use super::faults::{Pair, Switchboard, Verdict};

/// The largest piece.
const PIECE: usize = 16 * 1024;

/// How long a write may wait for a peer that does not read, before it looks whether it was cut.
const WRITE_LOOK: Duration = Duration::from_millis(20);

/// Connects `client` to the server and copies from now on; when that fails the client is reset.
pub(super) fn connect(client: TcpStream, upstream: &[SocketAddr], board: &Arc<Switchboard>) {
    board.accepted();
    let Ok(server) = TcpStream::connect(upstream) else {
        let _ = set_socket_linger(&client, Some(Duration::ZERO));
        return;
    };
    for socket in [&client, &server] {
        let _ = socket.set_nonblocking(false);
        let _ = socket.set_nodelay(true);
        let _ = socket.set_write_timeout(Some(WRITE_LOOK));
    }
    let pair = Pair::new(client, server);
    if !board.keep(&pair) {
        return;
    }
    let board = Arc::clone(board);
    std::thread::spawn(move || {
        std::thread::scope(|both| {
            both.spawn(|| copy(&pair, Way::ToServer, &board));
            copy(&pair, Way::ToClient, &board);
        });
        // The sockets close here: the scope's threads are done, the board's is the other reference.
        board.forget_and_close(pair);
    });
}

/// Copies one way until its reader is told the end, or the connection is cut.
fn copy(pair: &Pair, way: Way, board: &Switchboard) {
    let (mut from, mut to) =
        if way == Way::ToServer { (&pair.client, &pair.server) } else { (&pair.server, &pair.client) };
    let mut buffer = vec![0; PIECE];
    loop {
        board.hold(pair, way, false);
        let size = match from.read(&mut buffer) {
            Ok(size) if size > 0 && !pair.is_cut() => size,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            ended => {
                // The end of what was sent is passed on as it came, unless a fault holds it back.
                if ended.is_err() {
                    pair.reset();
                } else {
                    board.hold(pair, way, true);
                    if !pair.is_cut() {
                        let _ = to.shutdown(Shutdown::Write);
                    }
                }
                return;
            }
        };
        // Stalled while reading: what was read waits. Otherwise it is late, as a whole.
        board.hold(pair, way, true);
        let mut rest = &buffer[..size];
        while !rest.is_empty() {
            board.hold(pair, way, false);
            if pair.is_cut() {
                return;
            }
            match board.judge(way, rest.len()) {
                Verdict::Cut => return,
                Verdict::Discard => break,
                Verdict::Pass(pass) => {
                    if !write(pair, &mut to, &rest[..pass]) {
                        return;
                    }
                    rest = &rest[pass..];
                }
            }
        }
    }
}

/// Writes all of `piece`; false when the connection is over.
fn write(pair: &Pair, to: &mut &TcpStream, mut piece: &[u8]) -> bool {
    while !piece.is_empty() {
        if pair.is_cut() {
            return false;
        }
        match to.write(piece) {
            Ok(written) if written > 0 => piece = &piece[written..],
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            _ => {
                pair.reset();
                return false;
            }
        }
    }
    true
}
