//! What RabbitMQ cannot do, and which of the port's answers it is: wait, or change something.

use std::error::Error as _;
use std::time::Duration;

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::{Error, ErrorKind};
use ports::QueueError;
use tokio::time::timeout;

/// The answer of `call`, which lapin may never give, within `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    what: &str,
    call: impl Future<Output = lapin::Result<T>>,
) -> Result<T, QueueError> {
    match timeout(limit, call).await {
        Ok(answer) => answer.map_err(|error| blame(what, &error)),
        Err(_) => Err(QueueError::unavailable(format!("RabbitMQ did not answer in {limit:?}: {what}"))),
    }
}

/// The port's error for `error`, which happened while trying to `what`.
pub(crate) fn blame(what: &str, error: &Error) -> QueueError {
    let said = text(error);
    let reason = format!("{what}: {said}{}", setting(&said).unwrap_or_default());
    match advice(error) {
        Some(advice) => QueueError::Misconfigured { reason: format!("{reason}; {advice}") },
        None => QueueError::Unavailable { reason },
    }
}

/// What the operator has to do; `None` when waiting helps.
fn advice(error: &Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => match error.kind() {
            // The same code says that a delivery was held for too long, against which waiting helps.
            AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)
                if error.get_message().as_str().contains(" arg ") =>
            {
                Some(
                    "it exists with other arguments than this version or configuration declares: change the \
                 setting back, delete it when it is empty, or use another prefix",
                )
            }
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => {
                Some("check user and password, and the user's permissions on the virtual host")
            }
            AMQPErrorKind::Soft(AMQPSoftError::RESOURCELOCKED) => {
                Some("another connection declared it for itself alone: delete it, or use another prefix")
            }
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
                Some("check that the virtual host exists and that the user may use it")
            }
            AMQPErrorKind::Hard(AMQPHardError::NOTIMPLEMENTED) => {
                Some("RabbitMQ 3.10 or later is needed, with quorum queues and streams enabled")
            }
            _ => None,
        },
        ErrorKind::InvalidProtocolVersion(_) => Some("is this the port of AMQP 0-9-1?"),
        ErrorKind::AuthProviderError(_) => Some("check the URL's auth_mechanism"),
        ErrorKind::IOError(error) => matches!(tls(error)?, rustls::Error::InvalidCertificate(_)).then_some(
            "the certificate is not trusted: name the authority's file in the configuration, and the host \
             as the certificate does",
        ),
        _ => None,
    }
}

fn tls(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// The setting that an argument which differs is made of.
fn setting(said: &str) -> Option<&'static str> {
    if said.contains("'x-delivery-limit'") {
        Some(" (queue.delivery_limit less 1)")
    } else if said.contains("'x-max-age'") {
        Some(" (archive.keep)")
    } else if said.contains("'x-max-length-bytes'") && said.contains(".archive'") {
        Some(" (archive.max_size)")
    } else if said.contains("'x-max-length-bytes'") {
        Some(" (queue.max_size)")
    } else {
        None
    }
}

/// What the error says. lapin's errors hold what the broker said, which never repeats a password.
fn text(error: &Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_message().to_string(),
        // Not advice: what stands before the broker may answer so while the broker is away.
        ErrorKind::IOError(error) if matches!(tls(error), Some(rustls::Error::InvalidMessage(_))) => {
            format!("{error}; does the server speak TLS at this port? amqp:// is for plain connections")
        }
        _ => error.source().map_or_else(|| error.to_string(), ToString::to_string),
    }
}

/// A second copy of `error`, for those who wait for the same.
pub(crate) fn copy(error: &QueueError) -> QueueError {
    match error {
        QueueError::Unavailable { reason } => QueueError::Unavailable { reason: reason.clone() },
        QueueError::Lost => QueueError::Lost,
        QueueError::Misconfigured { reason } => QueueError::Misconfigured { reason: reason.clone() },
    }
}
