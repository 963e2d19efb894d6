//! A connection to the broker that is opened when it is asked for, and given up at the first trouble.
//!
//! There is no recovery inside a session: any error, timeout or end of a stream ends it with everything on
//! it, and the next one to ask gets a new one, with the topology declared again. While none can be had, all who ask
//! wait for one attempt at growing distances (see [`outage::gate`]); what is for looking only does not even try then.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::protocol::AMQPErrorKind;
use lapin::tcp::{AMQPUriTcpExt, OwnedTLSConfig};
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind};
use outage::{Gate, Need};
use ports::QueueError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::AsyncReadExt;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use tracing::info;

use crate::Options;
use crate::error::{blame, copy, is_missing, is_not_found, within};
use crate::greeting::Version;
use crate::socket::{Line, Socket, runtime};
use crate::topology::{Names, declare};

/// How long the broker has to answer that a connection ends: less than a process waits for all of its own.
const GOODBYE: Duration = Duration::from_secs(1);

/// A connection that is alive, or was.
pub(crate) struct Session {
    connection: Connection,
    line: Arc<Line>,
    version: Version,
    options: Arc<Options>,
}

impl Session {
    /// Connects and logs in.
    pub async fn open(options: &Arc<Options>, purpose: &str) -> Result<Self, QueueError> {
        let what = format!("cannot connect to {}", options.place());
        let line = Arc::new(Line::new(options.frame_max()));
        // Whatever ends this function early must not leave lapin's thread behind.
        let guard = CutOnDrop(Some(Arc::clone(&line)));
        let certificates = match &options.ca_file {
            Some(file) if options.is_encrypted() => Some(certificates(file).await?),
            _ => None,
        };
        let name = format!("{} ({purpose})", options.connection_name);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connector = {
            let (line, limit) = (Arc::clone(&line), options.connect_timeout);
            async move |uri: lapin::uri::AMQPUri, _| {
                let tls = OwnedTLSConfig { identity: None, cert_chain: certificates.clone() };
                let tokio = async_rs::Runtime::tokio_current();
                let opening = uri.connect_with_config_async(tls.as_ref(), &tokio);
                let stream = timeout(limit, opening).await;
                let stream = stream.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))?;
                Ok(lapin::AsyncTcpStream::Plain(Socket::new(stream, Arc::clone(&line))))
            }
        };
        let opening = Connection::connector(options.uri.clone(), runtime(), connector, properties);
        let connection = within(options.connect_timeout, &what, opening).await?;
        let Some(version) = line.version() else {
            let reason = format!("{what}: the server does not say its version; is it RabbitMQ?");
            return Err(QueueError::Misconfigured { reason });
        };
        line.agree(connection.configuration().frame_max());
        guard.disarm();
        Ok(Self { connection, line, version, options: Arc::clone(options) })
    }

    /// A new channel.
    pub async fn channel(&self) -> Result<Channel, QueueError> {
        let opened =
            within(self.options.call_timeout, "cannot open a channel", self.connection.create_channel());
        opened.await.inspect_err(|_| self.fail())
    }

    /// Whether it may still work.
    pub fn is_alive(&self) -> bool {
        !self.line.is_cut() && self.connection.status().connected()
    }

    /// Whether the broker reads nothing from this connection: an alarm (memory, disk).
    pub fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// The broker's version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The size in bytes that a frame may have.
    pub fn frame_max(&self) -> usize {
        self.connection.configuration().frame_max() as usize
    }

    /// Ends it now, and everything on it.
    pub fn fail(&self) {
        self.line.cut();
    }

    /// Ends it in good order: the broker is told, so that its log holds no lost connection.
    pub async fn close(&self) {
        if self.is_alive() && !self.is_blocked() {
            let bye = self.connection.close(200, "the process ends".into());
            // It ends either way. Now and then lapin never says it on a connection that was just opened.
            drop(timeout(GOODBYE, bye).await);
        }
        self.fail();
    }

    /// The answer of `call` within the usual time; an error ends the session.
    pub async fn call<T>(
        &self,
        what: &str,
        call: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, QueueError> {
        within(self.options.call_timeout, what, call).await.inspect_err(|_| self.fail())
    }

    /// The answer of `call`, which asks for something by its name on a channel of its own; `None` when there is no such
    /// thing.
    pub async fn ask<T>(
        &self,
        what: &str,
        call: impl Future<Output = lapin::Result<T>>,
    ) -> Result<Option<T>, QueueError> {
        match timeout(self.options.call_timeout, call).await {
            Ok(Ok(found)) => Ok(Some(found)),
            Ok(Err(error)) if is_missing(&error) => Ok(None),
            Ok(Err(error)) => Err(blame_session(self, what, &error)),
            Err(_elapsed) => {
                self.fail();
                Err(QueueError::unavailable(format!("RabbitMQ did not answer in time: {what}")))
            }
        }
    }
}

/// The longest file of certificates; all of a system together have about 200 KB.
const MOST_CERTIFICATES_BYTES: u64 = 4 << 20;

/// The text of `file`, which holds certificates. lapin takes any text, and trusts nobody when it holds none.
async fn certificates(file: &Path) -> Result<String, QueueError> {
    let wrong = |what: &dyn std::fmt::Display| QueueError::Misconfigured {
        reason: format!("cannot read the certificates in {}: {what}", file.display()),
    };
    let read = async {
        let mut pem = String::new();
        tokio::fs::File::open(file).await?.take(MOST_CERTIFICATES_BYTES + 1).read_to_string(&mut pem).await?;
        std::io::Result::Ok(pem)
    };
    let pem = read.await.map_err(|error| wrong(&error))?;
    if pem.len() as u64 > MOST_CERTIFICATES_BYTES {
        return Err(wrong(&"it is larger than 4 MiB"));
    }
    let mut certificates = 0;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        certificate.map_err(|error| wrong(&error))?;
        certificates += 1;
    }
    if certificates == 0 {
        return Err(wrong(&"it holds no certificate in PEM"));
    }
    Ok(pem)
}

