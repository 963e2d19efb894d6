//! Text that must not be seen.

use std::fmt;

use serde::Deserialize;

/// A secret: prints as `***`, so it cannot slip into logs, errors or messages. Read it with
/// [`expose`](Self::expose), where it is used.
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

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A password with `/`, `?` or `#` in it ends up behind the host: then, and when the URL cannot be
        // parsed at all, any part may be the secret, and only the scheme is shown.
        match url::Url::parse(&self.0) {
            Ok(mut url) => {
                let behind_host = [url.path(), url.query().unwrap_or(""), url.fragment().unwrap_or("")];
                if behind_host.iter().any(|part| part.contains('@')) {
                    return write!(f, "{}:***", self.scheme());
                }
                if url.password().is_some() {
                    let _ = url.set_password(Some("***"));
                }
                f.write_str(url.as_str())
            }
            Err(_) if self.0.contains('@') => write!(f, "{}:***", self.scheme()),
            Err(_) => f.write_str(&self.0),
        }
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
            ("sqlite://coinpipe.db", "sqlite://coinpipe.db"),
        ] {
            assert_eq!(SecretUrl::new(url).to_string(), shown);
        }
    }
}
