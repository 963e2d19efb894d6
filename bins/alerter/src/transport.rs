//! Ways to send a mail, picked by the scheme of `mail.url`.

mod file;
mod message;
mod smtp;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use config::SecretUrl;
use lettre::Address;
use lettre::message::{Mailbox, Mailboxes};
use ports::Clock;
use ports::store::{Channel, Covered, Mail, Posting};
use tracing::{info, warn};

use crate::report;
use file::Folder;
use smtp::Smtp;
use webhook::Webhook;

/// Sender and recipients, checked.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    from: Mailbox,
    to: Mailboxes,
}

impl Envelope {
    /// The addresses of `mail.from` and `mail.to`.
    pub(crate) fn new(from: &str, to: &[String]) -> Result<Self, TransportError> {
        let parse = |key: &'static str, text: &str| {
            text.parse::<Mailbox>().map_err(|error| TransportError {
                key,
                reason: format!("{text:?} is no mail address: {error}"),
            })
        };
        let mut recipients = Mailboxes::new();
        for address in to {
            recipients.push(parse("mail.to", address)?);
        }
        Ok(Self { from: parse("mail.from", from)?, to: recipients })
    }

    /// The sender's domain, under which Message-IDs are made.
    fn domain(&self) -> &str {
        let address: &Address = &self.from.email;
        address.domain()
    }
}

/// A setting of `[mail]` or `[alert]` that makes no sense. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub(crate) struct TransportError {
    key: &'static str,
    reason: String,
}

impl TransportError {
    fn url(reason: impl Into<String>) -> Self {
        Self { key: "mail.url", reason: reason.into() }
    }
}

/// What a failed attempt means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendErrorKind {
    /// Trying again may help: no connection, a timeout, a full mailbox, an answer that says so.
    Transient,
    /// This mail will never be taken.
    Refused,
    /// No mail will be taken until someone changes something: the login, TLS, an address, the server.
    Misconfigured,
}

/// A mail was not sent. The reason is the server's or the system's, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SendError {
    /// What it means.
    pub kind: SendErrorKind,
    /// What happened.
    pub reason: String,
}

impl SendError {
    fn transient(reason: impl std::fmt::Display) -> Self {
        Self { kind: SendErrorKind::Transient, reason: reason.to_string() }
    }
}

/// Who got a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Everybody who is to get it, apart from those whom the server refused for good.
    ToAll,
    /// Some. The others can get it later.
    ToSome {
        /// Their addresses.
        left: Vec<String>,
        /// Why one of them did not get it.
        error: SendError,
    },
}

/// A way to send mails.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `mail` to those who are [left](Mail::left), or to everybody. `Ok`: the next server has it. Repeating a mail repeats its
    /// Message-ID.
    async fn send(&self, mail: &Mail) -> Result<Sent, SendError>;

    /// Whether mails could be sent now, as one line for people.
    async fn check(&self) -> Result<String, SendError>;
}

/// The ways to send, by channel.
#[derive(Clone, Default)]
pub(crate) struct Transports {
    pub(crate) mail: Option<Arc<dyn Transport>>,
    pub(crate) webhook: Option<Arc<dyn Transport>>,
}

impl Transports {
    /// What goes on `channel`; `None` when it is off.
    pub(crate) fn of(&self, channel: Channel) -> Option<&Arc<dyn Transport>> {
        match channel {
            Channel::Mail => self.mail.as_ref(),
            Channel::Webhook => self.webhook.as_ref(),
        }
    }

    /// Sends `mail` once on each channel that is on, for what cannot be filed in the outbox. What the first says counts.
    pub(crate) async fn send_unfiled(&self, mail: &Mail) -> Result<Sent, SendError> {
        let mut first = None;
        for channel in Channel::ALL {
            let Some(transport) = self.of(channel) else { continue };
            let sent = match channel {
                Channel::Mail => transport.send(mail).await,
                Channel::Webhook => transport.send(&report::unfiled("store", mail)).await,
            };
            if let (Err(error), Some(_)) = (&sent, &first) {
                warn!(%channel, %error, "not sent");
            }
            first.get_or_insert(sent);
        }
        first.unwrap_or(Ok(Sent::ToAll))
    }

