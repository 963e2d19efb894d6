//! Handing one mail to the server: sender, recipients, text.

use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands;
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use lettre::{Address, Message};
use tracing::warn;

use super::super::{SendError, SendErrorKind, Sent};
use super::answer::{Step, ends_session, meaning, not_offered};

/// What the server said to the recipients.
#[derive(Default)]
struct Asked<'a> {
    taken: usize,
    /// They can get it later.
    deferred: Vec<(&'a Address, SendError)>,
    /// They will never get it.
    refused: Vec<(&'a Address, SendError)>,
}

/// Hands `message` over to those of its recipients whom `left` names, or to all when it names none.
///
/// It sends RCPT for each before DATA. Those whom the server takes get the mail at once, whatever becomes of the others; those whom it
/// defers, such as a full mailbox, are left for the next attempt.
pub(super) async fn deliver(
    session: &mut AsyncSmtpConnection,
    message: &Message,
    left: &[String],
) -> Result<Sent, SendError> {
    let (envelope, bytes) = (message.envelope(), message.formatted());
    let is_wanted =
        |address: &&Address| left.is_empty() || left.iter().any(|one| one == AsRef::<str>::as_ref(*address));
    let recipients: Vec<_> = envelope.to().iter().filter(is_wanted).collect();
    if recipients.is_empty() {
        // Somebody took them out of mail.to meanwhile.
        return Ok(Sent::ToAll);
    }
    let mut parameters = Vec::new();
    let addresses = envelope.from().into_iter().chain(recipients.iter().copied());
    if !addresses.map(AsRef::<str>::as_ref).all(str::is_ascii) {
        if !session.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(not_offered("addresses beyond ASCII (SMTPUTF8)"));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !bytes.is_ascii() {
        if !session.server_info().supports_feature(Extension::EightBitMime) {
            return Err(not_offered("letters beyond ASCII (8BITMIME)"));
        }
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let sender = session.command(commands::Mail::new(envelope.from().cloned(), parameters)).await;
    sender.map_err(|error| meaning(Step::Sender, &error))?;
    let mut asked = ask(session, &recipients).await?;
    if asked.taken == 0 {
        return Err(asked.nobody());
    }
    session.command(commands::Data).await.map_err(|error| meaning(Step::Text, &error))?;
    session.message(&bytes).await.map_err(|error| meaning(Step::Text, &error))?;
    for (recipient, error) in asked.refused {
        warn!(%recipient, reason = error.reason, "the server refused a recipient of a mail; the others get it");
    }
    let left = asked.deferred.iter().map(|(address, _)| address.to_string()).collect();
    Ok(match asked.deferred.pop() {
        None => Sent::ToAll,
        Some((address, SendError { kind, reason })) => {
            Sent::ToSome { left, error: SendError { kind, reason: format!("{address}: {reason}") } }
        }
    })
}

/// Asks for each recipient. Fails when the server gives up the session meanwhile.
async fn ask<'a>(
    session: &mut AsyncSmtpConnection,
    recipients: &[&'a Address],
) -> Result<Asked<'a>, SendError> {
    let mut asked = Asked::default();
    for &recipient in recipients {
        let rcpt = commands::Rcpt::new(recipient.clone(), Vec::new());
        let Err(error) = session.command(rcpt).await else {
            asked.taken += 1;
            continue;
        };
        let found = meaning(Step::Recipient, &error);
        if ends_session(&error) {
            return Err(found);
        }
        let others = match found.kind {
            SendErrorKind::Refused => &mut asked.refused,
            SendErrorKind::Transient | SendErrorKind::Misconfigured => &mut asked.deferred,
        };
        others.push((recipient, found));
    }
    Ok(asked)
}

impl Asked<'_> {
    /// Why the server took none of them: what passes soonest.
    fn nobody(&mut self) -> SendError {
        let all = self.deferred.drain(..).chain(self.refused.drain(..)).map(|(_, error)| error);
        let soonest = all.min_by_key(|error| match error.kind {
            SendErrorKind::Transient => 0,
            SendErrorKind::Misconfigured => 1,
            SendErrorKind::Refused => 2,
        });
        soonest.unwrap_or_else(|| SendError::transient("there was nobody to ask for"))
    }
}