struct CutOnDrop(Option<Arc<Line>>);

impl CutOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        if let Some(line) = &self.0 {
            line.cut();
        }
    }
}

/// What the links of a process share.
#[derive(Default)]
pub(crate) struct Together {
    /// Held by the one session that declares the topology: a broker tells who declares a queue at the same moment that it
    /// is there before it can be used.
    turn: tokio::sync::Mutex<()>,
    /// Before the connections without which nothing is done.
    gate: Arc<Gate>,
}

/// The session for one purpose, of which there is one at a time.
pub(crate) struct Link {
    purpose: &'static str,
    options: Arc<Options>,
    names: Names,
    together: Arc<Together>,
    gate: Arc<Gate>,
    is_used: AtomicBool,
    current: Mutex<Option<Arc<Session>>>,
    /// Held while connecting; when that last failed, and how.
    failure: tokio::sync::Mutex<Option<(Instant, QueueError)>>,
}

impl Link {
    /// Not connected yet; one without which nothing is done.
    pub fn new(purpose: &'static str, options: Arc<Options>, names: Names, together: &Arc<Together>) -> Self {
        Self {
            purpose,
            options,
            names,
            together: Arc::clone(together),
            gate: Arc::clone(&together.gate),
            is_used: AtomicBool::new(false),
            current: Mutex::default(),
            failure: tokio::sync::Mutex::default(),
        }
    }

    /// The same, beside the work: it neither holds that up nor tries what that cannot have either.
    pub fn aside(self) -> Self {
        Self { gate: Arc::default(), ..self }
    }

    /// The session, when it is alive.
    pub fn alive(&self) -> Option<Arc<Session>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|session| session.is_alive()).cloned()
    }

    /// Closes the session, when there is one.
    pub async fn close(&self) {
        let session = self.current.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(session) = session {
            session.close().await;
        }
    }

    /// Whether anyone ever asked for it.
    pub fn is_used(&self) -> bool {
        self.is_used.load(Ordering::SeqCst)
    }

    /// Connects in the background, unless someone does already.
    pub fn open_soon(link: &Arc<Self>, runtime: &Handle) {
        if link.failure.try_lock().is_ok() {
            let link = Arc::clone(link);
            // Who needs the connection is told why there is none.
            runtime.spawn(async move { drop(link.session().await) });
        }
    }

    /// The session, connecting when there is none. All who ask at the same time share one attempt.
    pub async fn session(&self) -> Result<Arc<Session>, QueueError> {
        if let Some(session) = self.alive() {
            return Ok(session);
        }
        self.is_used.store(true, Ordering::SeqCst);
        let asked_at = Instant::now();
        let mut failure = self.failure.lock().await;
        if let Some(session) = self.alive() {
            return Ok(session);
        }
        if let Some((_, error)) = failure.as_ref().filter(|(failed_at, _)| *failed_at >= asked_at) {
            return Err(copy(error));
        }
        match self.open_at_the_gate().await {
            Ok(session) => {
                *failure = None;
                Ok(session)
            }
            Err(error) => {
                *failure = Some((Instant::now(), copy(&error)));
                Err(error)
            }
        }
    }

    /// Opens one when it is time to try. Who looks opens its own.
    async fn open_at_the_gate(&self) -> Result<Arc<Session>, QueueError> {
        let is_aside = !Arc::ptr_eq(&self.gate, &self.together.gate);
        if is_aside && self.together.gate.failing().is_some() {
            return Err(QueueError::unavailable("the connections that work are tried first"));
        }
        let _pass = self.gate.pass(Need::Write, |_| async { self.open_and_keep().await.map(drop) }).await?;
        if let Some(session) = self.alive() {
            self.gate.worked(Need::Write);
            return Ok(session);
        }
        let opened = self.open_and_keep().await;
        self.gate.ended(Need::Write, &opened);
        opened
    }

    async fn open_and_keep(&self) -> Result<Arc<Session>, QueueError> {
        let session = Arc::new(self.open().await?);
        let version = session.version();
        info!(
            broker = self.options.place(),
            purpose = self.purpose,
            version = format!("{}.{}", version.major, version.minor),
            "connected to RabbitMQ"
        );
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&session));
        Ok(session)
    }

    async fn open(&self) -> Result<Session, QueueError> {
        let session = Session::open(&self.options, self.purpose).await?;
        if self.options.declares {
            let _turn = self.together.turn.lock().await;
            declare(&session, &self.names, &self.options).await.inspect_err(|_| session.fail())?;
        }
        Ok(session)
    }
}

/// Whether `error` is the broker's answer about one channel, after which the connection still works.
pub(crate) fn is_about_the_channel(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if matches!(error.kind(), AMQPErrorKind::Soft(_)))
}

/// The port's error for `error`, about which the session needs to know. What is not there any more, the next session
/// declares.
pub(crate) fn blame_session(session: &Session, what: &str, error: &lapin::Error) -> QueueError {
    if !is_about_the_channel(error) || is_not_found(error) {
        session.fail();
    }
    blame(what, error)
}
