//! Writing the outbox.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use domain::timestamp;
use ports::{Mail, MailResult};

use super::Parameter::{self, Instant, Text};
use super::insert;
use crate::columns::MAILS;

/// Inserts a mail: [`mail`].
pub static INSERT_MAIL: LazyLock<String> = LazyLock::new(|| insert("mail_outbox", &MAILS));

/// For [`INSERT_MAIL`]: a mail that says the same as the one with the id `copy_of`, if it does.
pub fn mail<'a>(mail: &'a Mail, copy_of: Option<&'a str>) -> [Parameter<'a>; MAILS.len()] {
    let some = |is_some: bool, text: String| Text(is_some.then(|| text.into()));
    // The instant as it is read, so that what is compared with it is equal.
    let posted_at = timestamp::to_millis(mail.posted_at);
    [
        mail.id.as_str().into(),
        mail.channel.as_str().into(),
        mail.subject.as_str().into(),
        mail.body.as_str().into(),
        Text(mail.html.as_deref().map(Into::into)),
        some(!mail.headers.is_empty(), serde_json::json!(mail.headers).to_string()),
        some(!mail.left.is_empty(), serde_json::json!(mail.left).to_string()),
        Text(copy_of.map(Into::into)),
        posted_at.into(),
        mail.attempts.into(),
        posted_at.into(),
    ]
}

/// Records what became of a claim, if it is still the mail's last: [`record`].
pub const RECORD: &str = "UPDATE mail_outbox SET attempts = attempts + 1, last_tried_at = ?, claimed_at = NULL, \
        claimed_until = NULL, due_at = coalesce(?, due_at), sent_at = ?, refused_at = ?, \
        failure = coalesce(?, failure), refusal = ?, recipients = coalesce(?, recipients), taken_at = coalesce(taken_at, ?) \
    WHERE id = ? AND claims = ? AND claimed_at IS NOT NULL";

/// For [`RECORD`]: what became at `at` of the mail `id` under the claim `number`.
pub fn record<'a>(
    (id, number): (&'a str, u64),
    at: DateTime<Utc>,
    result: &'a MailResult,
) -> [Parameter<'a>; 10] {
    let (mut due_at, mut sent_at, mut refused_at, mut taken_at) = (None, None, None, None);
    let (mut failure, mut refusal, mut recipients) = (None, None, None);
    match result {
        MailResult::Sent => (sent_at, taken_at) = (Some(at), Some(at)),
        MailResult::RetryAt { at, reason } => (due_at, failure) = (Some(*at), Some(reason.as_str().into())),
        MailResult::Refused(reason) => (refused_at, refusal) = (Some(at), Some(reason.as_str().into())),
        MailResult::Partly { left, at: again_at, reason } => {
            (due_at, taken_at, failure) = (Some(*again_at), Some(at), Some(reason.as_str().into()));
            recipients = Some(serde_json::json!(left).to_string().into());
        }
    }
    [
        at.into(),
        Instant(due_at),
        Instant(sent_at),
        Instant(refused_at),
        Text(failure),
        Text(refusal),
        Text(recipients),
        Instant(taken_at),
        id.into(),
        number.into(),
    ]
}

/// Deletes what a mail covers, once somebody has it, or it is refused; binds the mail's id.
pub const FORGET_COVERED: &str = "DELETE FROM mail_covers WHERE mail_id = ?";