    /// The channels that are on; `None` when all are off.
    pub(crate) fn channels(&self) -> Option<Channels> {
        let mut on = Channel::ALL.into_iter().filter(|channel| self.of(*channel).is_some());
        Some(Channels { main: on.next()?, copies: on.collect() })
    }
}

/// On which channels something is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Channels {
    /// The one whose messages cover the groups, and are capped.
    pub(crate) main: Channel,
    /// Those on which the same is said.
    pub(crate) copies: Vec<Channel>,
}

impl Channels {
    /// What is posted: what `on` makes of each channel and an id, of which that on the main channel is `id`.
    pub(crate) fn posting(
        &self,
        id: &str,
        covered: Vec<Covered>,
        on: impl Fn(Channel, String) -> Mail,
    ) -> Posting {
        let copies = self.copies.iter().map(|channel| on(*channel, format!("{id}-{channel}"))).collect();
        Posting { mail: on(self.main, id.to_owned()), covered, copies }
    }
}

/// The transport that the settings ask for; `None` when nothing is to be mailed: `mail.url` is off, or it and `mail.to`
/// are empty.
pub(crate) fn transport_from(settings: &config::Mail) -> Result<Option<Arc<dyn Transport>>, TransportError> {
    if settings.is_off() {
        return Ok(None);
    }
    match (settings.url.is_empty(), settings.to.is_empty()) {
        (true, true) => return Ok(None),
        (true, false) => {
            return Err(TransportError::url("is empty while mail.to is set: nothing would be mailed"));
        }
        (false, true) => {
            let reason = "is empty while mail.url is set: nothing would be mailed".to_owned();
            return Err(TransportError { key: "mail.to", reason });
        }
        (false, false) => {}
    }
    let envelope = Envelope::new(&settings.from, &settings.to)?;
    let url = parse(&settings.url)?;
    Ok(Some(match url.scheme() {
        "smtp" | "smtps" => Arc::new(Smtp::new(&url, envelope, settings.timeout)?),
        "file" => Arc::new(Folder::new(&url, envelope)?),
        "log" => Arc::new(Logged),
        scheme => return Err(TransportError::url(format!("{scheme}: is not smtp:, smtps:, file: or log:"))),
    }))
}

/// The webhook that the settings ask for; `None` when it is off.
pub(crate) fn webhook_from(
    settings: &config::Alert,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<dyn Transport>>, TransportError> {
    let Some(url) = settings.webhook() else { return Ok(None) };
    Ok(Some(Arc::new(Webhook::new(url, &settings.webhook_secret, Arc::clone(clock))?)))
}

fn parse(url: &SecretUrl) -> Result<url::Url, TransportError> {
    url::Url::parse(url.expose()).map_err(|error| TransportError::url(format!("is not a URL: {error}")))
}

/// Runs one attempt under the settings' timeout: lettre's own covers only parts of it.
async fn within<T>(
    limit: Duration,
    attempt: impl Future<Output = Result<T, SendError>>,
) -> Result<T, SendError> {
    match tokio::time::timeout(limit, attempt).await {
        Ok(result) => result,
        Err(_elapsed) => Err(SendError::transient(format!("not done within {limit:?}"))),
    }
}

/// `log:` writes mails into the log.
struct Logged;

#[async_trait]
impl Transport for Logged {
    async fn send(&self, mail: &Mail) -> Result<Sent, SendError> {
        info!(id = mail.id, subject = mail.subject, "mail:\n{}", mail.body);
        Ok(Sent::ToAll)
    }

    async fn check(&self) -> Result<String, SendError> {
        Ok("mails go into the log".to_owned())
    }
}

#[cfg(test)]
mod tests;
