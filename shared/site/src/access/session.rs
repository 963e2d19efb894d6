//! Sessions: what the cookie says. It holds no token, only what was signed with one, so another token ends all of its sessions.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use super::tokens::Tokens;
use super::visitor::Role;

/// How long somebody who may look stays logged in.
const READING: Duration = Duration::from_hours(30 * 24);
/// How long somebody who may act does: a working day.
const ACTING: Duration = Duration::from_hours(12);
/// The longest name, in characters.
const LONGEST_NAME: usize = 40;

/// Somebody who logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) role: Role,
    pub(crate) until: DateTime<Utc>,
    /// What they call themselves; may be empty.
    pub(crate) name: String,
}

impl Session {
    /// A session that begins `now`.
    pub(crate) fn new(role: Role, name: &str, now: DateTime<Utc>) -> Self {
        let plain = name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect::<String>();
        Self { role, until: now + lasts(role), name: plain.trim().to_owned() }
    }

    /// What the cookie says; `None` when the role has no token.
    pub(crate) fn to_text(&self, tokens: &Tokens) -> Option<String> {
        let name = URL_SAFE_NO_PAD.encode(&self.name);
        let signed = format!("{}.{}.{name}", letter(self.role), self.until.timestamp());
        let signature = tokens.sign(self.role, &signed)?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The session in `text`, if it is one of ours and not over `now`.
    pub(crate) fn of_text(text: &str, tokens: &Tokens, now: DateTime<Utc>) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let mut parts = signed.split('.');
        let role = [Role::Reader, Role::Operator].into_iter().find({
            let first = parts.next();
            move |role| first == Some(letter(*role))
        })?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        if !tokens.has_signed(role, signed, &signature) {
            return None;
        }
        let until = DateTime::from_timestamp(parts.next()?.parse().ok()?, 0)?;
        let name = String::from_utf8(URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok()?;
        // A clock that was set back must not make a session longer.
        (now < until && until <= now + lasts(role)).then_some(Self { role, until, name })
    }
}

/// How long a session of this role lasts.
pub(crate) fn lasts(role: Role) -> Duration {
    match role {
        Role::Reader => READING,
        Role::Operator => ACTING,
    }
}

fn letter(role: Role) -> &'static str {
    match role {
        Role::Reader => "r",
        Role::Operator => "o",
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use config::Secret;

    use super::*;

    fn tokens(reading: &str, acting: &str) -> Tokens {
        let mut http = config::Config::defaults().http;
        (http.token, http.operator_token) = (Secret::new(reading), Secret::new(acting));
        Tokens::new(&http)
    }

    #[test]
    fn a_session_is_read_back_until_it_is_over_and_holds_no_token() {
        let tokens = tokens("reading-0123456789", "acting-0123456789a");
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        for (role, hours) in [(Role::Reader, 720), (Role::Operator, 12)] {
            let session = Session::new(role, " Änne; Path=/\r\n ", now);
            assert_eq!(session.name, "Änne; Path=/");
            let text = session.to_text(&tokens).unwrap();
            assert!(
                text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)),
                "{text}"
            );
            assert!(!text.contains("0123456789"), "{text}");
            let end = now + TimeDelta::hours(hours);
            assert_eq!(Session::of_text(&text, &tokens, now), Some(session));
            assert!(Session::of_text(&text, &tokens, end - TimeDelta::seconds(1)).is_some());
            assert!(Session::of_text(&text, &tokens, end).is_none());
            assert!(
                Session::of_text(&text, &tokens, now - TimeDelta::days(1)).is_none(),
                "the clock was set back"
            );
        }
    }

    #[test]
    fn what_was_changed_or_signed_with_another_token_is_no_session() {
        let ours = tokens("reading-0123456789", "acting-0123456789a");
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let text = Session::new(Role::Reader, "anna", now).to_text(&ours).unwrap();
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last digit of 32 bytes in base 64 has two bits that say nothing, and must be zero.
            assert_eq!(Session::of_text(&changed, &ours, now), None, "{changed}");
        }
        assert_eq!(Session::of_text(&text.replacen('r', "o", 1), &ours, now), None, "a reader who would act");
        for other in [
            tokens("another-0123456789", "acting-0123456789a"),
            tokens("", ""),
            tokens("", "reading-0123456789"),
        ] {
            assert_eq!(Session::of_text(&text, &other, now), None);
        }
        for text in ["", ".", "...", "r", "r.1", "o...", "r.99999999999999999999..", "\u{0}.é.ü.ß"] {
            assert_eq!(Session::of_text(text, &ours, now), None, "{text}");
        }
    }
}
