//! What each answer of a mail server means for the next attempt, and each failure on the way to one.
//!
//! What a server may lift by itself is waited for. What concerns every mail until somebody changes the configuration, here
//! or there, is logged and tried rarely. Only what concerns this one mail ends it; another mail covers its letters.
//!
//! Reply codes: RFC 5321 (SMTP), RFC 4954 (AUTH), RFC 3207 (STARTTLS), RFC 7504 (521, 556). Enhanced codes: RFC 3463,
//! and the registry of RFC 5248.

use std::error::Error as _;
use std::io;

use domain::one_line;
use lettre::transport::smtp::Error as SmtpError;
use telemetry::error_chain;

use super::super::SendError;
use super::super::SendErrorKind::{self, Misconfigured, Refused, Transient};
use crate::report::REASON_CHARS;

/// The step of the dialogue with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Connecting, the greeting, EHLO.
    Hello,
    /// STARTTLS.
    Tls,
    /// AUTH.
    Login,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, and what follows it.
    Text,
}

/// What a reply code means, and why.
const CODES: &[(u16, SendErrorKind, &str)] = &[
    (421, Transient, "the server is closing, or has had enough of this client for now"),
    (432, Misconfigured, "the password has to be set anew on the server before it can be used so"),
    (450, Transient, "the mailbox is busy, or the server wants a second try (greylisting)"),
    (451, Transient, "an error on the server"),
    (452, Transient, "the server is out of room, or took enough recipients for now"),
    (454, Transient, "the server can check no login, or begin no TLS, for now"),
    (455, Transient, "the server cannot do it with these parameters for now"),
    (
        500,
        Misconfigured,
        "the server does not know the command: it is none for this, or something is between",
    ),
    (
        501,
        Misconfigured,
        "the server cannot read a name: of this machine, or an address of mail.from or mail.to",
    ),
    (502, Misconfigured, "the server does not do this"),
    (503, Misconfigured, "the server wants something else first: most often a login, or TLS"),
    (504, Misconfigured, "the server does not do it this way: most often the way to log in"),
    (521, Misconfigured, "the server takes no mail from anybody: mail.url names the wrong one"),
    (530, Misconfigured, "the server wants a login, or TLS, first"),
    (534, Misconfigured, "the server wants a stronger way to log in"),
    (535, Misconfigured, "user or password are wrong"),
    (538, Misconfigured, "the server takes this login over TLS only"),
    (550, Refused, "no such mailbox, or a rule against this mail"),
    (551, Refused, "the mailbox is elsewhere"),
    // RFC 5321 says 552 where the client should think of 452, and full mailboxes are emptied.
    (552, Transient, "there is no room for it in the mailbox"),
    (553, Refused, "the server does not allow the address"),
    (554, Refused, "the server does not want it"),
    (555, Misconfigured, "the server does not know the parameters that it offers"),
    (556, Refused, "the domain takes no mail"),
];

/// What an enhanced code (without its class) tells better than the reply code.
const DETAILS: &[(&str, SendErrorKind, &str)] = &[
    ("1.7", Misconfigured, "the sender's address, mail.from, is none to this server"),
    ("1.8", Misconfigured, "the domain of the sender, mail.from, cannot be mailed to"),
    ("2.2", Transient, "the mailbox is full"),
    ("2.3", Refused, "the mail is longer than the mailbox takes"),
    ("3.1", Transient, "the server is full"),
    ("3.2", Transient, "the server takes no mail at the moment"),
    ("3.4", Refused, "the mail is longer than the server takes"),
    ("4.5", Transient, "the server has too much to do, or this sender's limit for today is reached"),
    ("7.28", Transient, "more mails than the server takes in a short time"),
    ("7.60", Misconfigured, "this login may not send as mail.from"),
];

/// Codes of security and policy, before the server has seen the text: they are about client, login or addresses.
const POLICY: &str = "the server does not let this client, login or sender send there";

