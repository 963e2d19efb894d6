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
    name: String,
    path: String,
    secure: &'static str,
}

impl Guard {
    pub(crate) fn new(http: &Http) -> Self {
        let tokens = Tokens::new(http);
        // Cookies do not know ports: two sites on one host must not take each other's for theirs, and those of one must.
        let signed =
            tokens.sign(Role::Operator, "\0cookie").or_else(|| tokens.sign(Role::Reader, "\0cookie"));
        let mark: Vec<u8> = signed.into_iter().flatten().take(6).collect();
        let origin = http.origin().map(str::to_owned);
        let is_https = origin.as_ref().is_some_and(|origin| origin.starts_with("https://"));
        let cookie = Cookie {
            name: format!("coinpipe_{}", URL_SAFE_NO_PAD.encode(mark)),
            path: if http.base_path.is_empty() { "/".to_owned() } else { http.base_path.clone() },
            secure: if is_https { "; Secure" } else { "" },
        };
        let attempts = Attempts::new();
        Self { reading: reading(http, &tokens), tokens, attempts, origin, cookie }
    }

    /// The session that the cookies of a request tell of.
    pub(crate) fn session(&self, headers: &HeaderMap, now: DateTime<Utc>) -> Option<Session> {
        self.cookies(headers).find_map(|value| Session::of_text(value, &self.tokens, now))
    }

    /// Whether a request has a cookie of this site, whatever is in it.
    pub(crate) fn has_cookie(&self, headers: &HeaderMap) -> bool {
        self.cookies(headers).next().is_some()
    }

    /// `Set-Cookie` for `session`.
    pub(crate) fn cookie_of(&self, session: &Session) -> Option<HeaderValue> {
        let value = session.to_text(&self.tokens)?;
        self.set_cookie(&value, lasts(session.role).as_secs())
    }

    /// `Set-Cookie` that ends a session in a browser.
    pub(crate) fn cookie_of_nobody(&self) -> Option<HeaderValue> {
        self.set_cookie("", 0)
    }

    fn set_cookie(&self, value: &str, seconds: u64) -> Option<HeaderValue> {
        let Cookie { name, path, secure } = &self.cookie;
        let text =
            format!("{name}={value}; Path={path}; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
        HeaderValue::from_str(&text).ok()
    }

    fn cookies<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = &'h str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(name, _)| *name == self.cookie.name).map(|(_, value)| value)
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
