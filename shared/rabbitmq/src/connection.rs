//! A connection for one purpose, which is opened when it is used and given up at the first trouble.
//!
//! Whoever uses it after its session ended gets a new one, with the topology declared again. While the broker is away,
//! all callers share one attempt at growing distances (see [`outage::gate`]); connections for inspection do not even
//! try then.

use std::sync::{Arc, Mutex, PoisonError};

use outage::{Gate, Need};
use ports::QueueError;
use tokio::time::Instant;
use tracing::info;

use crate::Options;
use crate::error::copy;
use crate::session::Session;
use crate::topology::{Names, declare};

/// What the connections of a process share.
pub(crate) struct ConnectionGroup {
    names: Names,
    /// Held by the one session that declares the topology: to a second one that declares a queue at the same moment the
    /// broker says that the queue exists before it can be used.
    declaring: tokio::sync::Mutex<()>,
    /// Shared by the connections that are needed for work.
    gate: Arc<Gate>,
}

impl ConnectionGroup {
    /// Connections that declare the topology of `names`.
    pub(crate) fn new(names: Names) -> Arc<Self> {
        Arc::new(Self { names, declaring: tokio::sync::Mutex::default(), gate: Arc::default() })
    }
}

/// The connection for one purpose, with one session at a time.
pub(crate) struct Connection {
    purpose: &'static str,
    options: Arc<Options>,
    group: Arc<ConnectionGroup>,
    gate: Arc<Gate>,
    current: Mutex<Option<Arc<Session>>>,
    /// Held while connecting. Holds when that last failed, and the error.
    failure: tokio::sync::Mutex<Option<(Instant, QueueError)>>,
}

impl Connection {
    /// A connection that is needed for work. Not open yet.
    pub(crate) fn new(purpose: &'static str, options: Arc<Options>, group: &Arc<ConnectionGroup>) -> Self {
        Self {
            purpose,
            options,
            group: Arc::clone(group),
            gate: Arc::clone(&group.gate),
            current: Mutex::default(),
            failure: tokio::sync::Mutex::default(),
        }
    }

    /// A connection that work does not need: its failures do not delay the others, and it waits until those work.
    pub(crate) fn secondary(
        purpose: &'static str,
        options: Arc<Options>,
        group: &Arc<ConnectionGroup>,
    ) -> Self {
        Self { gate: Arc::default(), ..Self::new(purpose, options, group) }
    }

    /// The session, when it is alive.
    pub(crate) fn alive(&self) -> Option<Arc<Session>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|session| session.is_alive()).cloned()
    }

    /// Whether there was a session, and it is not alive any more.
    #[cfg(test)]
    pub(crate) fn is_broken(&self) -> bool {
        self.current.lock().unwrap().as_ref().is_some_and(|session| !session.is_alive())
    }

    /// Closes the session, when there is one.
    pub(crate) async fn close(&self) {
        let session = self.current.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(session) = session {
            session.close().await;
        }
    }

    /// The session; connects when there is none. All who ask at the same time share one attempt.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, QueueError> {
        if let Some(session) = self.alive() {
            return Ok(session);
        }
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

    /// Opens a session when it is time for an attempt. The gate's probe of the broker opens it already.
    async fn open_at_the_gate(&self) -> Result<Arc<Session>, QueueError> {
        let is_secondary = !Arc::ptr_eq(&self.gate, &self.group.gate);
        if is_secondary && self.group.gate.failing().is_some() {
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
            let _turn = self.group.declaring.lock().await;
            let declared = declare(&session, &self.group.names, &self.options).await;
            declared.inspect_err(|_| session.abort())?;
        }
        Ok(session)
    }
}