/// What `error` means at `step`.
pub(super) fn meaning(step: Step, error: &SmtpError) -> SendError {
    let (kind, why) = match error.status().map(u16::from) {
        Some(code) => of_answer(step, code, &answer_text(error)),
        None => of_failure(step, error),
    };
    // An answer to a login may repeat the user or the password.
    let said = match error.status() {
        Some(code) if step == Step::Login => format!("code {code}"),
        _ => error_chain(error),
    };
    SendError { kind, reason: one_line(&format!("{why} ({said})"), REASON_CHARS) }
}

/// Whether the session is over with `error`: the connection is gone, or the server said that it closes it.
pub(super) fn ends_session(error: &SmtpError) -> bool {
    error.status().map(u16::from).is_none_or(|code| code == 421)
}

/// An attempt that this side gives up, because the server does not offer what it needs.
pub(super) fn not_offered(what: &str) -> SendError {
    SendError { kind: Misconfigured, reason: format!("the server does not offer {what}") }
}

fn of_answer(step: Step, code: u16, text: &str) -> (SendErrorKind, &'static str) {
    let (kind, why) = of_code(step, code, text);
    match (step, kind) {
        // A login that is refused is refused until someone changes it, whatever the code.
        (Step::Login, Refused) => (Misconfigured, "the server refused the login"),
        // What comes before a mail is mentioned is not about it; lists of unwanted clients are lifted, too.
        (Step::Hello | Step::Tls, Refused) => (Transient, "the server does not want to talk at the moment"),
        // Every mail has this sender.
        (Step::Sender, Refused) => (Misconfigured, "the server does not allow the sender, mail.from"),
        // The mail's own lines are what it cannot read.
        (Step::Text, Misconfigured) if (500..=504).contains(&code) => {
            (Refused, "the server cannot read the mail")
        }
        _ => (kind, why),
    }
}

fn of_code(step: Step, code: u16, text: &str) -> (SendErrorKind, &'static str) {
    let known = CODES.iter().find(|(known, ..)| *known == code).map(|(_, kind, why)| (*kind, *why));
    if code < 500 {
        return known.unwrap_or((Transient, "the server says that it will pass"));
    }
    // What is wrong with a login has codes that say enough.
    if let Some(known @ (Misconfigured, _)) = known {
        return known;
    }
    let detail = enhanced(text);
    let detailed = DETAILS.iter().find(|(known, ..)| Some(*known) == detail);
    if let Some((_, kind, why)) = detailed {
        return (*kind, why);
    }
    if step != Step::Text && detail.is_some_and(|detail| detail.starts_with("7.")) {
        return (Misconfigured, POLICY);
    }
    known.unwrap_or((Refused, "the server does not want it"))
}

/// Subject and detail of the enhanced code that `text` begins with: `7.1` of `5.7.1 no`.
fn enhanced(text: &str) -> Option<&str> {
    let detail = text.split_whitespace().next()?.strip_prefix("5.")?;
    let (subject, number) = detail.split_once('.')?;
    let is_number =
        |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(subject) && is_number(number)).then_some(detail)
}

/// Without an answer: the network, TLS, or what is not SMTP.
fn of_failure(step: Step, error: &SmtpError) -> (SendErrorKind, &'static str) {
    if error.is_tls() || is_about_tls(error) {
        return (
            Misconfigured,
            "TLS with the server is not possible: check host, port, tls= and ca_file= in mail.url",
        );
    }
    match step {
        // lettre's own: the server does not offer what is asked for.
        Step::Tls if error.is_client() => {
            (Misconfigured, "the server offers no TLS (STARTTLS); see tls= in mail.url")
        }
        Step::Login if error.is_client() => {
            (Misconfigured, "the server offers no way to log in that is known")
        }
        _ if error.is_response() => (Transient, "what the server says is no answer"),
        _ if error.is_timeout() => (Transient, "the server does not answer in time"),
        // No name, no route, nobody there, cut off.
        _ => (Transient, "no connection with the server"),
    }
}

/// Whether TLS itself failed: a certificate that is not trusted, or a server that does not speak it. rustls tells it
/// as an I/O error of a kind that only text which is not UTF-8 shares. A connection that breaks meanwhile is none.
fn is_about_tls(error: &SmtpError) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && io.kind() == io::ErrorKind::InvalidData
        {
            return !io.to_string().contains("UTF-8");
        }
        source = cause.source();
    }
    false
}

