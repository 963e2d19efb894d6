//! `[http]`: where health, metrics and the site are served, and who may see and do what there.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::secret::Secret;
use crate::values::{or_off, secret_or_off};

/// Below these, at the top, are health and metrics.
const TAKEN: [&str; 3] = ["/livez", "/readyz", "/metrics"];
/// A token shorter than this, in characters, can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// `[http]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port; empty for none.
    #[serde(deserialize_with = "or_off")]
    pub listen: String,
    /// What the paths of the site begin with, such as `/coinpipe`, without a slash at its end; empty for nothing.
    #[serde(deserialize_with = "or_off")]
    pub base_path: String,
    /// Scheme, host and port at which people reach the site through a proxy; empty when they do not.
    #[serde(deserialize_with = "or_off")]
    pub public_url: String,
    /// What whoever reads the site has to know; empty: nothing on loopback, and elsewhere nobody reads it.
    #[serde(deserialize_with = "secret_or_off")]
    pub token: Secret,
    /// Read `token` from this file.
    pub token_file: PathBuf,
    /// What whoever acts on the site has to know; empty: nobody acts.
    #[serde(deserialize_with = "secret_or_off")]
    pub operator_token: Secret,
    /// Read `operator_token` from this file.
    pub operator_token_file: PathBuf,
    /// A name that every view shows, such as `staging`; empty for none.
    #[serde(deserialize_with = "or_off")]
    pub environment: String,
    /// Names of headers and of fields in bodies that the site does not show.
    pub hide: Vec<String>,
}

impl Http {
    /// Whether only this machine can connect.
    pub fn is_loopback(&self) -> bool {
        self.listen.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
    }

    /// Scheme, host and port at which people reach the site, without a slash at the end; `None` when nobody said.
    pub fn origin(&self) -> Option<&str> {
        let origin = self.public_url.trim_end_matches('/');
        (!origin.is_empty()).then_some(origin)
    }

    /// What a link from outside, such as one in a mail, begins with: a path of the site goes behind it. `None` when nobody said.
    pub fn link_base(&self) -> Option<String> {
        self.origin().map(|origin| format!("{origin}{}", self.base_path))
    }

    /// Checks the value of `key` alone.
    pub(crate) fn check(&self, key: &str) -> Result<(), String> {
        match key {
            "listen" if self.listen.is_empty() || self.listen.parse::<SocketAddr>().is_ok() => Ok(()),
            "listen" => {
                Err("must be an address and a port such as \"127.0.0.1:9464\", or \"off\"".to_owned())
            }
            "base_path" => base_path(&self.base_path),
            "public_url" if self.public_url.is_empty() => Ok(()),
            "public_url" => public_url(&self.public_url),
            "token" => token(&self.token),
            "operator_token" => token(&self.operator_token),
            "environment" => {
                let is_short = self.environment.chars().count() <= 40;
                let is_plain = is_short && !self.environment.chars().any(char::is_control);
                is_plain.then_some(()).ok_or_else(|| "must be at most 40 characters of plain text".to_owned())
            }
            "hide" => self.hide.iter().try_for_each(|name| {
                let is_odd = |c: char| "[]\"'".contains(c) || c.is_whitespace() || c.is_control();
                let is_name = (1..=200).contains(&name.len()) && !name.contains(is_odd);
                is_name.then_some(()).ok_or_else(|| {
                    format!(
                        "{name:?} is not a name; it is written hide = [\"secret\", \"x-trace\"], and as a \
                         variable {}=secret,x-trace",
                        crate::environment::variable("http", "hide")
                    )
                })
            }),
            _ => Ok(()),
        }
    }

    /// Checks what only all values together show. An error names the key.
    pub(crate) fn check_together(&self) -> Result<(), (&'static str, String)> {
        if !self.operator_token.is_empty() && self.token == self.operator_token {
            let reason = "must not be http.token: whoever may read could act".to_owned();
            return Err(("operator_token", reason));
        }
        Ok(())
    }
}

fn base_path(path: &str) -> Result<(), String> {
    let is_plain = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        !["", ".", ".."].contains(&part) && part.bytes().all(plain)
    };
    let rest = path.strip_prefix('/').filter(|_| path.len() <= 100);
    if !path.is_empty() && !rest.is_some_and(|rest| rest.split('/').all(is_plain)) {
        return Err("must be a path such as \"/coinpipe\", of letters, digits and -_.~, without a slash at \
                    its end"
            .to_owned());
    }
    let is_below = |taken: &&&str| {
        path.strip_prefix(**taken).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match TAKEN.iter().find(is_below) {
        Some(taken) => Err(format!("{taken} is taken: every process answers there")),
        None => Ok(()),
    }
}

fn public_url(text: &str) -> Result<(), String> {
    let url = url::Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
        return Err("must begin with https:// or http://, and a host".to_owned());
    }
    if url.password().is_some() || !url.username().is_empty() {
        return Err("must not hold a user or password".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("must end after the host and port; a path goes into http.base_path".to_owned());
    }
    // What a browser sends as its origin, so that the two can be compared.
    let origin = url.origin().ascii_serialization();
    if text.trim_end_matches('/') != origin {
        return Err(format!("must be written {origin:?}"));
    }
    Ok(())
}

