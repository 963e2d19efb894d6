//! Mail over SMTP.
//!
//! `smtps://user:password@host[:465]` encrypts from the start; `smtp://…[:587]?tls=required` turns to TLS before
//! anything is said (STARTTLS), `tls=opportunistic` does so when the server offers it, `tls=none` never. Without
//! `tls`, it is required, except for a server on this machine. `ca_file=PATH` trusts a private authority.
//!
//! One connection per mail, taken step by step instead of through lettre's transport: what a refusal means
//! depends on the step, and lettre's waits for the answer to the goodbye before it says that the mail was
//! taken, so that a server which never answers it would get the mail again and again.

mod answer;
mod delivery;

use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use domain::percent_decode;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use ports::store::Mail;
use url::Url;

use super::message::message;
use super::{Envelope, SendError, Sent, Transport, TransportError, within};
use answer::{Step, meaning};
use delivery::deliver;

/// How long the server may take to answer the goodbye; nothing depends on the answer.
const GOODBYE: Duration = Duration::from_secs(2);

/// When the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsMode {
    FromTheStart,
    Required,
    Opportunistic,
    Never,
}

pub(super) struct Smtp {
    host: String,
    port: u16,
    tls: Tls,
    credentials: Option<Credentials>,
    envelope: Envelope,
    timeout: Duration,
}

impl Smtp {
    pub(super) fn new(url: &Url, envelope: Envelope, timeout: Duration) -> Result<Self, TransportError> {
        refuse_stray_parts(url)?;
        let mode = tls_mode(url)?;
        let host = url.host_str().filter(|host| !host.is_empty());
        // An IPv6 address stands in brackets in a URL only.
        let host = host.ok_or_else(|| TransportError::url("names no host"))?.trim_matches(['[', ']']);
        let port = url.port().unwrap_or(if mode == TlsMode::FromTheStart { 465 } else { 587 });
        let tls = match mode {
            TlsMode::FromTheStart => Tls::Wrapper(tls_parameters(url, host)?),
            TlsMode::Required => Tls::Required(tls_parameters(url, host)?),
            TlsMode::Opportunistic => Tls::Opportunistic(tls_parameters(url, host)?),
            TlsMode::Never => Tls::None,
        };
        let credentials = match (decode(url.username())?, url.password()) {
            (user, None) if user.is_empty() => None,
            (user, Some(_)) if user.is_empty() => {
                return Err(TransportError::url("has a password and no user"));
            }
            (user, password) => Some(Credentials::new(user, decode(password.unwrap_or_default())?)),
        };
        Ok(Self { host: host.to_owned(), port, tls, credentials, envelope, timeout })
    }

    /// Connects and logs in.
    async fn session(&self) -> Result<AsyncSmtpConnection, SendError> {
        let hello = ClientId::default();
        let from_the_start = if let Tls::Wrapper(tls) = &self.tls { Some(tls.clone()) } else { None };
        let server = (self.host.as_str(), self.port);
        let connecting =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &hello, from_the_start, None);
        let mut session = connecting.await.map_err(|error| meaning(Step::Hello, &error))?;
        match &self.tls {
            Tls::Required(tls) => {
                session.starttls(tls.clone(), &hello).await.map_err(|error| meaning(Step::Tls, &error))?;
            }
            Tls::Opportunistic(tls) if session.can_starttls() => {
                session.starttls(tls.clone(), &hello).await.map_err(|error| meaning(Step::Tls, &error))?;
            }
            _ => {}
        }
        if let Some(credentials) = &self.credentials {
            let login = session.auth(DEFAULT_MECHANISMS, credentials).await;
            login.map_err(|error| meaning(Step::Login, &error))?;
        }
        Ok(session)
    }
}

/// A user or password with an unencoded `/`, `?` or `#` ends early and its rest becomes another part of the
/// URL. That part may be half a password, so it is not shown.
fn refuse_stray_parts(url: &Url) -> Result<(), TransportError> {
    let path = !matches!(url.path(), "" | "/");
    if path || url.fragment().is_some() || url.query().is_some_and(|query| query.contains('@')) {
        return Err(TransportError::url(
            "has more than host, port and parameters; a / ? or # in the user or password must be \
             percent-encoded",
        ));
    }
    Ok(())
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

/// What the file `path` holds; all certificates of a system together have about 200 KB.
fn certificates(path: &str) -> std::io::Result<Vec<u8>> {
    const MOST_BYTES: u64 = 4 << 20;
    let mut pem = Vec::new();
    std::fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut pem)?;
    if pem.len() as u64 > MOST_BYTES {
        return Err(std::io::Error::other("it is larger than 4 MiB"));
    }
    Ok(pem)
}

fn tls_parameters(url: &Url, host: &str) -> Result<TlsParameters, TransportError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some((_, path)) = url.query_pairs().find(|(key, _)| key == "ca_file") {
        let wrong = |reason: String| TransportError::url(format!("ca_file {path}: {reason}"));
        let pem = certificates(path.as_ref()).map_err(|error| wrong(error.to_string()))?;
        builder = builder
            .add_root_certificate(Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?);
    }
    builder.build().map_err(|error| TransportError::url(format!("TLS cannot be set up: {error}")))
}

/// Undoes the percent-encoding of a user or password.
fn decode(text: &str) -> Result<String, TransportError> {
    percent_decode(text).ok_or_else(|| {
        TransportError::url("has a % without two hexadecimal digits of UTF-8 in its user or password")
    })
}

#[async_trait]
impl Transport for Smtp {
    async fn send(&self, mail: &Mail) -> Result<Sent, SendError> {
        let message = message(mail, &self.envelope)?;
        let (mut session, outcome) = within(self.timeout, async {
            let mut session = self.session().await?;
            let outcome = deliver(&mut session, &message, &mail.left).await;
            Ok((session, outcome))
        })
        .await?;
        let _ = tokio::time::timeout(GOODBYE, session.quit()).await;
        outcome
    }

    async fn check(&self) -> Result<String, SendError> {
        let mut session = within(self.timeout, self.session()).await?;
        let _ = tokio::time::timeout(GOODBYE, session.quit()).await;
        Ok(format!("{}:{} takes mail", self.host, self.port))
    }
}