/// What the server answered, as far as it is known.
fn answer_text(error: &SmtpError) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5321, sections 4.2.2 and 4.2.3, RFC 4954, section 6, RFC 7504: the negative ones that a sender meets.
    #[test]
    fn every_code_of_the_standards_has_its_line_once() {
        let listed: Vec<_> = CODES.iter().map(|(code, ..)| *code).collect();
        let mut sorted = listed.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(listed, sorted);
        for code in [
            421, 432, 450, 451, 452, 454, 455, 500, 501, 502, 503, 504, 521, 530, 534, 535, 538, 550, 551,
            552, 553, 554, 555, 556,
        ] {
            assert!(listed.contains(&code), "{code}");
        }
        for (code, kind, why) in CODES {
            assert!(!why.is_empty());
            assert!(*code >= 500 || *kind != Refused, "{code}: what a server puts off is not refused");
        }
    }

    #[test]
    fn what_an_answer_means_depends_on_the_step_and_the_detail() {
        let check = |step, code, text: &str, kind| {
            assert_eq!(of_answer(step, code, text).0, kind, "{step:?} {code} {text}");
        };
        // What passes by itself, at any step, known or not.
        for step in [Step::Hello, Step::Tls, Step::Sender, Step::Recipient, Step::Text] {
            for code in [421, 450, 451, 452, 454, 455, 458, 499] {
                check(step, code, "4.7.1 later", Transient);
            }
        }
        // Of the whole server, until someone changes something.
        for step in [Step::Hello, Step::Login, Step::Sender, Step::Recipient] {
            for code in [500, 501, 502, 503, 504, 521, 530, 534, 535, 538, 555] {
                check(step, code, "no", Misconfigured);
            }
        }
        for code in [432, 500, 535, 550, 554, 599] {
            check(Step::Login, code, "5.7.8 no", Misconfigured);
        }
        check(Step::Login, 454, "4.7.0 later", Transient);
        // Before the mail.
        check(Step::Hello, 554, "no", Transient);
        check(Step::Hello, 550, "5.7.1 you are on a list", Misconfigured);
        check(Step::Tls, 554, "no", Transient);
        // Who sends.
        for code in [550, 551, 553, 554, 556, 599] {
            check(Step::Sender, code, "no", Misconfigured);
        }
        check(Step::Recipient, 553, "5.7.1 not owned by user", Misconfigured);
        check(Step::Recipient, 554, "5.7.1 Relay access denied", Misconfigured);
        check(Step::Text, 550, "5.7.60 no permission to send as this sender", Misconfigured);
        check(Step::Recipient, 550, "5.1.8 unknown domain of sender", Misconfigured);
        // To whom.
        for code in [550, 551, 553, 554, 556, 599] {
            check(Step::Recipient, code, "5.1.1 nobody here", Refused);
        }
        // What a server may lift by itself.
        for (code, text) in [
            (552, "full"),
            (552, "5.2.2 full"),
            (550, "5.2.2 over quota"),
            (554, "5.3.1 system full"),
            (550, "5.3.2 maintenance"),
            (550, "5.4.5 daily limit"),
            (550, "5.7.28 flood"),
        ] {
            for step in [Step::Recipient, Step::Text] {
                check(step, code, text, Transient);
            }
        }
        // This mail.
        for (code, text) in [
            (550, "5.7.1 looks like spam"),
            (554, "5.6.0 no"),
            (554, "no"),
            (552, "5.3.4 too big"),
            (552, "5.2.3 too big"),
            (500, "line too long"),
            (599, "what"),
        ] {
            check(Step::Text, code, text, Refused);
        }
    }

    #[test]
    fn only_an_enhanced_code_is_one() {
        for (text, detail) in [
            ("5.7.1 no", Some("7.1")),
            ("5.7.1", Some("7.1")),
            ("5.2.2000 no", None),
            ("5.2 no", None),
            ("4.2.2 no", None),
            ("5.1.2.3 is my address", None),
            ("no 5.7.1", None),
            ("", None),
        ] {
            assert_eq!(enhanced(text), detail, "{text}");
        }
    }
}
