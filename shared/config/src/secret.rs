//! Text that must not be shown.

use std::fmt;

use serde::Deserialize;

/// A secret. It prints as `***`, so it cannot slip into logs, errors or messages; [`expose`](Self::expose) returns it.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A URL that may hold a password: prints without it.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The URL with its password.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The part before `:`, in lower case; empty when there is none.
    pub fn scheme(&self) -> String {
        self.0.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default()
    }
}

impl SecretUrl {
    /// The URL without its secrets; `None` when it has none.
    pub(crate) fn redacted(&self) -> Option<String> {
        // An unescaped `/`, `?` or `#` in a password ends the host early, and the rest of the password becomes path, query
        // or fragment. Then, and when the URL cannot be parsed, any part may be secret: show only the scheme.
        let all = || Some(format!("{}:***", self.scheme()));
        let Ok(mut url) = url::Url::parse(&self.0) else {
            return if self.0.contains('@') { all() } else { None };
        };
        let behind_host = [url.path(), url.query().unwrap_or(""), url.fragment().unwrap_or("")];
        if behind_host.iter().any(|part| part.contains('@')) {
            return all();
        }
        let mut is_secret = false;
        if url.password().is_some() {
            is_secret = true;
            let _ = url.set_password(Some("***"));
        }
        if let Some(query) = url.query() {
            let pairs = query.split('&').map(|pair| match pair.split_once('=') {
                Some((name, _)) if PARAMETERS.contains(&name) => pair.to_owned(),
                Some((name, _)) => format!("{name}=***"),
                None => "***".to_owned(),
            });
            let shown = pairs.collect::<Vec<_>>().join("&");
            if shown != query {
                is_secret = true;
                url.set_query(Some(&shown));
            }
        }
        is_secret.then(|| url.into())
    }
}

/// Parameters shown as they are; all others are redacted.
const PARAMETERS: [&str; 11] = [
    "heartbeat",
    "connection_timeout",
    "frame_max",
    "channel_max",
    "auth_mechanism",
    "ssl-mode",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "socket",
    "tls",
];

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.redacted().as_deref().unwrap_or(&self.0))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", Secret::new("k3y")), "***");
        for (url, shown) in [
            ("smtp://me:pa%40ss@mail.example:587", "smtp://me:***@mail.example:587"),
            ("mysql://u:p@ss@w:x:rd@host/db", "mysql://u:***@host/db"),
            ("smtp://me:12/hunter2@mail.example", "smtp:***"),
            ("smtp://me:12?hunter2@mail.example", "smtp:***"),
            ("smtp://me:12#hunter2@mail.example", "smtp:***"),
            ("mysql://u:hunter2@host/db?ssl-mode=required", "mysql://u:***@host/db?ssl-mode=required"),
            (
                "mysql://u@host/db?password=hunter2&ssl-mode=disabled",
                "mysql://u@host/db?password=***&ssl-mode=disabled",
            ),
            ("sqlite://x.db?hunter2", "sqlite://x.db?***"),
            ("sqlite://coinpipe.db", "sqlite://coinpipe.db"),
            ("sqlite:my file.db", "sqlite:my file.db"),
        ] {
            assert_eq!(SecretUrl::new(url).to_string(), shown);
        }
    }
}