/// Says nothing of the text.
fn token(secret: &Secret) -> Result<(), String> {
    let text = secret.expose();
    if text.is_empty() {
        return Ok(());
    }
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err("must be one word of printable ASCII".to_owned());
    }
    if !(SHORTEST_TOKEN..=256).contains(&text.len()) {
        return Err(format!(
            "must have {SHORTEST_TOKEN} to 256 characters, or it can be guessed; `openssl rand -hex 20` \
             makes one"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::defaults;

    fn http() -> Http {
        defaults()["http"].clone().try_into().unwrap()
    }

    fn checked(key: &str, set: impl FnOnce(&mut Http)) -> Result<(), String> {
        let mut http = http();
        set(&mut http);
        http.check(key)
    }

    #[test]
    fn a_base_path_is_a_plain_path_that_nothing_else_has() {
        for (path, is_right) in [
            ("", true),
            ("/coinpipe", true),
            ("/a/b-2/c.d~e_f", true),
            ("/metricsque", true),
            ("coinpipe", false),
            ("/", false),
            ("/coinpipe/", false),
            ("//evil.example", false),
            ("/a//b", false),
            ("/../a", false),
            ("/a/.", false),
            ("/a b", false),
            ("/a%2fb", false),
            ("/a?b", false),
            ("/a;b", false),
            ("/{id}", false),
            ("/metrics", false),
            ("/livez/a", false),
        ] {
            assert_eq!(
                checked("base_path", |http| path.clone_into(&mut http.base_path)).is_ok(),
                is_right,
                "{path}"
            );
        }
    }

    #[test]
    fn a_public_url_is_an_origin_as_browsers_write_it() {
        for (url, says) in [
            ("https://coins.example.com", ""),
            ("https://coins.example.com/", ""),
            ("http://[::1]:8080", ""),
            ("https://coins.example.com:8443", ""),
            ("coins.example.com", "URL"),
            ("ftp://coins.example.com", "https://"),
            ("https://coins.example.com/coinpipe", "http.base_path"),
            ("https://coins.example.com/?a", "http.base_path"),
            ("https://me:hunter2@coins.example.com", "password"),
            ("https://Coins.Example.com", "\"https://coins.example.com\""),
            ("https://coins.example.com:443", "\"https://coins.example.com\""),
        ] {
            let found = checked("public_url", |http| url.clone_into(&mut http.public_url));
            assert_eq!(found.is_ok(), says.is_empty(), "{url}: {found:?}");
            assert!(
                found.is_ok() || found.as_ref().is_err_and(|error| error.contains(says)),
                "{url}: {found:?}"
            );
            assert!(!format!("{found:?}").contains("hunter2"));
        }
    }

    #[test]
    fn a_token_that_can_be_guessed_or_cannot_be_sent_is_refused_and_does_not_show() {
        for (text, is_right) in [
            ("", true),
            ("0123456789abcdef", true),
            ("hunter2", false),
            ("hunter2 hunter2 hunter2", false),
            ("hunter2hunter2hunter2ü", false),
            (&"hunter2".repeat(40), false),
        ] {
            for key in ["token", "operator_token"] {
                let found = checked(key, |http| {
                    (http.token, http.operator_token) = (Secret::new(text), Secret::new(text));
                });
                assert_eq!(found.is_ok(), is_right, "{text}");
                assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
            }
        }
    }

    /// A list as TOML writes it, in a variable, is names with brackets and quotes, which hide nothing.
    #[test]
    fn a_name_to_hide_has_no_brackets_quotes_or_blanks() {
        let hide = |name: &str| checked("hide", |http| http.hide = vec!["a".to_owned(), name.to_owned()]);
        for name in ["secret", "x-trace", "contract_address", "größe", "a.b/c"] {
            assert_eq!(hide(name), Ok(()), "{name}");
        }
        for name in ["[\"secret\"", "\"x-trace\"]", "'secret'", "x trace", " secret", "", "a\tb", "[secret]"]
        {
            let told = hide(name).unwrap_err();
            assert!(told.contains("COINPIPE__HTTP__HIDE=secret,x-trace"), "{told}");
        }
    }

    #[test]
    fn what_is_below_the_link_of_a_mail_is_the_site() {
        let mut http = http();
        assert!(http.is_loopback() && http.link_base().is_none());
        "https://coins.example.com/".clone_into(&mut http.public_url);
        "/coinpipe".clone_into(&mut http.base_path);
        assert_eq!(http.link_base().as_deref(), Some("https://coins.example.com/coinpipe"));
        for (listen, is_loopback) in [
            ("[::1]:9464", true),
            ("127.8.0.1:1", true),
            ("0.0.0.0:9464", false),
            ("[::]:1", false),
            ("", false),
        ] {
            listen.clone_into(&mut http.listen);
            assert_eq!(http.is_loopback(), is_loopback, "{listen}");
        }
    }
}
