//! The tokens, and what is signed with them. Neither the length nor the place of a mistake shows in the time that a comparison takes.

use config::{Http, Secret};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::visitor::Role;

/// The tokens that the settings have.
pub(crate) struct Tokens {
    reading: Option<Key>,
    acting: Option<Key>,
}

impl Tokens {
    pub(crate) fn new(http: &Http) -> Self {
        Self { reading: Key::new(&http.token), acting: Key::new(&http.operator_token) }
    }

    /// Whether somebody said what whoever has this `role` must know.
    pub(crate) fn has(&self, role: Role) -> bool {
        self.key(role).is_some()
    }

    /// What whoever knows `text` may do.
    pub(crate) fn role(&self, text: &str) -> Option<Role> {
        // Both are compared, whichever it is.
        let [may_read, may_act] = [&self.reading, &self.acting].map(|key| {
            key.as_ref().is_some_and(|key| key.has_signed(&compared(text), &key.sign(&compared(&key.0))))
        });
        match (may_read, may_act) {
            (_, true) => Some(Role::Operator),
            (true, false) => Some(Role::Reader),
            (false, false) => None,
        }
    }

    /// The signature of `text` by the token of `role`, if there is one.
    pub(crate) fn sign(&self, role: Role, text: &str) -> Option<Vec<u8>> {
        self.key(role).map(|key| key.sign(text.as_bytes()))
    }

    /// Whether `signature` is [`sign`](Self::sign) of `text`.
    pub(crate) fn has_signed(&self, role: Role, text: &str, signature: &[u8]) -> bool {
        self.key(role).is_some_and(|key| key.has_signed(text.as_bytes(), signature))
    }

    fn key(&self, role: Role) -> Option<&Key> {
        match role {
            Role::Reader => self.reading.as_ref(),
            Role::Operator => self.acting.as_ref(),
        }
    }
}

struct Key(String);

impl Key {
    fn new(token: &Secret) -> Option<Self> {
        (!token.is_empty()).then(|| Self(token.expose().to_owned()))
    }

    /// Empty, which nothing verifies, if there were a key that cannot sign; there is none.
    fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.mac().map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec()).unwrap_or_default()
    }

    fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        self.mac().is_some_and(|mac| mac.chain_update(text).verify_slice(signature).is_ok())
    }

    fn mac(&self) -> Option<Hmac<Sha256>> {
        Hmac::new_from_slice(self.0.as_bytes()).ok()
    }
}

/// What is signed to compare tokens; no session reads like it.
fn compared(token: &str) -> Vec<u8> {
    [b"\0token", token.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_gives_its_role_and_nothing_else_does() {
        let mut http = config::Config::defaults().http;
        let none = Tokens::new(&http);
        assert_eq!([none.role(""), none.role("reading-0123456789")], [None, None]);
        http.token = Secret::new("reading-0123456789");
        http.operator_token = Secret::new("acting-0123456789a");
        let tokens = Tokens::new(&http);
        for (text, role) in [
            ("reading-0123456789", Some(Role::Reader)),
            ("acting-0123456789a", Some(Role::Operator)),
            ("", None),
            ("reading-012345678", None),
            ("reading-01234567890", None),
            ("Reading-0123456789", None),
            ("reading-0123456789\0", None),
        ] {
            assert_eq!(tokens.role(text), role, "{text}");
        }
    }

    #[test]
    fn a_signature_is_good_for_one_text_and_one_token() {
        let mut http = config::Config::defaults().http;
        http.token = Secret::new("reading-0123456789");
        let tokens = Tokens::new(&http);
        let signature = tokens.sign(Role::Reader, "text").unwrap();
        assert!(tokens.has_signed(Role::Reader, "text", &signature));
        assert!(!tokens.has_signed(Role::Reader, "texT", &signature));
        assert!(!tokens.has_signed(Role::Reader, "text", &signature[..31]));
        assert!(!tokens.has_signed(Role::Reader, "text", b""));
        assert!(!tokens.has_signed(Role::Operator, "text", &signature), "nobody may act");
        assert!(tokens.sign(Role::Operator, "text").is_none());
        http.token = Secret::new("another-0123456789");
        assert!(!Tokens::new(&http).has_signed(Role::Reader, "text", &signature));
    }
}
