//! lapin's errors as the port's: unavailable (wait), misconfigured (somebody has to act), or refused (the message).

mod difference;
mod replies;

use std::error::Error as _;
use std::time::Duration;

use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::{Error, ErrorKind};
use ports::QueueError;
use tokio::time::timeout;

use self::difference::Difference;
use self::replies::Meaning;

/// The answer of `call` within `limit`. Without it, some calls of lapin never return.
pub(crate) async fn within<T>(
    limit: Duration,
    what: &str,
    call: impl Future<Output = lapin::Result<T>>,
) -> Result<T, QueueError> {
    match timeout(limit, call).await {
        Ok(answer) => answer.map_err(|error| queue_error(what, &error)),
        Err(_) => Err(QueueError::unavailable(format!("RabbitMQ did not answer in {limit:?}: {what}"))),
    }
}

/// Whether the broker did not find something: it does not exist, its node is down, or a stream has no leader yet.
pub(crate) fn is_not_found(error: &Error) -> bool {
    let ErrorKind::ProtocolError(error) = error.kind() else { return false };
    matches!(error.kind(), AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND))
}

/// Whether `error` says that a queue does not exist. For one whose node is down the code is the same; the text differs.
pub(crate) fn is_missing(error: &Error) -> bool {
    let ErrorKind::ProtocolError(said) = error.kind() else { return false };
    is_not_found(error) && said.get_message().as_str().contains("no queue")
}

/// Whether `error` is about one channel; the connection still works after it.
pub(crate) fn is_channel_error(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if matches!(error.kind(), AMQPErrorKind::Soft(_)))
}

/// The port's error for `error`; `what` says what could not be done.
pub(crate) fn queue_error(what: &str, error: &Error) -> QueueError {
    let said = text(error);
    let mut reason = match Difference::read(&said) {
        Some(difference) => format!("{what}: {difference}"),
        None => format!("{what}: {said}"),
    };
    let meaning = meaning(error);
    if let Meaning::Transient(Some(advice)) | Meaning::Misconfigured(advice) = meaning {
        reason.extend(["; ", advice]);
    }
    match meaning {
        Meaning::Transient(_) => QueueError::Unavailable { reason },
        Meaning::Misconfigured(_) => QueueError::Misconfigured { reason },
        Meaning::Refused => QueueError::Refused { reason },
    }
}

fn meaning(error: &Error) -> Meaning {
    match error.kind() {
        ErrorKind::ProtocolError(error) => replies::meaning(error.get_id(), error.get_message().as_str()),
        ErrorKind::InvalidProtocolVersion(_) => Meaning::Misconfigured("is this the port of AMQP 0-9-1?"),
        ErrorKind::AuthProviderError(_) => Meaning::Misconfigured("check the URL's auth_mechanism"),
        ErrorKind::IOError(error) if matches!(tls(error), Some(rustls::Error::InvalidCertificate(_))) => {
            Meaning::Misconfigured(
                "the certificate is not trusted: name the authority's file in the configuration, and the host \
                 as the certificate does",
            )
        }
        _ => Meaning::Transient(None),
    }
}

fn tls(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// The text of the error: what the broker said, which never repeats a password.
fn text(error: &Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_message().to_string(),
        // Still transient: a load balancer may answer so while the broker is away.
        ErrorKind::IOError(error) if matches!(tls(error), Some(rustls::Error::InvalidMessage(_))) => {
            format!("{error}; does the server speak TLS at this port? amqp:// is for plain connections")
        }
        _ => error.source().map_or_else(|| error.to_string(), ToString::to_string),
    }
}

/// A copy of `error`, for other callers that waited for the same attempt.
pub(crate) fn copy(error: &QueueError) -> QueueError {
    match error {
        QueueError::Unavailable { reason } => QueueError::Unavailable { reason: reason.clone() },
        QueueError::Lost => QueueError::Lost,
        QueueError::Misconfigured { reason } => QueueError::Misconfigured { reason: reason.clone() },
        QueueError::Refused { reason } => QueueError::Refused { reason: reason.clone() },
    }
}
