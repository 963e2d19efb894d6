//! A mail as RFC 5322 text.

use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, To};
use lettre::message::{Mailboxes, MultiPart, SinglePart};
use ports::store::Mail;

use super::{Envelope, SendError, SendErrorKind};

/// The mail as it is at each attempt: with the same Message-ID, the same headers and the same text.
pub(super) fn message(mail: &Mail, envelope: &Envelope) -> Result<Message, SendError> {
    let refused = |reason: String| SendError { kind: SendErrorKind::Refused, reason };
    let to: To = Mailboxes::clone(&envelope.to).into();
    let builder = Message::builder()
        .from(envelope.from.clone())
        .mailbox(to)
        .subject(&mail.subject)
        .date(mail.posted_at.into())
        .message_id(Some(format!("<{}@{}>", mail.id, envelope.domain())));
    let built = match &mail.html {
        // What is shown is the last part that a mail program understands.
        Some(html) => builder.multipart(
            MultiPart::alternative()
                .boundary(format!("={}", mail.id))
                .singlepart(SinglePart::plain(mail.body.clone()))
                .singlepart(SinglePart::html(html.clone())),
        ),
        None => builder.header(ContentType::TEXT_PLAIN).body(mail.body.clone()),
    };
    let mut message = built.map_err(|error| refused(error.to_string()))?;
    for (name, value) in mail.headers.iter() {
        let name = HeaderName::new_from_ascii(name.to_owned())
            .map_err(|_| refused(format!("{name:?} is no name of a header")))?;
        message.headers_mut().insert_raw(HeaderValue::new(name, value.to_owned()));
    }
    Ok(message)
}
