//! One connection to the broker, from login to its end. It does not recover: any error, timeout or end of a stream
//! ends it, with every channel on it.

use std::sync::Arc;
use std::time::Duration;

use lapin::tcp::{AMQPUriTcpExt, OwnedTLSConfig};
use lapin::{Channel, Connection, ConnectionProperties};
use ports::QueueError;
use tokio::time::timeout;

use crate::Options;
use crate::error::{is_channel_error, is_missing, is_not_found, queue_error, within};
use crate::version::Version;

mod certificates;
mod socket;

use self::socket::{Socket, SocketHandle, runtime};

/// How long the broker has to confirm that a connection ends: less than a process waits for all of its own.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection that is alive, or was.
pub(crate) struct Session {
    connection: Connection,
    socket: Arc<SocketHandle>,
    version: Version,
    options: Arc<Options>,
}

impl Session {
    /// Connects and logs in.
    pub(crate) async fn open(options: &Arc<Options>, purpose: &str) -> Result<Self, QueueError> {
        let what = format!("cannot connect to {}", options.place());
        let socket = Arc::new(SocketHandle::new(options.frame_max()));
        // When this function returns early, lapin's thread must end too.
        let guard = CutOnDrop(Some(Arc::clone(&socket)));
        let certificates = match &options.ca_file {
            Some(file) if options.is_encrypted() => Some(certificates::read(file).await?),
            _ => None,
        };
        let name = format!("{} ({purpose})", options.connection_name);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connector = {
            let (socket, limit) = (Arc::clone(&socket), options.connect_timeout);
            async move |uri: lapin::uri::AMQPUri, _| {
                let tls = OwnedTLSConfig { identity: None, cert_chain: certificates.clone() };
                let tokio = async_rs::Runtime::tokio_current();
                let opening = uri.connect_with_config_async(tls.as_ref(), &tokio);
                let stream = timeout(limit, opening).await;
                let stream = stream.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))?;
                Ok(lapin::AsyncTcpStream::Plain(Socket::new(stream, Arc::clone(&socket))))
            }
        };
        let opening = Connection::connector(options.uri.clone(), runtime(), connector, properties);
        let connection = within(options.connect_timeout, &what, opening).await?;
        let Some(version) = socket.version() else {
            let reason = format!("{what}: the server does not say its version; is it RabbitMQ?");
            return Err(QueueError::Misconfigured { reason });
        };
        socket.set_frame_max(connection.configuration().frame_max());
        guard.disarm();
        Ok(Self { connection, socket, version, options: Arc::clone(options) })
    }

    /// A new channel.
    pub(crate) async fn channel(&self) -> Result<Channel, QueueError> {
        let opened =
            within(self.options.call_timeout, "cannot open a channel", self.connection.create_channel());
        opened.await.inspect_err(|_| self.abort())
    }

    /// Whether it may still work.
    pub(crate) fn is_alive(&self) -> bool {
        !self.socket.is_cut() && self.connection.status().connected()
    }

    /// Whether the broker reads nothing from this connection: an alarm (memory, disk).
    pub(crate) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// The broker's version.
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// The size in bytes that a frame may have.
    pub(crate) fn frame_max(&self) -> usize {
        self.connection.configuration().frame_max() as usize
    }

    /// Ends it at once, without telling the broker.
    pub(crate) fn abort(&self) {
        self.socket.cut();
    }

    /// Ends it in good order: the broker is told, so that its log shows no lost connection.
    pub(crate) async fn close(&self) {
        if self.is_alive() && !self.is_blocked() {
            let closing = self.connection.close(200, "the process ends".into());
            // On a connection that was just opened lapin sometimes never returns from this, so do not wait for long.
            drop(timeout(CLOSE_TIMEOUT, closing).await);
        }
        self.abort();
    }

    /// The answer of `call` within the call timeout; an error ends the session.
    pub(crate) async fn call<T>(
        &self,
        what: &str,
        call: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, QueueError> {
        within(self.options.call_timeout, what, call).await.inspect_err(|_| self.abort())
    }

    /// The answer of `call`, which looks something up by its name on a channel of its own; `None` when it does not exist.
    pub(crate) async fn look_up<T>(
        &self,
        what: &str,
        call: impl Future<Output = lapin::Result<T>>,
    ) -> Result<Option<T>, QueueError> {
        match timeout(self.options.call_timeout, call).await {
            Ok(Ok(found)) => Ok(Some(found)),
            Ok(Err(error)) if is_missing(&error) => Ok(None),
            Ok(Err(error)) => Err(self.error(what, &error)),
            Err(_elapsed) => {
                self.abort();
                Err(QueueError::unavailable(format!("RabbitMQ did not answer in time: {what}")))
            }
        }
    }

    /// The port's error for `error` of a call on one of its channels. The session ends unless the error is about that
    /// channel alone. It also ends when an exchange or a queue was not found: the next session declares it.
    pub(crate) fn error(&self, what: &str, error: &lapin::Error) -> QueueError {
        if !is_channel_error(error) || is_not_found(error) {
            self.abort();
        }
        queue_error(what, error)
    }
}

struct CutOnDrop(Option<Arc<SocketHandle>>);

impl CutOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        if let Some(socket) = &self.0 {
            socket.cut();
        }
    }
}
