//! Where the database is and how it is reached: a `mysql:` URL, checked before anything is opened.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use tokio::io::AsyncReadExt;
use url::{Host, Url};

use crate::error::Error;

/// How a database is reached. Neither its text nor its `Debug` shows the password.
#[derive(Clone)]
pub struct Options {
    /// Connections at once, at least 1; more calls wait for their turn.
    pub max_connections: u32,
    /// The longest a statement may take, at least one second. A call takes at most three times as long, its
    /// retries included.
    pub statement_timeout: Duration,
    pub(crate) connect: MySqlConnectOptions,
    pub(crate) place: String,
    /// The files that the URL names, by their parameter.
    files: Vec<(String, PathBuf)>,
}

impl Options {
    /// Ten connections, 15 seconds a statement, and what `url` says:
    /// `mysql://USER:PASSWORD@HOST:PORT/DATABASE`, all but the port needed, and `%40` for `@` and the like in
    /// any part. Parameters:
    /// - `ssl-mode`: `disabled`; `preferred` (TLS when the server has it); `required` (TLS, with whatever
    ///   certificate: nobody can listen, but someone in between can pretend to be the server); `verify_ca`;
    ///   `verify_identity`. Without it: `verify_identity` with an `ssl-ca`, `preferred` on this machine, and
    ///   otherwise `required`. So what goes over a network is never sent in plain text unless the URL says so.
    /// - `ssl-ca`: a PEM file with certificates to trust beside the system's; only where they are verified.
    /// - `ssl-cert`, `ssl-key`: PEM files to log in with.
    /// - `socket`: a Unix socket to connect to instead of the host.
    ///
    /// Any other parameter is an error.
    pub fn new(url: &str) -> Result<Self, Error> {
        let url = parse(url).map_err(Error::Misconfigured)?;
        let parameter = |name: &str| url.query_pairs().any(|(key, _)| key == name);
        let wrong =
            |_| Error::Misconfigured(wrong("the URL has a % without two hexadecimal digits of UTF-8"));
        let mut connect = MySqlConnectOptions::from_url(&url)
            .map_err(wrong)?
            // The session is set up by the pool.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            // The statements are hundreds of kilobytes long.
            .disable_statement_logging();
        // sqlx takes it with the brackets of the URL, which no resolver understands.
        if let Some(Host::Ipv6(address)) = url.host() {
            connect = connect.host(&address.to_string());
        }
        if !parameter("ssl-mode") {
            connect = connect.ssl_mode(if parameter("ssl-ca") {
                MySqlSslMode::VerifyIdentity
            } else if parameter("socket") || is_loopback(&url) {
                MySqlSslMode::Preferred
            } else {
                MySqlSslMode::Required
            });
        }
        let port = url.port().unwrap_or(3306);
        let place = format!("{}:{port}{}", url.host_str().unwrap_or_default(), url.path());
        let files =
            url.query_pairs().filter(|(name, _)| ["ssl-ca", "ssl-cert", "ssl-key"].contains(&&**name));
        let files = files.map(|(name, file)| (name.into_owned(), file.into_owned().into())).collect();
        Ok(Self { max_connections: 10, statement_timeout: Duration::from_secs(15), connect, place, files })
    }

    /// Fails when a file that the URL names cannot be read: waiting for the server would not help.
    pub(crate) async fn check_files(&self) -> Result<(), Error> {
        for (name, file) in &self.files {
            let read = async {
                let mut bytes = Vec::new();
                tokio::fs::File::open(file).await?.take(MOST_FILE_BYTES + 1).read_to_end(&mut bytes).await?;
                if bytes.len() as u64 > MOST_FILE_BYTES {
                    return Err(std::io::Error::other("it is larger than 4 MiB"));
                }
                Ok(())
            };
            if let Err(error) = read.await {
                let reason = format!("{}: cannot read the {name} {}: {error}", self.place, file.display());
                return Err(Error::Misconfigured(reason));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("place", &self.place)
            .field("max_connections", &self.max_connections)
            .field("statement_timeout", &self.statement_timeout)
            .finish_non_exhaustive()
    }
}

/// Why `url` cannot be one of a MySQL database; connects to nothing. See [`Options::new`]. The reason shows
/// no part of a password, not even of one that broke the URL.
pub fn check_url(url: &str) -> Result<(), String> {
    Options::new(url).map(|_| ()).map_err(|error| error.to_string())
}

/// The longest file of certificates or of a key; all certificates of a system together have about 200 KB.
const MOST_FILE_BYTES: u64 = 4 << 20;

const MODES: [&str; 5] = ["disabled", "preferred", "required", "verify_ca", "verify_identity"];

fn parse(text: &str) -> Result<Url, String> {
    if !text.starts_with("mysql:") {
        return Err(wrong("the URL does not start with mysql:"));
    }
    let url = Url::parse(text).map_err(|error| wrong(&format!("the URL cannot be read ({error})")))?;
    if url.host_str().unwrap_or_default().is_empty() {
        return Err(wrong("the URL names no host"));
    }
    // A #, / or ? in a password ends up here: there is no user then, and what follows may be the password.
    if url.username().is_empty() {
        return Err(wrong(
            "the URL names no user, or its password has a #, / or ? that is not written as %23, %2F or %3F",
        ));
    }
    if url.fragment().is_some() {
        return Err(wrong("the URL has a #"));
    }
    match url.path().strip_prefix('/') {
        None | Some("") => return Err(wrong("the URL names no database")),
        Some(database) if database.contains('/') => return Err(wrong("the database's name has a /")),
        Some(_) => {}
    }
    for (name, value) in url.query_pairs() {
        match &*name {
            "ssl-mode" if !MODES.contains(&&*value) => {
                return Err(wrong(&format!("ssl-mode is not one of {}", MODES.join(", "))));
            }
            "ssl-ca" | "ssl-cert" | "ssl-key" | "socket" if value.is_empty() => {
                return Err(wrong(&format!("{name} names no file")));
            }
            "ssl-mode" | "ssl-ca" | "ssl-cert" | "ssl-key" | "socket" => {}
            // Only the name: a value may be a secret.
            _ => return Err(wrong(&format!("the URL has an unknown parameter {name:?}"))),
        }
    }
    let unverified = url.query_pairs().any(|(name, mode)| name == "ssl-mode" && !mode.starts_with("verify"));
    if unverified && url.query_pairs().any(|(name, _)| name == "ssl-ca") {
        return Err(wrong("ssl-ca is of no use without ssl-mode=verify_ca or verify_identity"));
    }
    Ok(url)
}

fn wrong(what: &str) -> String {
    format!("{what}; a MySQL URL is mysql://USER:PASSWORD@HOST:PORT/DATABASE")
}

fn is_loopback(url: &Url) -> bool {
    // For a scheme that it does not know, url takes an IPv4 address for a name.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests;
