//! Mail over SMTP.
//!
//! `smtps://user:password@host[:465]` encrypts from the start; `smtp://…[:587]?tls=required` turns to TLS before
//! anything is said (STARTTLS), `tls=opportunistic` does so when the server offers it, `tls=none` never. Without
//! `tls`, it is required, except for a server on this machine. `ca_file=PATH` trusts a private authority.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::{Mailboxes, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use ports::store::Mail;
use url::Url;

use super::{Envelope, SendError, SendErrorKind, Transport, TransportError, within};

/// Answers that say "not with this login" (RFC 4954, section 6).
const LOGIN_REFUSED: [u16; 5] = [432, 454, 530, 534, 535];

/// When the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsMode {
    FromTheStart,
    Required,
    Opportunistic,
    Never,
}

pub(super) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    envelope: Envelope,
    timeout: Duration,
    server: String,
}

impl Smtp {
    pub(super) fn new(url: &Url, envelope: Envelope, timeout: Duration) -> Result<Self, TransportError> {
        let mode = tls_mode(url)?;
        let host = url.host_str().ok_or_else(|| TransportError::url("names no host"))?;
        // An IPv6 address stands in brackets in a URL only.
        let host = host.trim_matches(['[', ']']).to_owned();
        let port = url.port().unwrap_or(if mode == TlsMode::FromTheStart { 465 } else { 587 });
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host).port(port).timeout(Some(timeout));
        builder = builder.tls(match mode {
            TlsMode::FromTheStart => Tls::Wrapper(tls_parameters(url, host.clone())?),
            TlsMode::Required => Tls::Required(tls_parameters(url, host.clone())?),
            TlsMode::Opportunistic => Tls::Opportunistic(tls_parameters(url, host.clone())?),
            TlsMode::Never => Tls::None,
        });
        if !url.username().is_empty() {
            let user = decode(url.username())?;
            let password = decode(url.password().unwrap_or_default())?;
            builder = builder.credentials(Credentials::new(user, password));
        }
        Ok(Self { transport: builder.build(), envelope, timeout, server: format!("{host}:{port}") })
    }
}

pub(super) fn tls_mode(url: &Url) -> Result<TlsMode, TransportError> {
    let mut asked = None;
    for (key, value) in url.query_pairs() {
        match key.as_ref() {
            "tls" => asked = Some(value.into_owned()),
            "ca_file" => {}
            // Only the name: the value may be a secret.
            other => return Err(TransportError::url(format!("has an unknown parameter {other:?}"))),
        }
    }
    // smtp: is not one of the schemes whose hosts the URL standard parses as addresses.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    match (url.scheme(), asked.as_deref()) {
        ("smtps", None) => Ok(TlsMode::FromTheStart),
        ("smtps", Some(_)) => {
            Err(TransportError::url("takes no tls= with smtps://, which is TLS from the start"))
        }
        (_, Some("required")) => Ok(TlsMode::Required),
        (_, Some("opportunistic")) => Ok(TlsMode::Opportunistic),
        (_, Some("none")) => Ok(TlsMode::Never),
        (_, Some(other)) => {
            Err(TransportError::url(format!("has tls={other:?}, not required, opportunistic or none")))
        }
        (_, None) if loopback => Ok(TlsMode::Never),
        (_, None) => Ok(TlsMode::Required),
    }
}

fn tls_parameters(url: &Url, host: String) -> Result<TlsParameters, TransportError> {
    let mut builder = TlsParameters::builder(host);
    if let Some((_, path)) = url.query_pairs().find(|(key, _)| key == "ca_file") {
        let wrong = |reason: String| TransportError::url(format!("ca_file {path}: {reason}"));
        let pem = std::fs::read(path.as_ref()).map_err(|error| wrong(error.to_string()))?;
        builder = builder
            .add_root_certificate(Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?);
    }
    builder.build().map_err(|error| TransportError::url(format!("TLS cannot be set up: {error}")))
}

/// Undoes the percent-encoding of a user or password.
fn decode(text: &str) -> Result<String, TransportError> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let decoded = part.split_at_checked(2).and_then(|(digits, rest)| {
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            bytes.extend_from_slice(rest.as_bytes());
            Some(())
        });
        decoded.ok_or_else(|| {
            TransportError::url("has a % without two hexadecimal digits in its user or password")
        })?;
    }
    String::from_utf8(bytes).map_err(|_| TransportError::url("has a user or password that is not UTF-8"))
}

#[async_trait]
impl Transport for Smtp {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let message = message(mail, &self.envelope)?;
        within(self.timeout, async {
            self.transport.send(message).await.map(drop).map_err(|error| classify(&error))
        })
        .await
    }

    async fn check(&self) -> Result<String, SendError> {
        within(self.timeout, async {
            match self.transport.test_connection().await {
                Ok(true) => Ok(format!("{} takes mail", self.server)),
                Ok(false) => {
                    Err(SendError::transient(format!("{} does not answer as it should", self.server)))
                }
                Err(error) => Err(classify(&error)),
            }
        })
        .await
    }
}

/// The mail as RFC 5322 text, with a Message-ID that is the same at each attempt.
pub(super) fn message(mail: &Mail, envelope: &Envelope) -> Result<Message, SendError> {
    let to: header::To = Mailboxes::clone(&envelope.to).into();
    Message::builder()
        .from(envelope.from.clone())
        .mailbox(to)
        .subject(&mail.subject)
        .date(mail.posted_at.into())
        .message_id(Some(format!("<{}@{}>", mail.id, envelope.domain())))
        .header(header::ContentType::TEXT_PLAIN)
        .body(mail.body.clone())
        .map_err(|error| SendError { kind: SendErrorKind::Permanent, reason: error.to_string() })
}

fn classify(error: &lettre::transport::smtp::Error) -> SendError {
    let code = error.status().map(u16::from);
    let kind = match code {
        Some(code) if LOGIN_REFUSED.contains(&code) => SendErrorKind::Authentication,
        Some(_) if error.is_permanent() => SendErrorKind::Permanent,
        _ => SendErrorKind::Transient,
    };
    // lettre's errors hold the server's answer, never what we sent.
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !reason.contains(&text) {
            reason = format!("{reason}: {text}");
        }
        source = cause.source();
    }
    SendError { kind, reason }
}
