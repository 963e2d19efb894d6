//! The socket under a session. It is ours, so that we can cut it, and check what the broker sends (`frames`).
//!
//! lapin cannot end a connection that its broker blocked, or whose handshake hangs: its thread and its buffers would
//! stay for as long as the peer does. A socket that is cut fails every read and write.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::Stream;
use futures_util::task::AtomicWaker;
use lapin::AsyncTcpStream;

use crate::frames::CheckedReader;
use crate::version::Version;

/// What lapin runs on: tokio, with our sockets.
type Parts = RuntimeParts<Tokio, Sockets>;

/// The runtime to give to lapin. To be called on a tokio runtime.
pub(super) fn runtime() -> Runtime<Parts> {
    Runtime::new(RuntimeParts::new(Tokio::current(), Sockets(Tokio::current())))
}

/// What the session sees of its socket, which lapin owns.
#[derive(Debug)]
pub(super) struct SocketHandle {
    is_cut: AtomicBool,
    reader: AtomicWaker,
    version: OnceLock<Version>,
    frame_max: AtomicUsize,
}

impl SocketHandle {
    /// For a connection that asks for frames of at most `frame_max` bytes.
    pub(super) fn new(frame_max: u32) -> Self {
        let frame_max = AtomicUsize::new(frame_max as usize);
        let (is_cut, reader, version) = (AtomicBool::default(), AtomicWaker::default(), OnceLock::new());
        Self { is_cut, reader, version, frame_max }
    }

    /// Ends the connection at once.
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        self.reader.wake();
    }

    /// The version of the broker, once it greeted.
    pub(super) fn version(&self) -> Option<Version> {
        self.version.get().copied()
    }

    /// Sets how many bytes a frame may have, once the broker agreed to that number or a smaller one.
    pub(super) fn set_frame_max(&self, frame_max: u32) {
        self.frame_max.store(frame_max as usize, Ordering::SeqCst);
    }

    /// Whether we cut it.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst)
    }

    fn check(&self) -> io::Result<()> {
        if self.is_cut() {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was given up"));
        }
        Ok(())
    }
}

/// A TCP or TLS stream that its [`SocketHandle`] can cut.
pub(super) struct Socket {
    stream: AsyncTcpStream<<Tokio as Reactor>::TcpStream>,
    handle: Arc<SocketHandle>,
    checked: CheckedReader,
}

impl Socket {
    pub(super) fn new(
        stream: AsyncTcpStream<<Tokio as Reactor>::TcpStream>,
        handle: Arc<SocketHandle>,
    ) -> Self {
        Self { stream, handle, checked: CheckedReader::new() }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, handle, checked } = self.get_mut();
        handle.reader.register(context.waker());
        handle.check()?;
        let read = checked.poll_read(stream, context, buffer, handle.frame_max.load(Ordering::SeqCst));
        if let Some(version) = checked.version() {
            handle.version.get_or_init(|| version);
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.handle.check()?;
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.handle.check()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.handle.check()?;
        Pin::new(&mut self.stream).poll_close(context)
    }
}

/// tokio's reactor, without sockets: lapin gets those from our connector.
#[derive(Clone, Debug)]
pub(super) struct Sockets(Tokio);

impl Reactor for Sockets {
    type TcpStream = Socket;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: io::Read + io::Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Socket, _>(io::Error::from(io::ErrorKind::Unsupported))
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    fn tcp_connect_addr(
        &self,
        _: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        std::future::ready(Err(io::Error::from(io::ErrorKind::Unsupported)))
    }
}
