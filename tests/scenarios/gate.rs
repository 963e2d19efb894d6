//! A gate before a broker: each message that a program publishes on one exchange stands there until the test lets it in,
//! and the test hears what the broker says to it.
//!
//! A program that publishes one message after the other, as a fetcher does its pages, has an answer to all before the one
//! at the gate: what the broker has is known, and nothing is on its way.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

/// The gate. Whoever stands there when it is dropped does not get in.
pub(crate) struct Gate {
    port: u16,
    arrivals: mpsc::Receiver<Arrival>,
    accepting: AbortHandle,
}

/// A message at the gate.
pub(crate) struct Arrival {
    enter: oneshot::Sender<()>,
    answer: oneshot::Receiver<Answer>,
}

/// What a broker says to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Every queue that it went to has it.
    Confirmed,
    /// No queue is there for it.
    Returned,
    /// A queue takes no more.
    Refused,
}

impl Gate {
    /// Before the broker at `port`, for messages on `exchange`.
    pub(crate) async fn before(port: u16, exchange: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let own_port = listener.local_addr().expect("an address").port();
        let (arrived, arrivals) = mpsc::channel(1);
        let broker = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, broker, exchange, arrived.clone()));
            }
        });
        Self { port: own_port, arrivals, accepting: accepting.abort_handle() }
    }

    /// The port that programs connect to.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The next message at the gate.
    pub(crate) async fn next(&mut self) -> Arrival {
        self.arrivals.recv().await.expect("it accepts for ever")
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Arrival {
    /// Lets it in; `None`: the connection ended before the broker said anything.
    pub(crate) async fn let_in(self) -> Option<Answer> {
        self.enter.send(()).ok()?;
        self.answer.await.ok()
    }
}

/// Who waits for the answer to the message that was let in last.
type Waiting = Arc<Mutex<Option<oneshot::Sender<Answer>>>>;

/// Carries the frames of one connection, both ways, until either side ends it.
async fn pass(
    client: TcpStream,
    broker: SocketAddr,
    exchange: &'static str,
    arrived: mpsc::Sender<Arrival>,
) -> io::Result<()> {
    let broker = TcpStream::connect(broker).await?;
    for socket in [&client, &broker] {
        socket.set_nodelay(true)?;
    }
    let ((from_client, to_client), (from_broker, to_broker)) = (client.into_split(), broker.into_split());
    let waiting = Waiting::default();
    tokio::select! {
        ended = requests(from_client, to_broker, exchange, &arrived, &waiting) => ended,
        ended = answers(from_broker, to_client, &waiting) => ended,
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    exchange: &str,
    arrived: &mpsc::Sender<Arrival>,
    waiting: &Waiting,
) -> io::Result<()> {
    // "AMQP" and the version, before the first frame.
    let mut greeting = [0; 8];
    from.read_exact(&mut greeting).await?;
    to.write_all(&greeting).await?;
    loop {
        let frame = frame(&mut from).await?;
        if publishes_on(&frame, exchange) {
            let ((enter, entered), (answer, answered)) = (oneshot::channel(), oneshot::channel());
            let arrival = Arrival { enter, answer: answered };
            arrived.send(arrival).await.map_err(io::Error::other)?;
            entered.await.map_err(io::Error::other)?;
            *waiting.lock().expect("nobody panics") = Some(answer);
        }
        to.write_all(&frame).await?;
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, waiting: &Waiting) -> io::Result<()> {
    loop {
        let frame = frame(&mut from).await?;
        to.write_all(&frame).await?;
        let answer = match method(&frame) {
            Some((BASIC, 50)) => Answer::Returned,
            Some((BASIC, 80)) => Answer::Confirmed,
            Some((BASIC, 120)) => Answer::Refused,
            _ => continue,
        };
        if let Some(waiting) = waiting.lock().expect("nobody panics").take() {
            // Nobody may want to know.
            let _ = waiting.send(answer);
        }
    }
}

/// AMQP's class of publishing and delivering.
const BASIC: u16 = 60;
/// Type, channel and size of a frame.
const HEAD: usize = 7;

/// The next frame: its head, as many bytes as that says, and the end mark.
async fn frame(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; HEAD];
    from.read_exact(&mut frame).await?;
    let size = u32::from_be_bytes([frame[3], frame[4], frame[5], frame[6]]) as usize;
    frame.resize(HEAD + size + 1, 0);
    from.read_exact(&mut frame[HEAD..]).await?;
    Ok(frame)
}

/// Class and method of a method frame.
fn method(frame: &[u8]) -> Option<(u16, u16)> {
    match frame {
        [1, _, _, _, _, _, _, class, of, method, which, ..] => {
            Some((u16::from_be_bytes([*class, *of]), u16::from_be_bytes([*method, *which])))
        }
        _ => None,
    }
}

fn publishes_on(frame: &[u8], exchange: &str) -> bool {
    // Behind class and method a field of two bytes that is not used, and the length of the name.
    let name = HEAD + 4 + 2 + 1;
    method(frame) == Some((BASIC, 40))
        && frame.get(name - 1).is_some_and(|&length| usize::from(length) == exchange.len())
        && frame.get(name..).is_some_and(|rest| rest.starts_with(exchange.as_bytes()))
}
