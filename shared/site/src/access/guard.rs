//! What the settings say of who may read and act, ready to be asked.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use config::Http;

use super::attempts::Attempts;
use super::hosts;
use super::session::{Session, lasts};
use super::tokens::Tokens;
use super::visitor::Role;

/// Who may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Whoever is on this machine.
    Free,
    /// Whoever knows the token.
    ByToken,
    /// Nobody, and what to do about it.
    Closed(&'static str),
}

/// What the settings say.
pub(crate) struct Guard {
    pub(crate) tokens: Tokens,
    pub(crate) attempts: Attempts,
    pub(crate) reading: Reading,
    /// The origin under which people reach the site, beside the address at which it listens.
    pub(crate) origin: Option<String>,
    cookie: Cookie,
}

struct Cookie {
    /// One of each role that has a token, the operator's first.
    names: Vec<(Role, String)>,
    path: String,
    secure: &'static str,
}

impl Guard {
    pub(crate) fn new(http: &Http) -> Self {
        let tokens = Tokens::new(http);
        // Cookies do not know ports: two sites on one host must not take each other's for theirs, and those of one must. Each role's
        // is named by its own token, so that another one logs out only those who knew the old one.
        let name = |role| {
            let signed = tokens.sign(role, "\0cookie")?;
            let mark: Vec<u8> = signed.into_iter().take(6).collect();
            Some((role, format!("coinpipe_{}", URL_SAFE_NO_PAD.encode(mark))))
        };
        let names = [Role::Operator, Role::Reader].into_iter().filter_map(name).collect();
        let origin = http.origin().map(str::to_owned);
        let is_https = origin.as_ref().is_some_and(|origin| origin.starts_with("https://"));
        let cookie = Cookie {
            names,
            path: if http.base_path.is_empty() { "/".to_owned() } else { http.base_path.clone() },
            secure: if is_https { "; Secure" } else { "" },
        };
        let attempts = Attempts::new();
        Self { reading: reading(http, &tokens), tokens, attempts, origin, cookie }
    }

    /// Why nobody may read, and what to do about it; `None` where somebody may.
    pub(crate) fn closed(&self) -> Option<&'static str> {
        match self.reading {
            Reading::Closed(why) => Some(why),
            Reading::Free | Reading::ByToken => None,
        }
    }

    /// The session that the cookies of a request tell of.
    pub(crate) fn session(&self, headers: &HeaderMap, now: DateTime<Utc>) -> Option<Session> {
        let sessions = self.cookies(headers).filter_map(|value| Session::of_text(value, &self.tokens, now));
        sessions.max_by_key(|session| session.role)
    }

    /// Whether a request has a cookie of this site, whatever is in it.
    pub(crate) fn has_cookie(&self, headers: &HeaderMap) -> bool {
        self.cookies(headers).next().is_some()
    }

    /// `Set-Cookie` for `session`, and then what ends the other role's: whoever logs in is that and nothing else.
    pub(crate) fn cookies_of(&self, session: &Session) -> Vec<HeaderValue> {
        let value = session.to_text(&self.tokens).unwrap_or_default();
        let (own, others): (Vec<_>, Vec<_>) =
            self.cookie.names.iter().partition(|(role, _)| *role == session.role);
        let own =
            own.into_iter().filter_map(|(role, name)| self.set_cookie(name, &value, lasts(*role).as_secs()));
        own.chain(others.into_iter().filter_map(|(_, name)| self.set_cookie(name, "", 0))).collect()
    }

    /// `Set-Cookie` that ends a session in a browser, whichever it is.
    pub(crate) fn cookies_of_nobody(&self) -> Vec<HeaderValue> {
        self.cookie.names.iter().filter_map(|(_, name)| self.set_cookie(name, "", 0)).collect()
    }

    fn set_cookie(&self, name: &str, value: &str, seconds: u64) -> Option<HeaderValue> {
        let Cookie { path, secure, .. } = &self.cookie;
        let text =
            format!("{name}={value}; Path={path}; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
        HeaderValue::from_str(&text).ok()
    }

    fn cookies<'h>(&'h self, headers: &'h HeaderMap) -> impl Iterator<Item = &'h str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let is_ours = |name: &str| self.cookie.names.iter().any(|(_, ours)| ours == name);
        pairs.filter(move |(name, _)| is_ours(name)).map(|(_, value)| value)
    }
}

fn reading(http: &Http, tokens: &Tokens) -> Reading {
    let is_local = |origin: &str| {
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        hosts::is_local(host)
    };
    if tokens.has(Role::Reader) {
        Reading::ByToken
    } else if !http.is_loopback() {
        Reading::Closed(
            "this site is closed: others than this machine can reach it, so set [http] token \
             (COINPIPE__HTTP__TOKEN), and it asks for it",
        )
    } else if !http.origin().is_none_or(is_local) {
        Reading::Closed(
            "this site is closed: [http] public_url says that others reach it, so set [http] token \
             (COINPIPE__HTTP__TOKEN), and it asks for it",
        )
    } else {
        Reading::Free
    }
}
